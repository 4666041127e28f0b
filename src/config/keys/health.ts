// `health` and `ejection` of a pool.
import { type KeyTable, key } from './key.ts';

export const HEALTH_KEYS = {
  type: key.oneOf(
    ['tcp', 'tls', 'http', 'mirth', 'mllp', 'none'],
    "How a node is asked whether it is well, see [high availability](high-availability.md#checks): connects (where the key is not given, a node with TLS is checked as by `tls`); makes a TLS handshake; sends an HTTP request; asks Mirth's REST API; sends a message; not at all",
  ),
  interval: key.duration(
    '5s',
    'Between two checks of a node',
    '`tcp`, `tls` and `mllp` take one of its connections for a moment, so a node that has answered a message within this time is not asked',
  ),
  fastInterval: key.duration(
    '1s',
    'The same while the node is down or has begun to fail or to recover; never longer than `interval`',
  ),
  timeout: key.duration(
    '2s',
    'A check that takes longer has failed; `mirth`: unless [messages show that the node works](high-availability.md#checks)',
  ),
  rise: key.count(2, [1, 1000], 'Checks in a row that must pass before a node that was down takes messages'),
  fall: key.count(3, [1, 1000], 'Failures in a row, of checks and of messages, before a node is down'),
  initial: key.oneOf(
    ['up', 'down'],
    'What a node is when the gateway starts',
    '`down`: it gets messages from its first good check on',
  ),
  port: key.only(
    ['tcp', 'tls', 'mllp'],
    key.optionalCount(
      [1, 65_535],
      '`tcp`, `tls`, `mllp`: another port of the node than that of its messages',
    ),
  ),
  url: key.only(
    ['http', 'mirth'],
    key.optional(
      'http-url',
      '`http`, `mirth`: where to ask',
      "`{host}` stands for the node's host",
      'Default for `mirth`: `https://{host}:8443`, or the node itself where that is `https://`; for `http`: the node itself, which must speak HTTP',
    ),
  ),
  tls: key.only(
    ['tls', 'http', 'mirth', 'mllp'],
    key.optional('map', "TLS of the check, where it is not that of the node's messages"),
  ),
  user: key.only(
    ['http', 'mirth'],
    key.optional('text', '`mirth`: who may see the channels', '`http`: for Basic authentication'),
  ),
  password: key.only(['http', 'mirth'], key.secret('Of `user`; give it as `{ file: … }`')),
  method: key.only(['http'], key.oneOf(['GET', 'HEAD', 'OPTIONS', 'POST'], '`http` only')),
  path: key.only(
    ['http'],
    key.optional('text', '`http` only: the path, with its query, instead of that of `url`'),
  ),
  headers: key.only(['http'], key.holding('map', 'texts', '`http` only: more header fields')),
  status: key.only(
    ['http'],
    key.preset(
      'text',
      '200-399',
      '`http` only: which status codes are good: `200`, `200-299`, `"200, 204, 300-399"`',
    ),
  ),
  body: key.only(
    ['http'],
    key.optional(
      'text',
      '`http` only: what the body must hold, or a `/regex/` that must match somewhere in it (RE2, flags `i`, `m`, `s`)',
      'At most 256 KiB are read',
    ),
  ),
  channel: key.only(
    ['mirth'],
    key.optional(
      'text',
      '`mirth` only: name of a channel that must be started',
      'Needs `user` and `password`',
    ),
  ),
  message: key.only(
    ['mllp'],
    key.optional(
      'file',
      '`mllp` only, and needed there: the message that is sent',
      '`{id}` in it becomes a new control id, `{time}` the time',
      'Read once, at start',
    ),
  ),
  ack: key.only(
    ['mllp'],
    key.oneOf(
      ['positive', 'any', 'AA', 'AE', 'AR', 'CA', 'CE', 'CR'],
      '`mllp` only: which MSA-1 is good; `positive` is AA or CA',
      'MSA-2 must be that of the message',
    ),
  ),
} satisfies KeyTable;

export const EJECTION_KEYS = {
  base: key.optional(
    'duration',
    'How long a node is left out that did not answer; the nth time in a row n times as long',
    'Default: `health.interval`',
  ),
  max: key.duration(
    '1m',
    'The longest of these times, and how long a node must stay up for the count to begin anew',
  ),
  maxEjected: key.preset(
    'text',
    '100%',
    'How many nodes may be left out at the same time: a number, or a share such as `50%`',
    'One always stays in use, see [high availability](high-availability.md#left-out)',
  ),
  errors: {
    share: key.optional(
      'share',
      'A node is left out when more than this share of its answers is negative (AE, AR, CE, CR)',
      'Without it negative answers are answers',
      'Mind that Mirth says AR to a message that a filter drops',
    ),
    window: key.duration('30s', 'Over which time'),
    // A share of fewer answers says little; more than a million in one window no node gives.
    answers: key.count(20, [1, 1_000_000], 'Of how many answers at least'),
  },
} satisfies KeyTable;
