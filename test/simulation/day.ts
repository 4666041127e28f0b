// What happens on one simulated day: the gateway's config, who sends, which nodes there are, and every event with its time. Pure data, made
// from a seed. Promises: the same seed is the same day; a day can be made smaller by leaving out events or senders.

import { Prng } from '../../src/tools/world/prng.ts';
import { isHttp, type Wire } from '../campaign/peers/orders.ts';
import { ACK_MS, PATIENCE_MS, type Profile, profileFor } from '../campaign/profiles.ts';
import { NODE_MODES, type SimulatedNodeStart } from './peers/node.ts';
import { SENDER_ACTS, type SenderLimits, type SimulatedSenderStart } from './peers/sender.ts';

export const GATEWAY_HOST = '10.0.0.1';
const GATEWAY_PORTS = { mllp: 2575, http: 8080 } as const;

export interface DayEvent {
  readonly number: number;
  readonly kind: string;
  readonly on: 'node' | 'sender' | 'gateway' | 'network' | 'machine';
  /** The name of a node or a sender; empty: the gateway. */
  readonly target: string;
  readonly atMs: number;
  readonly lastsMs: number;
  readonly seed: number;
}

export interface Day {
  readonly seed: number;
  /** Of the campaign's: what the config promises. */
  readonly profile: string;
  readonly config: object;
  /** Every message is traced, and what its spans say is judged. */
  readonly hasTraces: boolean;
  /** Of `onUnavailable` and `validate`: what the gateway may say itself. */
  readonly refusals: readonly string[];
  readonly senders: readonly SimulatedSenderStart[];
  readonly nodes: readonly SimulatedNodeStart[];
  readonly limits: SenderLimits;
  readonly events: readonly DayEvent[];
  /** Then senders say nothing new. */
  readonly durationMs: number;
  /** Chance for what is sent to arrive in several pieces. */
  readonly splitting: number;
  /** Of each connection: what may be on its way in one direction. */
  readonly windowBytes: number;
}

/** Those of the campaign's, with TLS left out; `any`: another config for each seed. */
export const PROFILE_NAMES = [
  'default',
  'resend',
  'pipelined',
  'same-node',
  'balanced',
  'table',
  'crowded',
  'keyed',
  'shared-ids',
  'mixed',
  'posted',
  'split',
  'checked',
  'enhanced',
  'enhanced-shared-ids',
  'sticky',
  'sticky-table',
  'weighted',
  'backup',
  'any',
] as const;

interface Kind {
  readonly kind: string;
  readonly on: DayEvent['on'];
  readonly weight: number;
  readonly lastsMs: readonly [number, number];
}

/** On both sides of the ACK deadline, and beyond what the queue waits. */
const A_WHILE = [150, 1_500] as const;
const A_MOMENT = [0, 50] as const;

const KINDS: readonly Kind[] = [
  { kind: 'kill', on: 'node', weight: 3, lastsMs: A_WHILE },
  { kind: 'power-off', on: 'node', weight: 2, lastsMs: A_WHILE },
  { kind: 'redeploy', on: 'node', weight: 2, lastsMs: A_WHILE },
  { kind: 'halt', on: 'node', weight: 3, lastsMs: A_WHILE },
  ...NODE_MODES.map((kind) => ({ kind, on: 'node', weight: 2, lastsMs: A_WHILE }) as const),
  ...SENDER_ACTS.map(
    (act) => ({ kind: `sender-${act}`, on: 'sender', weight: 2, lastsMs: A_WHILE }) as const,
  ),
  { kind: 'drain', on: 'gateway', weight: 3, lastsMs: A_WHILE },
  { kind: 'maintenance', on: 'gateway', weight: 2, lastsMs: A_WHILE },
  { kind: 'config-reload', on: 'gateway', weight: 4, lastsMs: A_MOMENT },
  { kind: 'hot-restart', on: 'gateway', weight: 2, lastsMs: A_MOMENT },
  { kind: 'partition', on: 'network', weight: 2, lastsMs: A_WHILE },
  { kind: 'one-way', on: 'network', weight: 2, lastsMs: A_WHILE },
  { kind: 'slow-way', on: 'network', weight: 2, lastsMs: A_WHILE },
  { kind: 'sender-way', on: 'network', weight: 1, lastsMs: [10, 800] },
  { kind: 'clock-jump', on: 'machine', weight: 1, lastsMs: A_MOMENT },
  { kind: 'crowd', on: 'machine', weight: 1, lastsMs: A_WHILE },
  { kind: 'threads-die', on: 'machine', weight: 1, lastsMs: A_WHILE },
  { kind: 'threads-hang', on: 'machine', weight: 1, lastsMs: A_WHILE },
];

export const KIND_NAMES = KINDS.map(({ kind }) => kind);

/** Of a hot restart: what the old one may take. */
export const SHUTDOWN_MS = 12_000;

const EVENTS = [20, 32] as const;
const BLACKOUT_SHARE = 0.15;
/** Beyond what the judge lets a message wait for, and less than a sender's patience. */
const BLACKOUT_MS = 13_000;
const TRACED_SHARE = 0.2;
const REFUSAL_CODES = ['AE', 'AR', 'CE', 'CR'] as const;
/** Beyond what any message has that is meant to come. */
const MAX_FRAME_BYTES = 2 * 1024 * 1024;
const GAP_MS = 160;

export function dayOf(seed: number, only?: string): Day {
  const prng = new Prng(Math.imul(seed, 2_654_435_761) ^ 0x5eed);
  const chosen = only ?? PROFILE_NAMES[seed % PROFILE_NAMES.length] ?? 'default';
  const name = chosen === 'any' ? `any-${seed}` : chosen;
  const profile = profileFor(0, name);
  const nodes = profile.nodes.map(({ name: node, pool, wire }, i) => ({
    ...{ name: node, pool, wire: plain(wire), host: `10.0.1.${i + 1}`, port: 6661 },
    ...{ seed: prng.int(0, 1e9), ackMs: profile.ackMs },
  }));
  const limits = limitsOf(profile, prng);
  const senders = profile.senders.slice(0, prng.int(4, profile.senders.length)).map((one, i) => ({
    ...{ name: `S${i}`, wire: plain(one.wire), content: one.content, window: one.window },
    ...{ host: GATEWAY_HOST, port: GATEWAY_PORTS[plain(one.wire)], seed: prng.int(0, 1e9) },
    thinkMs: prng.int(30, 90),
    ids: profile.sharedIds ? ('shared' as const) : one.ids,
    patienceMs: PATIENCE_MS,
    count: Number.POSITIVE_INFINITY,
    limits,
  }));
  const events = eventsOf(profile, nodes, senders, prng);
  if (isTight(profile) && prng.chance(BLACKOUT_SHARE)) events.push(...blackoutOf(nodes, events, prng));
  const code = prng.pick(REFUSAL_CODES);
  const hasTraces = prng.chance(TRACED_SHARE);
  return {
    ...{ seed, profile: name, senders, nodes, events, limits, hasTraces },
    config: twisted(configOf(profile, nodes), profile, { limits, code, hasTraces }, prng),
    // The first letter is the message's own, whatever the config has.
    refusals: [
      ...profile.refusals,
      ...(code.endsWith('R') ? profile.refusals.map((refusal) => refusal.replace('E', 'R')) : []),
    ],
    durationMs: Math.max(...events.map(({ atMs, lastsMs }) => atMs + lastsMs)) + 200,
    splitting: prng.pick([0, 0.02, 0.1, 0.5]),
    windowBytes: prng.pick([65_536, 65_536, 8_192, 700]),
  };
}

/** Deadlines are short, and everything may happen. */
function isTight({ ackMs, only }: Profile): boolean {
  return ackMs === ACK_MS && only === undefined;
}

/** When all else is over, every node is gone for longer than any message may wait. */
function blackoutOf(
  nodes: readonly SimulatedNodeStart[],
  events: readonly DayEvent[],
  prng: Prng,
): readonly DayEvent[] {
  const atMs = Math.max(...events.map((one) => one.atMs + one.lastsMs)) + 50;
  return nodes.map(({ name }, i) => ({
    ...{ number: events.length + 1 + i, kind: 'kill', on: 'node', target: name },
    ...{ atMs, lastsMs: BLACKOUT_MS, seed: prng.int(0, 1e9) },
  }));
}

/** TLS is not simulated. */
function plain(wire: Wire): 'mllp' | 'http' {
  return isHttp(wire) ? 'http' : 'mllp';
}

function configOf(profile: Profile, nodes: readonly SimulatedNodeStart[]): object {
  return profile.config({
    nodes: nodes.map(({ name, pool, wire, host, port }) => ({
      name,
      pool,
      url: `${wire}://${host}:${port}${wire === 'http' ? '/hl7' : ''}`,
    })),
    listeners: Object.fromEntries(
      [...new Set(profile.senders.map(({ wire }) => plain(wire)))].map((wire) => [
        wire,
        `${GATEWAY_HOST}:${GATEWAY_PORTS[wire]}`,
      ]),
    ),
    admin: '127.0.0.1:9', // not opened
    token: 'of-no-meaning-in-this-world',
    tls: { cert: '', key: '' },
  });
}

function eventsOf(
  { except, only, pace, hasWorkers }: Profile,
  nodes: readonly SimulatedNodeStart[],
  senders: readonly SimulatedSenderStart[],
  prng: Prng,
): DayEvent[] {
  const kinds = KINDS.filter(
    ({ kind, on }) =>
      !except.includes(kind) &&
      (only === undefined || on === 'sender') &&
      (hasWorkers || !kind.startsWith('threads-')),
  );
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0);
  let atMs = 100;
  return Array.from({ length: prng.int(...EVENTS) }, (_, i) => {
    const kind = weighted(kinds, prng.next() * total);
    atMs += prng.next() * 2 * GAP_MS * pace;
    const isOfSender = kind.on === 'sender' || kind.kind === 'sender-way';
    const isOfMachine = kind.on === 'machine' || ['config-reload', 'hot-restart'].includes(kind.kind);
    return {
      number: i + 1,
      kind: kind.kind,
      on: kind.on,
      target: isOfMachine ? '' : prng.pick<{ readonly name: string }>(isOfSender ? senders : nodes).name,
      atMs: Math.round(atMs),
      lastsMs: prng.int(...kind.lastsMs),
      seed: prng.int(0, 1e9),
    };
  });
}

function weighted(kinds: readonly Kind[], at: number): Kind {
  let left = at;
  for (const kind of kinds) {
    left -= kind.weight;
    if (left < 0) return kind;
  }
  throw new Error('no kind of event');
}

/** Half of the days have limits that senders reach. */
function limitsOf({ ackMs }: Profile, prng: Prng): SenderLimits {
  const isShort = ackMs === ACK_MS && prng.chance(0.5);
  return {
    frameMs: isShort ? prng.pick([300, 500]) : 30_000,
    idleMs: isShort ? prng.pick([0, 600]) : 0,
    writeMs: isShort ? prng.pick([300, 30_000]) : 30_000,
    maxPending: prng.pick([100, 100, 3, 1]),
    maxFrameBytes: MAX_FRAME_BYTES,
  };
}

type Config = Record<string, unknown>;

function keysOf({ frameMs, idleMs, writeMs, maxPending, maxFrameBytes }: SenderLimits): object {
  return {
    frameTimeout: `${frameMs}ms`,
    idleTimeout: `${idleMs}ms`,
    writeTimeout: `${writeMs}ms`,
    maxPending,
    maxFrame: maxFrameBytes,
  };
}

interface Twist {
  readonly limits: SenderLimits;
  readonly code: (typeof REFUSAL_CODES)[number];
  readonly hasTraces: boolean;
}

/** How nodes that fail are left out; the default is one of them. */
const EJECTIONS = [
  {},
  {},
  { base: '100ms', max: '1s' },
  { base: '500ms', max: '2s', maxEjected: '50%' },
  { base: '250ms', max: '1s', errors: { share: 0.5, window: '1s', answers: 5 } },
] as const;

/** Numbers that a config may have without promising anything else. */
function twisted(config: object, profile: Profile, { limits, code, hasTraces }: Twist, prng: Prng): object {
  const { ackMs, weights } = profile;
  const { pools, listeners } = config as Readonly<Record<'pools' | 'listeners', Record<string, Config>>>;
  const isCalm = ackMs > ACK_MS;
  return {
    ...config,
    // All of a day may wait, so that what is missing is missing.
    ...(hasTraces ? { telemetry: { traces: { queue: { max: 1_000_000 } } } } : {}),
    // A sender that the old one owes an application acknowledgement may have to wait so long: less than its patience.
    shutdown: { timeout: `${SHUTDOWN_MS}ms` },
    listeners: Object.fromEntries(
      Object.entries(listeners).map(([name, listener]) => [
        name,
        {
          ...listener,
          ...(listener.onUnavailable === 'AE' ? { onUnavailable: code } : {}),
          ...(listener.protocol === 'http' ? {} : { limits: keysOf(limits) }),
        },
      ]),
    ),
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, pool]) => {
        const connections = pool.connections as Config;
        // A node without room for its share gets less.
        const isAsItIs = prng.chance(0.5) || weights !== undefined;
        const ejection = isTight(profile) ? { ejection: prng.pick(EJECTIONS) } : {};
        const queue = {
          timeout: prng.pick(['300ms', '1s', '1s', '3s']),
          max: prng.pick([10_000, 10_000, 10_000, 4, 0]),
        };
        return [
          name,
          {
            ...pool,
            connections: {
              ...connections,
              max: isAsItIs ? connections.max : prng.pick([1, 2, 3, 8]),
            },
            // A drain keeps a sender for so long, and takes nothing more of it: less than it has patience.
            timeouts: { ...(pool.timeouts as Config), application: prng.pick(['500ms', '1s', '2s']) },
            ...(isCalm ? {} : { queue }),
            ...ejection,
          },
        ];
      }),
    ),
  };
}
