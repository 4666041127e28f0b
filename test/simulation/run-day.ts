// Lives one day: a world, its nodes and senders, the gateway between them, the events, quiet, and then the campaign's checks over what
// was written down. Promises: nothing of it depends on anything but the day; two days never run at the same time.
import { hash } from 'node:crypto';
import { usePlatform } from '../../src/platform/current.ts';
import { Network } from '../../src/tools/world/network.ts';
import { platformOn } from '../../src/tools/world/platform.ts';
import { Prng } from '../../src/tools/world/prng.ts';
import { ThreadTroubles } from '../../src/tools/world/threads.ts';
import { VirtualTime } from '../../src/tools/world/virtual-time.ts';
import { check } from '../campaign/checker.ts';
import type { Disturbance } from '../campaign/checks/calm.ts';
import { factsOf, type Logs } from '../campaign/checks/facts.ts';
import type { Violation } from '../campaign/checks/violation.ts';
import { profileFor } from '../campaign/profiles.ts';
import { checkAccounts } from './accounts.ts';
import { type Day, type DayEvent, GATEWAY_HOST } from './day.ts';
import { isOfWriteTimeout, judge } from './judge/judge.ts';
import { limitsOf } from './judge/lived.ts';
import { checkSpans } from './judge/spans.ts';
import { SimulatedCollector } from './peers/collector.ts';
import { SimulatedGateway } from './peers/gateway.ts';
import { NODE_MODES, type NodeMode, SimulatedNode } from './peers/node.ts';
import { Clock } from './peers/record.ts';
import { type SenderAct, SimulatedSender } from './peers/sender.ts';

export interface Outcome {
  readonly violations: readonly Violation[];
  readonly logs: Logs;
  /** The gateway's own log. */
  readonly lines: readonly { readonly t: number; readonly text: string }[];
  /** As they came, each an ExportTraceServiceRequest; empty on a day without traces. */
  readonly spans: readonly Uint8Array[];
  readonly disturbances: readonly Disturbance[];
  readonly reloads: SimulatedGateway['reloads'];
  readonly messages: number;
  readonly virtualMs: number;
  readonly steps: number;
}

/** For senders to get their last answers: they may have to say again what they had, behind others. */
const QUIET_MS = 40_000;
/** With everything well, each node is used again by then: the last one is left out for a minute at most. */
const RECOVERY_MS = 65_000;
const SAMPLED_EVERY_MS = 20;
/** Nothing of the gateway has a timer that is longer, but one that was forgotten. */
const LONGEST_TIMER_MS = 600_000;

/** Of all that senders, nodes and the gateway wrote down. */
export function digestOf({ logs, lines, spans }: Outcome): string {
  const told = spans.map((batch) => Buffer.from(batch).toString('base64'));
  return hash('sha256', JSON.stringify([logs, lines, told]), 'base64url');
}

export async function runDay(day: Day): Promise<Outcome> {
  const world = new World(day);
  const onRejection = (thrown: unknown): void => world.thrown(thrown);
  process.on('unhandledRejection', onRejection).on('uncaughtException', onRejection);
  try {
    return await world.live();
  } finally {
    usePlatform(undefined);
    process.off('unhandledRejection', onRejection).off('uncaughtException', onRejection);
  }
}

class World {
  readonly #day: Day;
  readonly #time: VirtualTime;
  readonly #network: Network;
  readonly #troubles = new ThreadTroubles();
  readonly #clock: Clock;
  readonly #nodes: readonly SimulatedNode[];
  readonly #senders: readonly SimulatedSender[];
  readonly #gateway: SimulatedGateway;
  readonly #collector: SimulatedCollector;
  readonly #wallOffsetMs: number;
  readonly #disturbances: { target: string; kind: string; from: number; until: number }[] = [];
  readonly #uncaught: string[] = [];
  readonly #beyond = new Set<string>();
  readonly #notRecovered: string[] = [];

  constructor(day: Day) {
    const prng = new Prng(day.seed);
    this.#day = day;
    this.#time = new VirtualTime(prng.fork());
    this.#time.onThrown = (thrown) => this.thrown(thrown);
    this.#network = new Network(this.#time, prng.fork());
    this.#network.splitting = day.splitting;
    this.#network.windowBytes = day.windowBytes;
    this.#clock = new Clock(this.#time);
    this.#collector = new SimulatedCollector(this.#time);
    usePlatform({
      ...platformOn(this.#time, this.#network, GATEWAY_HOST, prng.fork(), this.#troubles),
      openSpanLine: () => this.#collector.open(),
    });
    this.#wallOffsetMs = this.#time.wallOffsetMs;
    this.#nodes = day.nodes.map((start) => new SimulatedNode(start, this.#network, this.#clock));
    this.#senders = day.senders.map((start) => new SimulatedSender(start, this.#network, this.#clock));
    this.#gateway = new SimulatedGateway(day.config, prng.int(0, 9), this.#time, this.#clock);
  }

  thrown(thrown: unknown): void {
    this.#uncaught.push(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  }

  async live(): Promise<Outcome> {
    const time = this.#time;
    for (const node of this.#nodes) node.begin();
    await this.#await(this.#gateway.start());
    for (const sender of this.#senders) sender.begin();
    const { events, durationMs } = this.#day;
    const beganAt = time.nowMs;
    for (const event of events) {
      time.at(beganAt + event.atMs, () => this.#begin(event));
      time.at(beganAt + event.atMs + event.lastsMs, () => this.#end(event));
    }
    time.at(beganAt + durationMs, () => {
      for (const sender of this.#senders) sender.finish();
    });
    const isDone = (): boolean => this.#senders.every((sender) => sender.isDone);
    let isOver = false;
    const sample = (): void => {
      for (const what of this.#gateway.beyond) this.#beyond.add(`${what} at ${this.#clock.now()}`);
      if (!isOver) time.after(SAMPLED_EVERY_MS, sample);
    };
    sample();
    await time.run(isDone, beganAt + durationMs + QUIET_MS);
    isOver = true;
    await time.run(() => this.#gateway.notUp.length === 0, time.nowMs + RECOVERY_MS);
    this.#notRecovered.push(...this.#gateway.notUp);
    const clean = await this.#await(this.#gateway.stop());
    // Whatever is left has its time: the peers' own last bytes, and timers that were forgotten.
    const untilMs = time.nowMs + LONGEST_TIMER_MS;
    await time.run(() => false, untilMs);
    if (time.pending > 0) this.#gateway.left.push(`${time.pending} timers or callbacks`);
    return this.#outcome(clean, await this.#gateway.counted());
  }

  #outcome(clean: boolean | undefined, counted: number | undefined): Outcome {
    const logs: Logs = {
      senders: Object.fromEntries(this.#senders.map(({ start, record }) => [start.name, record.entries])),
      nodes: Object.fromEntries(
        this.#nodes.map(({ start, records }) => [start.name, records.map(({ entries }) => entries)]),
      ),
    };
    const open = this.#network.openOf(GATEWAY_HOST);
    const same = { rss: 0, heapUsed: 0, external: 0 };
    const ending = {
      descriptors: { before: 0, after: open, what: [`${open} connections`] },
      memory: { before: same, after: same },
      exit: clean === undefined ? undefined : { code: clean ? 0 : 1, signal: null },
      handovers: this.#gateway.handovers,
      stderr: '',
      failures: this.#gateway.failures,
      uncaught: this.#uncaught,
      reloads: this.#gateway.findings,
      disturbances: this.#disturbances,
    };
    const { lines, left, operated, handovers } = this.#gateway;
    const promises = { ...profileFor(0, this.#day.profile), refusals: this.#day.refusals };
    const violations = [
      ...check(logs, promises, ending).filter((one) => !isOfWriteTimeout(one, { lines })),
      ...this.#checkSpans(logs),
      ...checkAccounts({ senders: logs.senders, lines, counted }),
      ...judge(
        {
          ...{ logs, lines, left, operated, handovers, disturbances: this.#disturbances },
          stood: this.#senders.flatMap((sender) => sender.stood),
          senderLimits: this.#day.limits,
          ...{ notRecovered: this.#notRecovered, beyond: [...this.#beyond], limits: limitsOf(this.#day) },
        },
        promises,
      ),
    ];
    return {
      violations,
      ...{ logs, lines, spans: this.#collector.batches },
      ...{ disturbances: this.#disturbances, reloads: this.#gateway.reloads },
      messages: this.#senders.reduce((sum, { speech }) => sum + speech.made, 0),
      virtualMs: this.#time.nowMs,
      steps: this.#time.steps,
    };
  }

  #checkSpans(logs: Logs): Violation[] {
    const { batches } = this.#collector;
    if (!this.#day.hasTraces) return [];
    const isSet = this.#day.events.some(({ kind }) => kind === 'clock-jump');
    const wallOffsetMs = isSet ? undefined : this.#wallOffsetMs;
    const { lines, handovers } = this.#gateway;
    return checkSpans({ batches, lines, handovers, facts: factsOf(logs), wallOffsetMs });
  }

  /** Undefined: it never settled. */
  async #await<T>(promise: Promise<T>): Promise<T | undefined> {
    let settled = false;
    let value: T | undefined;
    promise
      .then(
        (result) => {
          value = result;
        },
        (thrown) => this.thrown(thrown),
      )
      .finally(() => {
        settled = true;
      });
    await this.#time.run(() => settled, this.#time.nowMs + LONGEST_TIMER_MS);
    return value;
  }

  #begin(event: DayEvent): void {
    const { kind, target, lastsMs } = event;
    const from = this.#clock.now();
    const until = from + Math.round(lastsMs * 1_000);
    this.#disturbances.push({ target: target === '' ? 'gateway' : target, kind, from, until });
    const node = this.#nodes.find(({ start }) => start.name === target);
    const sender = this.#senders.find(({ start }) => start.name === target);
    if (event.on === 'node' && node !== undefined) this.#beginOnNode(event, node);
    else if (event.on === 'sender') sender?.act(kind.slice('sender-'.length) as SenderAct, lastsMs);
    else if (event.on === 'network') this.#disturb(event, node, sender);
    else if (event.on === 'gateway') {
      if (kind === 'config-reload') void this.#gateway.reload();
      else if (kind === 'hot-restart') void this.#gateway.hotRestart();
      else if (node !== undefined) this.#gateway.begin(kind as 'drain' | 'maintenance', node.start.name);
    } else this.#beginOnMachine(event);
  }

  #beginOnNode({ kind }: DayEvent, node: SimulatedNode): void {
    if (kind === 'kill') node.kill();
    else if (kind === 'power-off') node.powerOff();
    else if (kind === 'redeploy') node.redeploy();
    else if (kind === 'halt') node.halt();
    else if (NODE_MODES.some((mode) => mode === kind)) node.enter(kind as NodeMode);
  }

  #end(event: DayEvent): void {
    const node = this.#nodes.find(({ start }) => start.name === event.target);
    if (event.kind === 'drain' || event.kind === 'maintenance') {
      if (node !== undefined) this.#gateway.end(node.start.name);
      return;
    }
    if (event.kind === 'crowd') this.#network.maxOpen.delete(GATEWAY_HOST);
    if (event.on !== 'node' || node === undefined) return;
    if (event.kind === 'halt') node.go();
    else if (event.kind === 'redeploy') node.deployed();
    else if (event.kind === 'kill' || event.kind === 'power-off') node.restart();
    else node.enter('normal');
  }

  #disturb({ kind, lastsMs, seed }: DayEvent, node?: SimulatedNode, sender?: SimulatedSender): void {
    const prng = new Prng(seed);
    const host = kind === 'sender-way' ? sender?.start.name : node?.start.host;
    if (host === undefined) return;
    const untilMs = this.#time.nowMs + lastsMs;
    const slowMs = kind === 'slow-way' ? prng.int(5, 300) : ('cut' as const);
    const isThere = kind !== 'one-way' || prng.chance(0.5);
    if (isThere) this.#network.disturb({ from: GATEWAY_HOST, to: host, untilMs, slowMs });
    if (kind !== 'one-way' || !isThere)
      this.#network.disturb({ from: host, to: GATEWAY_HOST, untilMs, slowMs });
  }

  #beginOnMachine({ kind, lastsMs, seed }: DayEvent): void {
    const prng = new Prng(seed);
    const untilMs = this.#time.nowMs + lastsMs;
    if (kind === 'clock-jump') this.#time.wallOffsetMs += prng.int(-7_200_000, 7_200_000);
    else if (kind === 'crowd')
      this.#network.maxOpen.set(GATEWAY_HOST, this.#network.openOf(GATEWAY_HOST) + prng.int(0, 2));
    else if (kind === 'threads-die') this.#troubles.dyingUntilMs = untilMs;
    else this.#troubles.hangingUntilMs = untilMs;
  }
}
