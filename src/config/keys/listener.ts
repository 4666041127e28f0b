// `listeners.NAME` with its `http`.
import { type KeyTable, key, tableFor } from './key.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Those that read what comes. */
const OF_MESSAGES = ['mllp', 'http'] as const;

const HTTP = tableFor(['http'], {
  // F69.
  headersTimeout: key.duration('10s', "From a request's first byte to the end of its headers"),
  bodyTimeout: key.duration(
    '30s',
    "Silence within a request's body",
    'Not the whole: an upload may take hours',
  ),
  keepAlive: key.duration(
    '75s',
    'A connection without requests is closed after this',
    'Set it above that of a balancer before the gateway, or requests meet the closing',
  ),
  // 4 KiB hold no session cookie beside a token; Node.js reads a header block into memory whole.
  maxHeaderSize: key.size('16KiB', [4 * KIB, MIB], 'All headers of a request; 431 above'),
  maxHeaders: key.count(100, [16, 2000], 'How many there may be; 431 above'),
  http2: key.flag(true, 'Offers HTTP/2 in the TLS handshake', 'Without `tls` there is HTTP/1 only'),
  // F122: what becomes of a path that nodes are known to read otherwise than route rules do.
  path: {
    encodedSlash: key.oneOf(
      ['refuse', 'forward', 'decode'],
      '`%2F` and `%5C` in a path, which some nodes take for separators: 400; or forwarded as they are, and no separators for routes; or `%2F` becomes `/` before the path is normalised, and `%5C` is refused',
    ),
    parameters: key.oneOf(
      ['refuse', 'forward', 'remove'],
      '`;` and what follows it in a segment (`/a;b=c`), which some nodes leave out: 400; or forwarded, and for routes part of the path; or taken out for routes and node',
    ),
    blanks: key.oneOf(
      ['refuse', 'forward', 'remove'],
      'Encoded white space (`%20`, `%09` to `%0D`) at an end of a segment, which some nodes trim',
      'Within a segment it is always forwarded',
    ),
    trailingDots: key.oneOf(
      ['refuse', 'forward', 'remove'],
      'Dots at the end of a segment (`/a.`), which nodes on Windows leave out',
      'Dot segments are another matter: they are always resolved',
    ),
  },
  users: key.holding(
    'map',
    'texts',
    'Basic authentication for HL7 over HTTP: user name to password hash',
    'Other requests pass, as their node has a log-in of its own',
    'Without `tls` it gives a warning',
  ),
  realm: key.preset(
    'text',
    'hl7-gateway',
    'What clients are told that the password is for',
    'Printable ASCII',
  ),
  codings: key.optional(
    'codings',
    'The content codings (`gzip`, `deflate`, `br`, `zstd`) in which messages are taken; without it all of them',
    '`identity` alone takes none: such a message gets 415',
    'Leave out `br` and `zstd`, whose decoders may take as much memory again as the message, where senders are not trusted',
  ),
});

export const LISTENER_KEYS = {
  protocol: key.oneOf(
    ['mllp', 'http', 'tcp'],
    'What is spoken',
    '`http` takes [HL7 over HTTP and everything else](#http)',
    '`tcp` passes bytes on as they come, with or without TLS on either side, see [TCP](tcp.md)',
    'Some keys belong to one protocol, and are errors with the other',
  ),
  bind: key.required(
    'listener-bind',
    'Where it listens',
    'Two listeners cannot share one address',
    'A range of ports, `:6661-6690`, makes a listener for each, named `NAME-6661` and so on; `%eth1:6661` one for each address of an interface, `10.0.0.5%eth1:6661` one for that address of it, see [Ranges and interfaces](#ranges-of-ports-and-interfaces)',
  ),
  tls: key.optional('map', 'With it the listener speaks TLS only, which for `http` is HTTPS'),
  limits: {
    // 1,000,000 sockets: what a tuned Linux process can hold open.
    maxConnections: key.count(
      1000,
      [1, 1_000_000],
      'Connections at once; one more is closed',
      'Over HTTP up to 64 more are accepted: a request there takes the place of the connection that has been idle for longest (a second at least), or gets a 503',
      "Keep it below the process's open files",
    ),
    maxConnectionsPerSource: key.optionalCount(
      [1, 1_000_000],
      'Connections at once of one address, or of one IPv6 /64 network; one more is closed',
      'Set it so that no single machine can take every place, above what the largest sender, or everything behind one NAT, needs',
      'With `proxyProtocol` the address is that in the header',
    ),
    // A message lies in memory as one piece, so 1 GiB is the end; below 1 KiB not even an ADT fits.
    maxFrame: key.only(
      OF_MESSAGES,
      key.size(
        '16MiB',
        [KIB, GIB],
        'The largest message',
        'Raise it for embedded documents and images',
        'Over HTTP one that is larger gets 413; bodies that are no HL7 message stream through without a limit',
      ),
    ),
    frameTimeout: key.only(
      OF_MESSAGES,
      key.duration(
        '30s',
        "From a message's first byte to its last; time in which the gateway does not read it, for want of [memory](#how-memory-is-shared), does not count",
        'Raise it for large messages over slow lines',
        'Over HTTP, the time for its body',
      ),
    ),
    idleTimeout: key.only(
      ['mllp', 'tcp'],
      key.durationOrZero(
        '0',
        '`mllp` and `tcp` (for `http` see `keepAlive`): a connection without messages, or without bytes either way, is closed after this; `0` is never, as senders commonly stay connected for days',
        'Set it where senders vanish without closing',
      ),
    ),
    writeTimeout: key.only(
      OF_MESSAGES,
      key.duration(
        '30s',
        'A sender that does not read its answers is closed after this, and so is a client that does not read a response',
      ),
    ),
    maxPending: key.only(
      ['mllp'],
      key.count(
        100,
        [1, 100_000],
        '`mllp` only: messages of one connection that may wait for answers before the gateway stops reading it',
        'A sender that waits for each answer never has more than 1',
      ),
    ),
    // F5, F6.
    maxJunk: key.only(
      ['mllp'],
      key.size(
        '1KiB',
        [0, GIB],
        '`mllp` only: bytes in a row that belong to no frame before the connection is closed',
      ),
    ),
    // A hundred thousand answers of 200 bytes are 20 MB, and at 100 messages a second a node needs 17 minutes for them.
    maxBatch: key.only(
      OF_MESSAGES,
      key.count(
        1000,
        [1, 100_000],
        'With `batch: split`: messages that one frame may hold; one with more is refused before any is sent',
        'All must be answered before the sender is, so stay within what it waits for',
      ),
    ),
  },
  framing: {
    // F11.
    strayEndByte: key.only(
      ['mllp'],
      key.oneOf(
        ['content', 'refuse'],
        '`mllp` only: a byte `1C` without `0D` after it is part of the message, or the message is refused',
      ),
    ),
    // F13.
    missingCr: key.only(
      ['mllp'],
      key.oneOf(
        ['refuse', 'accept'],
        '`mllp` only: a frame that ends in `1C` without `0D`',
        '`accept` for senders that never send the `0D`',
      ),
    ),
  },
  // F24.
  batch: key.only(
    OF_MESSAGES,
    key.oneOf(
      ['whole', 'refuse', 'split'],
      'Several messages, or a batch, in one frame: passed on whole by its first MSH, refused, or each message routed by itself, see [Batches](#batches)',
    ),
  ),
  // F18.
  utf16: key.only(
    OF_MESSAGES,
    key.oneOf(
      ['forward', 'refuse'],
      'A message in UTF-16',
      'MLLP does not carry every one of them: a character whose bytes are those of the framing ends the message',
      '`refuse` answers with `onRejected`',
      'A connection may be framed in UTF-16 as well ([how](life-of-a-message.md#1-frame))',
    ),
  ),
  // F21.
  missingControlId: key.only(
    OF_MESSAGES,
    key.oneOf(
      ['refuse', 'forward'],
      'A message without MSH-10, whose acknowledgement nobody can match',
      "`forward` takes the node's answer as it comes",
    ),
  ),
  onUnavailable: key.only(
    OF_MESSAGES,
    key.oneOf(
      ['close', 'AE', 'AR', 'CE', 'CR'],
      'The answer where no node could take the message',
      '`close` closes the connection, so that the sender keeps its message; many senders drop one that got a negative answer',
      'Over HTTP `close` is a status of 4xx or 5xx without HL7; the codes are in the body of a 200',
    ),
  ),
  onRejected: key.only(
    OF_MESSAGES,
    key.oneOf(
      ['AR', 'AE', 'CR', 'CE', 'close'],
      'The answer to a message that can never be taken: no route, an unusable header',
    ),
  ),
  allow: key.holding(
    'list',
    'condition-list',
    'Which sender may speak for whom, see [TLS](#tls): a message that no rule allows gets `onRejected`',
    'Without it every sender is taken',
    'An HTTP request that is no message needs a rule without fields, or gets 403',
  ),
  trustedProxies: key.optional(
    'ranges',
    'The balancers and proxies before the gateway whose word on the client is taken: its address is then what routes, logs and nodes see',
    '`http`: by `X-Forwarded-For`; every protocol: by `proxyProtocol`',
    '`0.0.0.0/0` lets anyone pose as anyone, and gives a warning',
  ),
  proxyProtocol: key.flag(
    false,
    'Every connection begins with a PROXY protocol header (version 1 or 2), before TLS if there is any',
    'Only `trustedProxies` may connect',
    'Must be the same on both sides',
  ),
  http: HTTP,
} satisfies KeyTable;
