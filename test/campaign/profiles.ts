// The configs that a campaign runs the gateway with, and what each of them promises, which is what the checker holds it to.
// Promises: two profiles differ in what may happen to a message, not only in figures.

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
}

export interface Addresses {
  /** URLs by name. */
  readonly nodes: Readonly<Record<string, string>>;
  /** Where senders connect, and the admin API: fixed, so that another process can take them over. */
  readonly listener: string;
  readonly admin: string;
  readonly token: string;
}

export interface Profile extends Promises {
  readonly name: string;
  /** All senders use the same two control ids. */
  readonly sharedIds: boolean;
  readonly config: (addresses: Addresses) => object;
}

/** Short, so that a campaign meets every deadline often; long enough for a busy machine to meet them without a fault. */
export const ACK_MS = 400;
/** Well above what a message can take: in the queue, twice with a node, behind others of its connection. */
export const PATIENCE_MS = 15_000;
/** A connection to a node without messages is closed after this; so the gateway's descriptors are soon the first ones. */
export const IDLE_MS = 2_000;

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
];

export function profileFor(seed: number, name?: string): Profile {
  const found =
    name === undefined ? PROFILES[seed % PROFILES.length] : PROFILES.find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`no profile ${name}; there are ${PROFILES.map((one) => one.name).join(', ')}`);
  return found;
}

interface Sketch {
  readonly name: string;
  readonly onAmbiguous: Promises['onAmbiguous'];
  readonly pipelining?: number;
  readonly onUnavailable?: 'close' | 'AE';
  readonly ordering?: Promises['ordering'];
  readonly sharedIds?: boolean;
  /** More keys of the pool. */
  readonly pool?: object;
}

function profile({
  name,
  onAmbiguous,
  pipelining = 1,
  onUnavailable = 'close',
  ordering = 'connection',
  sharedIds = false,
  pool,
}: Sketch): Profile {
  return {
    name,
    pipelining,
    onAmbiguous,
    attempts: onAmbiguous === 'fail' ? 1 : 2,
    refusals: onUnavailable === 'close' ? [] : [onUnavailable],
    ordering,
    sharedIds,
    config: ({ nodes, listener, admin, token }) => ({
      listeners: { in: { bind: listener, onUnavailable } },
      pools: {
        pool: {
          nodes: Object.fromEntries(Object.entries(nodes).map(([node, url]) => [node, { url }])),
          persistence: { by: ['MSH-3'] },
          ordering,
          // Below what a Mirth listener takes. Nodes here answer twice and ids repeat, for which only `redial` promises anything.
          connections: { max: 4, pipelining, idle: `${IDLE_MS}ms`, repeatedIds: 'redial' },
          queue: { timeout: '1s' },
          timeouts: { connect: '500ms', ack: `${ACK_MS}ms` },
          retry: { attempts: 2, budget: '1500ms', onAmbiguous },
          health: { interval: '250ms', timeout: '250ms', rise: 1, fall: 2 },
          ...pool,
        },
      },
      routes: [{ name: 'all', to: 'pool' }],
      shutdown: { timeout: '5s' },
      hotRestart: true,
      admin: { bind: admin, token },
    }),
  };
}
