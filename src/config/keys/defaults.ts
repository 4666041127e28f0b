// `defaults`: what listeners, pools and nodes have unless they say otherwise.
import { type KeyTable, key } from './key.ts';
import { LISTENER_KEYS } from './listener.ts';
import { NODE_KEYS, POOL_KEYS } from './pool.ts';

const { bind: _bind, ...OF_LISTENERS } = LISTENER_KEYS;
const { nodes: _nodes, discover: _discover, ...OF_POOLS } = POOL_KEYS;
const { url: _url, ...OF_NODES } = NODE_KEYS;

/** What may be a default: all but what makes each entry another. */
export const DEFAULT_TABLES = {
  listeners: OF_LISTENERS,
  pools: OF_POOLS,
  nodes: OF_NODES,
} satisfies Record<string, KeyTable>;

export const DEFAULTS_KEYS = {
  listeners: key.holding('map', 'listener-defaults', 'Keys of `listeners.NAME`, but for `bind`'),
  pools: key.holding('map', 'pool-defaults', 'Keys of `pools.NAME`, but for `nodes` and `discover`'),
  nodes: key.holding('map', 'node-defaults', 'Keys of `pools.NAME.nodes.NAME`, of all pools, but for `url`'),
} satisfies KeyTable;
