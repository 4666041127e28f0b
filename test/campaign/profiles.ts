// The configs that a campaign runs the gateway with, and what each of them promises, which is what the checker holds it to.
// Promises: two profiles differ in what may happen to a message, in who speaks what, or in what the gateway has to work with.

import { Prng } from '../../src/tools/world/prng.ts';
import type { Output } from './peers/child.ts';
import { type Content, isHttp, isTls, type TlsStart, type Wire } from './peers/orders.ts';
import { SERVER_NAME } from './wire/tls.ts';

/** What the config says that the checker needs to know. */
export interface Promises {
  /** Messages that may wait for their answers on one connection to a node. */
  readonly pipelining: number;
  readonly onAmbiguous: 'fail' | 'same-node' | 'other-node';
  /** How often a message may be written to a node for each time that its sender has sent it. */
  readonly attempts: number;
  /** The answers that the gateway makes itself. None: where no node answers, it closes. */
  readonly refusals: readonly string[];
  /** `key`: a sticky key has one message in flight, over all connections; here each sender is a key. */
  readonly ordering: 'connection' | 'key';
  /** By sender, the nodes that its messages may reach; undefined: any node. */
  readonly routes?: Readonly<Record<string, readonly string[]>>;
  /** Nodes that answer over HTTP, where a connection may be used again after a wrong answer: it ended where it should. */
  readonly httpNodes?: readonly string[];
  /** Senders that post, whose idle connections a process that leaves closes while a request may be on its way. */
  readonly httpSenders?: readonly string[];
  /** A sender stays with its node while neither that one nor the next is disturbed. */
  readonly sticky?: boolean;
  /** Shares of the nodes, none of which is ever disturbed. */
  readonly weights?: Readonly<Record<string, number>>;
  /** Used only while no other node is there. */
  readonly backups?: readonly string[];
  /** A node that is drained loses its senders at once: nothing is bound to it. */
  readonly leavesDraining?: boolean;
  /** Some answers wait for those of the same frame. */
  readonly batch?: boolean;
  /** After a disturbance has ended, how long the gateway may take until all is as before. */
  readonly settleMs?: number;
  /** Bytes that the gateway may keep outside of its heap. */
  readonly keptOutside?: number;
}

export interface Addresses {
  readonly nodes: readonly { readonly name: string; readonly pool: string; readonly url: string }[];
  /** Where senders connect, by what they speak, and the admin API: fixed, so that another process can take them over. */
  readonly listeners: Readonly<Partial<Record<Wire, string>>>;
  readonly admin: string;
  readonly token: string;
  readonly tls: TlsStart;
}

export interface ProfileNode {
  readonly name: string;
  readonly pool: string;
  readonly wire: Wire;
}

export interface ProfileSender {
  readonly wire: Wire;
  readonly content: Content;
  readonly window: number;
  readonly thinkMs: number;
  readonly ids: 'unique' | 'repeated' | 'shared';
}

export interface Profile extends Promises {
  readonly name: string;
  /** All senders use the same two control ids. */
  readonly sharedIds: boolean;
  readonly nodes: readonly ProfileNode[];
  readonly senders: readonly ProfileSender[];
  /** Clients that make other requests than messages. */
  readonly webClients: readonly Wire[];
  /** Kinds of events that this config cannot be judged with, or these only. */
  readonly except: readonly string[];
  readonly only: readonly string[] | undefined;
  /** Times the usual time between two events: how much calm there is in between. */
  readonly pace: number;
  readonly ackMs: number;
  readonly output: Output;
  readonly maxDescriptors: number | undefined;
  /** Worker threads read messages, and have descriptors of their own from their start on: only sockets are counted. */
  readonly hasWorkers: boolean;
  readonly config: (addresses: Addresses) => object;
}

/** Short, so that a campaign meets every deadline often; long enough for a busy machine to meet them without a fault. */
export const ACK_MS = 400;
/**
 * Where nothing may happen without a fault of the plan: a node that is not disturbed answers within this on any machine, and the
 * gateway never takes it for gone.
 */
const CALM_ACK_MS = 2_500;
/** Well above what a message can take: in the queue, twice with a node, behind others of its connection. */
export const PATIENCE_MS = 15_000;
/** A connection to a node without messages is closed after this; so the gateway's descriptors are soon the first ones. */
export const IDLE_MS = 2_000;
/** Together some 400 messages a second: what is looked for is order and loss under disturbance, not throughput. */
const THINK_MS = 20;
/**
 * Beyond `ackMs`, after which a message that a disturbance swallowed takes its node out: checks every 250 ms, an absence of 500 ms
 * at most, and a second for a busy machine.
 */
const SETTLE_MS = 2_000;
const SENDERS = 8;

/** Most wait for each answer, as nearly all senders do; the last two do not, and one says the same ids again. */
function plainSenders(wires: readonly Wire[] = ['mllp'], over: Partial<ProfileSender> = {}): ProfileSender[] {
  return Array.from({ length: SENDERS }, (_, i) => {
    const wire = wires[i % wires.length] ?? 'mllp';
    return {
      wire,
      content: 'plain',
      // A client has one request at a time.
      window: i >= SENDERS - 2 && !isHttp(wire) ? 4 : 1,
      thinkMs: THINK_MS,
      ids: i === 0 ? 'repeated' : 'unique',
      ...over,
    };
  });
}

function nodesOf(wires: readonly Wire[]): ProfileNode[] {
  return wires.map((wire, i) => ({ name: 'abcdef'.charAt(i), pool: 'pool', wire }));
}

const DISTURB_NOTHING = [
  'sender-burst',
  'sender-mid-frame',
  'sender-reset',
  'sender-half-close',
  'reload',
  'gateway-stop',
];
/** Of the senders in `mixed`, half go to the other pool. */
const POSTED = ['S1', 'S3', 'S4', 'S6'];
/** A log that nobody can read does not say what became of them. */
const NEED_LOG = ['config-reload', 'hot-restart'];
const STICKY_EJECTION = { base: '250ms', max: '500ms' };

const PROFILES: readonly Profile[] = [
  profile({ name: 'default', onAmbiguous: 'fail' }),
  profile({ name: 'resend', onAmbiguous: 'other-node' }),
  profile({ name: 'pipelined', onAmbiguous: 'other-node', pipelining: 4 }),
  profile({ name: 'same-node', onAmbiguous: 'same-node', onUnavailable: 'AE' }),
  profile({ name: 'balanced', onAmbiguous: 'fail', onUnavailable: 'AE', pool: { persistence: undefined } }),
  profile({
    name: 'table',
    onAmbiguous: 'fail',
    pipelining: 4,
    pool: { persistence: { by: ['MSH-3', 'MSH-4'], mode: 'table' } },
  }),
  // All senders share one connection to each node.
  profile({
    name: 'crowded',
    onAmbiguous: 'fail',
    pipelining: 8,
    pool: {
      persistence: undefined,
      connections: { max: 1, pipelining: 8, idle: `${IDLE_MS}ms`, repeatedIds: 'redial' },
    },
  }),
  profile({ name: 'keyed', onAmbiguous: 'other-node', ordering: 'key' }),
  // Nodes that answer twice, and hardly anything but the place on a connection to tell whose answer it is.
  profile({ name: 'shared-ids', onAmbiguous: 'other-node', pipelining: 4, sharedIds: true }),
  profile({
    name: 'tls',
    onAmbiguous: 'other-node',
    pipelining: 4,
    nodes: nodesOf(['mllps', 'mllps', 'mllps']),
    senders: plainSenders(['mllps']),
  }),
  // Four listeners, two pools, and every way from one protocol to the other.
  profile({
    name: 'mixed',
    onAmbiguous: 'fail',
    nodes: [
      ...nodesOf(['mllp', 'mllps', 'mllp']),
      { name: 'd', pool: 'posted', wire: 'http' },
      { name: 'e', pool: 'posted', wire: 'https' },
    ],
    senders: plainSenders(['mllp', 'mllps', 'http', 'https']),
    routes: [{ name: 'posted', when: { 'MSH-3': POSTED }, to: 'posted' }],
    reaches: Object.fromEntries(
      Array.from({ length: SENDERS }, (_, i) => `S${i}`).map((name) => [
        name,
        POSTED.includes(name) ? ['d', 'e'] : ['a', 'b', 'c'],
      ]),
    ),
  }),
  profile({
    name: 'posted',
    onAmbiguous: 'other-node',
    onUnavailable: 'AE',
    nodes: nodesOf(['http', 'https', 'http']),
    senders: plainSenders(['http', 'https']),
  }),
  // What browsers and programs do beside the messages: requests, tunnels, and leaving at any moment.
  profile({
    name: 'web',
    onAmbiguous: 'fail',
    nodes: nodesOf(['http', 'http', 'https']),
    senders: plainSenders(['http', 'https']).slice(0, 2),
    webClients: ['http', 'https', 'http', 'https', 'http', 'https'],
  }),
  // Large frames together need more than there is; small messages of others go on beside them.
  profile({
    name: 'large',
    onAmbiguous: 'fail',
    ackMs: CALM_ACK_MS,
    pace: 2,
    senders: plainSenders(['mllp', 'mllps', 'http']).map((one, i) =>
      i < 4 ? { ...one, content: 'large', ids: 'unique', thinkMs: 150 } : one,
    ),
    top: { limits: { maxBuffered: '16MiB' } },
  }),
  profile({
    name: 'split',
    onAmbiguous: 'fail',
    senders: plainSenders(['mllp'], { content: 'batch', window: 1, ids: 'unique', thinkMs: 40 }),
    listener: { batch: 'split' },
    batch: true,
  }),
  profile({
    name: 'checked',
    onAmbiguous: 'fail',
    senders: plainSenders(['mllp', 'http'], { content: 'checked', ids: 'unique' }),
    validate: { fields: ['PID-3'], segments: ['PID'] },
  }),
  profile({
    name: 'enhanced',
    onAmbiguous: 'fail',
    pipelining: 4,
    senders: plainSenders(['mllp'], { content: 'enhanced' }),
  }),
  profile({
    name: 'enhanced-shared-ids',
    onAmbiguous: 'fail',
    senders: plainSenders(['mllp'], { content: 'enhanced', window: 1 }),
    sharedIds: true,
  }),
  profile({
    name: 'sticky',
    onAmbiguous: 'fail',
    sticky: true,
    ackMs: CALM_ACK_MS,
    pace: 4,
    pool: { ejection: STICKY_EJECTION },
  }),
  profile({
    name: 'sticky-table',
    onAmbiguous: 'other-node',
    sticky: true,
    ackMs: CALM_ACK_MS,
    pace: 4,
    pool: { persistence: { by: ['MSH-3'], mode: 'table' }, ejection: STICKY_EJECTION },
  }),
  profile({
    name: 'weighted',
    onAmbiguous: 'fail',
    ackMs: CALM_ACK_MS,
    only: DISTURB_NOTHING,
    weights: { a: 3, b: 2, c: 1 },
    pool: {
      persistence: undefined,
      balance: 'round-robin',
      connections: { max: 64, idle: `${IDLE_MS}ms`, repeatedIds: 'redial' },
    },
  }),
  profile({
    name: 'backup',
    onAmbiguous: 'fail',
    ackMs: CALM_ACK_MS,
    pace: 4,
    backups: ['c'],
    pool: { ejection: STICKY_EJECTION },
  }),
  // Several processes, each with some of the senders, and what is one kept one.
  profile({
    name: 'workers',
    onAmbiguous: 'other-node',
    pipelining: 4,
    hasWorkers: true,
    pool: { persistence: undefined },
    top: { workers: 2 },
  }),
  profile({
    name: 'workers-keyed',
    onAmbiguous: 'other-node',
    ordering: 'key',
    hasWorkers: true,
    top: { workers: 3 },
  }),
  profile({
    name: 'workers-mixed',
    onAmbiguous: 'fail',
    nodes: nodesOf(['mllp', 'mllps', 'mllp']),
    senders: plainSenders(['mllp', 'mllps', 'http', 'https']),
    hasWorkers: true,
    pool: { persistence: { by: ['MSH-3', 'MSH-4'], mode: 'table' } },
    top: { workers: 2 },
  }),
  profile({ name: 'log-full', onAmbiguous: 'fail', output: 'full', except: NEED_LOG }),
  profile({
    name: 'log-unread',
    onAmbiguous: 'fail',
    output: 'unread',
    except: NEED_LOG,
    // Lines that wait, up to a bound.
    keptOutside: 8 * 1024 * 1024,
  }),
  // Fewer open files than a crowd of connections needs; see the event of that name.
  profile({ name: 'descriptors', onAmbiguous: 'fail', maxDescriptors: 90, except: ['hot-restart'] }),
];

export const PROFILE_NAMES: readonly string[] = PROFILES.map(({ name }) => name);

export function profileFor(seed: number, name?: string): Profile {
  const drawn = /^any-(\d+)$/.exec(name ?? '')?.[1];
  if (drawn !== undefined) return drawnProfile(Number(drawn));
  const found =
    name === undefined ? PROFILES[seed % PROFILES.length] : PROFILES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no profile ${name}; there are ${PROFILE_NAMES.join(', ')}`);
  return found;
}

/** A config that nobody has thought of, by seed: `any-SEED`. */
function drawnProfile(seed: number): Profile {
  const prng = new Prng(seed);
  const onAmbiguous = prng.pick(['fail', 'same-node', 'other-node'] as const);
  const ordering = prng.chance(0.25) ? ('key' as const) : ('connection' as const);
  const content = prng.pick(['plain', 'plain', 'plain', 'enhanced', 'batch', 'checked'] as const);
  const nodeWire = prng.chance(0.15) && content !== 'enhanced' ? ('http' as const) : ('mllp' as const);
  const pipelining = ordering === 'key' || nodeWire === 'http' ? 1 : prng.pick([1, 1, 2, 4, 16]);
  const senderWires = prng.pick([['mllp'], ['mllp'], ['mllp', 'http'], ['http']] as const);
  const wires: readonly Wire[] = content === 'plain' || content === 'checked' ? senderWires : ['mllp'];
  const attempts = prng.int(1, 4);
  const by = prng.pick([['MSH-3'], ['MSH-3', 'MSH-4']] as const);
  const mode = ordering === 'key' ? 'hash' : prng.pick(['hash', 'table', 'none'] as const);
  const persistence = mode === 'none' ? undefined : { by, mode };
  const drawn = profile({
    name: `any-${seed}`,
    ...{ onAmbiguous, ordering, pipelining },
    // One answer refuses a whole batch, and tells nothing of its messages.
    onUnavailable: content === 'batch' ? 'close' : prng.pick(['close', 'AE'] as const),
    sharedIds: prng.chance(0.15),
    nodes: nodesOf(Array.from({ length: prng.int(2, 5) }, () => nodeWire)),
    senders: plainSenders(wires).map((one) => ({
      ...one,
      content,
      window: isHttp(one.wire) || content === 'batch' ? 1 : prng.int(1, 6),
      ids: content === 'plain' ? prng.pick(['unique', 'repeated'] as const) : 'unique',
    })),
    ...(content === 'batch' ? { listener: { batch: 'split' }, batch: true } : {}),
    ...(content === 'checked' ? { validate: { fields: ['PID-3'], segments: ['PID'] } } : {}),
    pool: {
      balance: prng.pick(['least-in-flight', 'round-robin', mode === 'none' ? 'round-robin' : 'hash']),
      persistence,
      retry: { attempts, budget: prng.pick(['500ms', '1500ms']), onAmbiguous },
    },
  });
  const refusals =
    content === 'enhanced' ? drawn.refusals.map((code) => code.replace('A', 'C')) : drawn.refusals;
  return { ...drawn, refusals, attempts: onAmbiguous === 'fail' ? 1 : attempts };
}

interface Sketch extends Partial<Omit<Profile, 'routes' | 'config' | 'refusals' | 'attempts'>> {
  readonly name: string;
  readonly onAmbiguous: Promises['onAmbiguous'];
  readonly onUnavailable?: 'close' | 'AE';
  /** Before the route that takes all. */
  readonly routes?: readonly object[];
  readonly reaches?: Promises['routes'];
  readonly validate?: object;
  /** More keys of each MLLP listener, of each pool, and of the whole. */
  readonly listener?: object;
  readonly pool?: object;
  readonly top?: object;
}

function profile(sketch: Sketch): Profile {
  const { onAmbiguous, onUnavailable = 'close', validate, reaches, routes: _routes, ...rest } = sketch;
  const { listener: _listener, pool: _pool, top: _top, ...promises } = rest;
  const nodes = sketch.nodes ?? nodesOf(['mllp', 'mllp', 'mllp']);
  const made = {
    pipelining: 1,
    ordering: 'connection' as const,
    sharedIds: false,
    senders: plainSenders(),
    webClients: [],
    except: [],
    only: undefined,
    pace: 1,
    ackMs: ACK_MS,
    output: 'file' as const,
    maxDescriptors: undefined,
    hasWorkers: sketch.validate !== undefined || sketch.batch === true,
    leavesDraining: onAmbiguous !== 'same-node' && !hasTable(sketch),
    settleMs: SETTLE_MS + (sketch.ackMs ?? ACK_MS),
    ...promises,
    onAmbiguous,
    nodes,
    attempts: onAmbiguous === 'fail' ? 1 : 2,
    refusals: [
      ...(onUnavailable === 'close' ? [] : [onUnavailable]),
      ...(validate === undefined ? [] : ['AE']),
    ],
    httpSenders: (sketch.senders ?? []).flatMap(({ wire }, i) => (isHttp(wire) ? [`S${i}`] : [])),
    httpNodes: nodes.filter(({ wire }) => isHttp(wire)).map(({ name }) => name),
    ...(reaches === undefined ? {} : { routes: reaches }),
  };
  return { ...made, config: (addresses) => configOf(sketch, made, addresses) };
}

function hasTable({ pool }: Sketch): boolean {
  const { persistence } = (pool ?? {}) as { readonly persistence?: { readonly mode?: string } };
  return persistence?.mode === 'table';
}

type Made = Pick<Promises, 'pipelining' | 'ordering' | 'weights' | 'backups'> & Pick<Profile, 'ackMs'>;

function configOf(sketch: Sketch, made: Made, addresses: Addresses): object {
  const { onUnavailable = 'close', validate } = sketch;
  const pools = Map.groupBy(addresses.nodes, ({ pool }) => pool);
  const listeners = Object.entries(addresses.listeners).map(([wire, bind]) => [
    `in-${wire}`,
    {
      bind,
      onUnavailable,
      ...(isHttp(wire as Wire) ? { protocol: 'http' } : sketch.listener),
      ...(isTls(wire as Wire) ? { tls: addresses.tls } : {}),
    },
  ]);
  return {
    listeners: Object.fromEntries(listeners),
    pools: Object.fromEntries(
      [...pools].map(([name, nodes]) => [name, poolOf(sketch, made, nodes, addresses)]),
    ),
    routes: [
      ...(sketch.routes ?? []),
      { name: 'all', to: 'pool', ...(validate === undefined ? {} : { validate }) },
    ],
    shutdown: { timeout: '5s' },
    hotRestart: true,
    admin: { bind: addresses.admin, token: addresses.token },
    ...sketch.top,
  };
}

function poolOf(
  { onAmbiguous, pool }: Sketch,
  { pipelining, ordering, weights, backups, ackMs }: Made,
  nodes: Addresses['nodes'],
  { tls }: Addresses,
): object {
  const isCalm = ackMs > ACK_MS;
  const isMllp = nodes.every(({ url }) => url.startsWith('mllp'));
  const entries = nodes.map(({ name, url }) => [
    name,
    {
      url,
      ...(url.startsWith('mllps:') || url.startsWith('https:')
        ? { tls: { ca: tls.cert, servername: SERVER_NAME } }
        : {}),
      ...(weights === undefined ? {} : { weight: weights[name] }),
      ...(backups?.includes(name) === true ? { backup: true } : {}),
    },
  ]);
  return {
    nodes: Object.fromEntries(entries),
    persistence: { by: ['MSH-3'] },
    ordering,
    // Below what a Mirth listener takes. Nodes here answer twice and ids repeat, for which only `redial` promises anything.
    connections: {
      max: 4,
      idle: `${IDLE_MS}ms`,
      ...(isMllp ? { pipelining, repeatedIds: 'redial' } : {}),
    },
    queue: { timeout: '1s' },
    timeouts: { connect: isCalm ? '2s' : '500ms', ack: `${ackMs}ms` },
    retry: { attempts: 2, budget: '1500ms', onAmbiguous },
    health: { interval: '250ms', timeout: isCalm ? '2s' : '250ms', rise: 1, fall: isCalm ? 3 : 2 },
    ...pool,
  };
}
