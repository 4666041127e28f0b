// `pools.NAME.discover`: nodes that come and go without a change of the config.
import { type KeyTable, key } from './key.ts';

export const DISCOVER_KEYS = {
  dns: key.optional(
    'text',
    '`mirth.example:6661`: a node for each address (A and AAAA) of the name, at this port',
    'Asked again when the time to live of the answer is over',
  ),
  srv: key.optional(
    'text',
    '`_mllp._tcp.mirth.example`: a node for each address of each target of the SRV records, at its port',
    'Targets of the lowest priority are ordinary nodes, the others backups; weights are those of the records, brought into 1 to 256',
  ),
  file: key.optional(
    'text',
    'Path of a YAML or JSON file: a map of name to URL, or to `{ url, weight, backup }`',
    'Watched, and taken up within some seconds; what is wrong in it is logged, and the nodes stay',
  ),
  protocol: key.oneOf(
    ['mllp', 'mllps', 'http', 'https', 'tcp', 'tls'],
    'What the nodes speak',
    'With TLS, nodes of `dns` and `srv` have to show a certificate for the name that was looked up, or the target, unless `node.tls.servername` says another',
  ),
  node: key.holding('map', 'node-defaults', 'What each of them has: the keys of a node, but for `url`'),
  minTtl: key.duration('5s', '`dns`, `srv`: asked no more often than this, whatever the answer says'),
  maxTtl: key.duration('5m', '`dns`, `srv`: asked at least this often'),
  // Each has connections and checks of its own.
  max: key.count(64, [1, 256], 'Nodes at most; of more, those that come first by priority and name'),
  servers: key.optional(
    'texts',
    '`dns`, `srv`: addresses of name servers (`10.0.0.53`, `10.0.0.53:5353`, `[fd00::53]:53`) instead of those of the machine',
  ),
} satisfies KeyTable;
