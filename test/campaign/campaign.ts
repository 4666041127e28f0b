// One campaign: nodes, senders and the gateway as processes, a planned sequence of events, quiet, and then the checker over
// what they wrote. Promises: a run is told by its seed and options, and every process that it started ends with it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Prng } from '../../src/tools/world/prng.ts';
import { check } from './checker.ts';
import { disturbancesOf } from './checks/calm.ts';
import type { Ending } from './checks/ends.ts';
import type { Violation } from './checks/violation.ts';
import { EVENT_KINDS, type EventKind } from './events/kinds.ts';
import { perform } from './events/perform.ts';
import { type PlannedEvent, planOf } from './events/plan.ts';
import { type Figures, figuresOf } from './figures.ts';
import { freePort, ownAddress } from './peers/addresses.ts';
import { within } from './peers/child.ts';
import { ADMIN_TOKEN, GatewayProcess } from './peers/gateway-process.ts';
import type { TlsStart, Wire } from './peers/orders.ts';
import { NodeProcess, SenderProcess, WebClientProcess } from './peers/targets.ts';
import { PATIENCE_MS, type Profile, profileFor } from './profiles.ts';
import { type JournalEntry, LogWriter, readLog } from './wire/log.ts';
import { makeTlsFiles } from './wire/tls.ts';

export interface CampaignOptions {
  readonly seed: number;
  readonly events: number;
  /** By default what keeps one or two of three nodes disturbed at any time, times the profile's pace. */
  readonly durationMs?: number;
  /** By default the seed's. */
  readonly profile?: string | undefined;
  /** Only events of these kinds. */
  readonly kinds?: readonly string[] | undefined;
  readonly senders?: number;
  /** All senders use the same two control ids, whatever the profile. */
  readonly sharedIds?: boolean;
  /** Where the product, or a mutant of it, is. */
  readonly root?: string;
  /** Logs are kept here; by default they go with the campaign, unless there are violations. */
  readonly keep?: string | undefined;
  /** Not even then: of a gateway that is meant to be wrong. */
  readonly discard?: boolean;
  /** For senders to get their last answers, and then for the gateway to let go of what it holds. */
  readonly quietMs?: number;
  readonly onEvent?: (event: PlannedEvent, of: number) => void;
}

export interface CampaignResult {
  readonly profile: Profile;
  readonly violations: readonly Violation[];
  readonly figures: Figures & { readonly seconds: Readonly<Record<string, number>> };
  /** Where the logs are, if they were kept. */
  readonly logs: string | undefined;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Between two events. */
const EVENT_MS = 400;
/** Half of what a sender waits: requests are what may end a process. */
const WEB_THINK_MS = 10;
/** A sender's log of this size holds a dozen messages: code has been loaded, connections are there. */
const WARM_BYTES = 4_000;
/**
 * A sender may have to connect anew, say again what it had, and wait behind others; then the gateway ends idle connections
 * to nodes after 2 s, and waits 2 s for those that do not end themselves.
 */
const QUIET_MS = 40_000;
/** All of them are processes that have to be started, beside whatever else the machine has to do. */
const START_MS = 120_000;
const POLL_MS = 50;

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const folder = mkdtempSync(join(options.keep ?? tmpdir(), `campaign-${options.seed}-`));
  try {
    const result = await runIn(folder, options);
    const kept = options.keep !== undefined || (result.violations.length > 0 && options.discard !== true);
    if (!kept) rmSync(folder, { recursive: true });
    return { ...result, logs: kept ? folder : undefined };
  } catch (cause) {
    throw new Error(`the campaign broke off; logs in ${folder}`, { cause });
  }
}

async function runIn(folder: string, options: CampaignOptions): Promise<Omit<CampaignResult, 'logs'>> {
  const { seed, root = ROOT, quietMs = QUIET_MS } = options;
  const profile = profileFor(seed, options.profile);
  const prng = new Prng(seed);
  const phases = new Phases();
  await using stack = new AsyncDisposableStack();
  const journal = stack.adopt(new LogWriter<JournalEntry>(join(folder, 'journal.jsonl')), (one) =>
    one.close(),
  );

  const tls = makeTlsFiles(folder);
  const nodes = await startNodes(profile, folder, tls, prng, stack);
  const host = ownAddress();
  const wires = new Set([...profile.senders.map(({ wire }) => wire), ...profile.webClients]);
  const ports = new Map<Wire, number>();
  for (const wire of wires) ports.set(wire, await freePort(host));
  const admin = `${host}:${await freePort(host)}`;
  const listeners = Object.fromEntries([...ports].map(([wire, port]) => [wire, `${host}:${port}`]));
  const config = profile.config({ nodes, listeners, admin, token: ADMIN_TOKEN, tls });
  const { output, maxDescriptors } = profile;
  const [port = 0] = ports.values();
  const gateway = stack.adopt(
    await GatewayProcess.start({
      ...{ root, folder, config, admin, output, maxDescriptors },
      listener: { host, port },
    }),
    (one) => one.kill(),
  );
  const descriptorsBefore = await fewestDescriptors(gateway, profile);
  const peers = { profile, host, ports, folder, tls, prng, stack };
  const senders = startSenders(options, peers);
  const webClients = startWebClients(peers);
  await until(() => senders.every(({ logBytes }) => logBytes > WARM_BYTES), START_MS, 'senders at work');
  const memoryBefore = await gateway.memory();
  phases.end('start');

  const kinds = kindsFor(gateway, profile, options.kinds);
  const durationMs = options.durationMs ?? options.events * EVENT_MS * profile.pace;
  const plan = planOf({ ...options, durationMs, kinds, nodes: nodes.length, senders: senders.length }, prng);
  await perform(plan, { node: nodes, sender: senders, gateway: [gateway] }, journal, options.onEvent);
  phases.end('events');

  const clients = [...senders, ...webClients];
  for (const client of clients) client.act('finish');
  const finished = Promise.all(clients.map(({ exited }) => exited));
  await Promise.race([finished, pause(quietMs, undefined, { ref: false })]);
  await Promise.all(clients.map((client) => client.kill()));
  phases.end('senders’ end');
  let what: readonly string[] = [];
  // The first look at which it is as few counts: health checks open some for a moment.
  const letGo = (): boolean => {
    what = gateway.gone ? [] : descriptorsOf(gateway, profile);
    return what.length <= descriptorsBefore;
  };
  await until(letGo, quietMs, 'descriptors').catch(() => {});
  const memoryAfter = gateway.gone ? memoryBefore : await gateway.memory();
  const died = nodes.filter(({ alive }) => !alive).map(({ name }) => name);
  if (died.length > 0) throw new Error(`nodes ended by themselves: ${died.join(', ')}`);
  const handovers = await gateway.handovers();
  const exit = await within(gateway.stop(), QUIET_MS, 'the gateway’s end');
  phases.end('gateway’s end');

  const logs = {
    senders: Object.fromEntries(senders.map((sender) => [sender.name, sender.readLog()])),
    nodes: Object.fromEntries(nodes.map((node) => [node.name, node.readLogs()])),
    webClients: Object.fromEntries(webClients.map((client) => [client.name, client.readLog()])),
  };
  const lines = gateway.readLog();
  const ending: Ending = {
    descriptors: { before: descriptorsBefore, after: what.length, what },
    memory: { before: memoryBefore, after: memoryAfter },
    exit,
    handovers,
    stderr: gateway.stderr,
    failures: gateway.failures(),
    uncaught: gateway.uncaught(),
    reloads: gateway.findings,
    disturbances: disturbancesOf(readLog<JournalEntry>(join(folder, 'journal.jsonl'))),
  };
  const figures = { seconds: phases.seconds, ...figuresOf(logs, plan, lines, ending) };
  return { profile, violations: check(logs, profile, ending), figures };
}

function kindsFor(
  { features }: GatewayProcess,
  { except, only: ofProfile }: Profile,
  only: CampaignOptions['kinds'],
): EventKind[] {
  const unknown = only?.find((name) => !EVENT_KINDS.some(({ kind }) => kind === name));
  if (unknown !== undefined) throw new Error(`no kind of event ${unknown}`);
  return EVENT_KINDS.filter(
    ({ kind, supported }) =>
      only?.includes(kind) !== false &&
      ofProfile?.includes(kind) !== false &&
      !except.includes(kind) &&
      supported?.(features) !== false,
  );
}

async function startNodes(
  { nodes: wanted, ackMs }: Profile,
  folder: string,
  tls: TlsStart,
  prng: Prng,
  stack: AsyncDisposableStack,
): Promise<NodeProcess[]> {
  const host = ownAddress();
  const nodes = wanted.map(({ name, pool, wire }) => {
    const start = { name, wire, tls, host, port: 0, seed: prng.int(0, 1e9), ackMs };
    return stack.adopt(new NodeProcess(start, pool, folder), (node) => node.kill());
  });
  await Promise.all(nodes.map((node) => node.restart()));
  return nodes;
}

interface Peers {
  readonly profile: Profile;
  readonly host: string;
  readonly ports: ReadonlyMap<Wire, number>;
  readonly folder: string;
  readonly tls: TlsStart;
  readonly prng: Prng;
  readonly stack: AsyncDisposableStack;
}

function startSenders(
  { senders: count, sharedIds = false }: CampaignOptions,
  { profile, host, ports, folder, tls, prng, stack }: Peers,
): SenderProcess[] {
  return profile.senders.slice(0, count).map((one, i) => {
    const sender = new SenderProcess({
      ...{ name: `S${i}`, host, tls },
      ...one,
      port: ports.get(one.wire) ?? 0,
      log: join(folder, `sender-${i}.jsonl`),
      seed: prng.int(0, 1e9),
      ids: sharedIds || profile.sharedIds ? 'shared' : one.ids,
      patienceMs: PATIENCE_MS,
    });
    return stack.adopt(sender, (process) => process.kill());
  });
}

function startWebClients({ profile, host, ports, folder, tls, prng, stack }: Peers): WebClientProcess[] {
  return profile.webClients.map((wire, i) => {
    const client = new WebClientProcess({
      ...{ name: `W${i}`, wire, tls, host, patienceMs: PATIENCE_MS, thinkMs: WEB_THINK_MS },
      port: ports.get(wire) ?? 0,
      log: join(folder, `web-client-${i}.jsonl`),
      seed: prng.int(0, 1e9),
    });
    return stack.adopt(client, (process) => process.kill());
  });
}

/** How long each part took. */
class Phases {
  readonly seconds: Record<string, number> = {};
  #since = performance.now();

  end(phase: string): void {
    const now = performance.now();
    this.seconds[phase] = Math.round((now - this.#since) / 100) / 10;
    this.#since = now;
  }
}

function descriptorsOf(gateway: GatewayProcess, { hasWorkers }: Profile): readonly string[] {
  const all = gateway.descriptors();
  return hasWorkers ? all.filter((what) => what.startsWith('socket:')) : all;
}

/** Health checks open one for a moment. */
async function fewestDescriptors(gateway: GatewayProcess, profile: Profile): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let looks = 0; looks < 10; looks++) {
    fewest = Math.min(fewest, descriptorsOf(gateway, profile).length);
    await pause(POLL_MS);
  }
  return fewest;
}

async function until(holds: () => boolean, deadlineMs: number, what: string): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await pause(POLL_MS);
  }
}
