// `pools.NAME`, its nodes and its sticky keys.
import { EJECTION_KEYS, HEALTH_KEYS } from './health.ts';
import { type KeyTable, key } from './key.ts';

/** Those whose nodes answer. */
const OF_MESSAGES = ['mllp', 'http'] as const;

export const POOL_KEYS = {
  nodes: key.optional(
    'map',
    'The nodes, either `mllp` and `mllps`, or `http` and `https`, or `tcp` and `tls`',
    'At least one, and one that is no backup, or there is a warning; none where `discover` finds them',
  ),
  discover: key.optional(
    'map',
    'Nodes that are [discovered](#poolsnamediscover) by DNS, or in a file that is watched, besides `nodes`',
  ),
  balance: key.oneOf(
    ['least-in-flight', 'round-robin', 'hash'],
    "Which node takes a message or request that nothing binds: the one with the fewest in work by weight, each in turn, or the one that the sticky key's hash picks",
    '`hash` needs `persistence.by`',
  ),
  persistence: key.optional(
    'map',
    'Keeps messages of one sticky key, and clients, on one node while it is healthy',
  ),
  ordering: key.only(
    OF_MESSAGES,
    key.oneOf(
      ['connection', 'key'],
      "`connection` keeps the order of each sender's connection",
      '`key` has one message in flight for each sticky key, over all connections; needs `persistence.by`',
    ),
  ),
  connections: {
    // Far above what a Mirth listener takes (10 by default), far below the ports of one source address.
    max: key.autoCount(
      [1, 10_000],
      'Connections to each node, whatever number of senders there are',
      '`auto`: 8 for MLLP, 256 for HTTP, where each carries one request at a time, 1000 for TCP, where each is for one sender',
      "Keep it below the node's own limit: Mirth's MLLP listener takes 10 by default, and closes the eleventh",
      'An HTTP client that reads its response slowly holds one for as long as it reads, or `writeTimeout` if it stops',
    ),
    // F101.
    shared: key.only(
      ['mllp'],
      key.flag(
        false,
        'MLLP nodes only: `max` is for all nodes of one address and port together, in all pools where this is `true` (where they say different things, the least)',
        'A pool that has messages gets a connection in its turn: one that has more gives one back when its messages are answered',
        'Where there are fewer connections than pools, each message may need a new one; after `timeouts.ack` without a place a message goes to another node, or back to the queue',
      ),
    ),
    pipelining: key.only(
      ['mllp'],
      key.count(
        1,
        [1, 1000],
        'MLLP nodes only: messages that may wait for their answers on one connection',
        'More is faster with many small messages; when a connection breaks, all that waited on it are ambiguous',
      ),
    ),
    idle: key.optional(
      'duration',
      'A connection without messages is closed after this',
      "Without it: `5m` for MLLP, `20s` for HTTP, as Mirth's HTTP listener closes after 30 s, never for TCP",
      "Set it below the node's own timeout, and that of a firewall between",
    ),
    // F32.
    settle: key.only(
      ['mllp'],
      key.durationOrZero(
        '10ms',
        'MLLP nodes only: how long a new connection is watched before it is written to: a node that is full accepts, then closes',
        'One beside others is watched for 250 ms at least ([why](decisions/0001-settle-before-the-first-write.md))',
        '`0` writes at once',
      ),
    ),
    repeatedIds: key.only(
      ['mllp'],
      key.oneOf(
        ['auto', 'redial', 'reuse'],
        'MLLP nodes only',
        "`redial` gives a message whose MSH-10 one of the last 16 on a connection had another connection, and dials one where there is none, so that a node's second answer to the one is never taken for the answer to the other; costs nothing where MSH-10 differs, but a sender that always says the same one is held to some 80 messages a second for each node",
        '`reuse` takes no such care',
        '`auto` is `reuse` for a node until it has been seen to answer a message twice, and `redial` from then on ([why](decisions/0008-repeated-control-ids.md))',
      ),
    ),
    match: key.only(
      OF_MESSAGES,
      key.oneOf(
        ['lenient', 'strict', 'position'],
        "When an answer is taken for the message's whose answer is due",
        '`strict`: MSA-2 is MSH-10, byte for byte',
        '`lenient`: also where it differs by blanks, letter case, what stands behind a first component, or a cut to 20 characters, and a refusal under any id, as long as that message is the only one out on its connection',
        '`position`: whatever MSA-2 says, by the order alone ([when an answer is believed](acknowledgements.md))',
      ),
    ),
    reuse: key.only(
      OF_MESSAGES,
      key.autoCount(
        [1, 1_000_000],
        'Messages that a connection carries before it is ended',
        '`auto`: any number, as long as the node keeps it open',
        'A node that closes behind its answers (Mirth: Keep Connection Open = No) is noticed after the first, and each message has a connection of its own from then on, until the node has kept three in a row open for a second; `1` knows that from the start',
      ),
    ),
    // A client that has none waits until one of the others' is free; one that has all of `max` would be in everybody's way.
    perClient: {
      max: key.only(
        OF_MESSAGES,
        key.autoCount(
          [1, 10_000],
          'With `source: client` or `proxyProtocol`, connections that one client address may have to a node, within `max`',
          '`auto`: 4 for MLLP, 64 for HTTP',
          'MLLP: what comes beyond that waits for `queue.timeout` at most. HTTP: so many are kept while they are idle',
          'When `max` is reached, who has most gives one back, behind its answers, to a client that has none',
        ),
      ),
      idle: key.only(
        OF_MESSAGES,
        key.duration(
          '30s',
          'With `source: client`, a connection of a client without messages is closed after this, or after `idle` where that is shorter',
        ),
      ),
    },
  },
  queue: {
    max: key.count(
      10_000,
      [0, 10_000_000],
      'Messages that may wait for a node, and requests',
      '`0`: none waits',
    ),
    timeout: key.duration(
      '3s',
      'How long one may wait for a node, from its receipt or, if it waits for one before it that is being answered, from then',
      "Keep it below the senders' own timeout: Mirth's sender waits 5 s",
    ),
  },
  source: key.optional(
    'source',
    'The address of this machine that connections to nodes come from, those of checks as well; names of nodes are looked up in its family',
    'Without it the system picks one by its routes',
    'No VIP of `cluster`, which may be with another member',
    '`client`: the address of whose messages it carries, as the listener knows it (after the PROXY protocol, or `X-Forwarded-For` of `http.trustedProxies`), and a port that the kernel picks; checks come from this machine',
    'It needs Linux, a capability, and rules for the answers: [clients as sources](transparent.md)',
  ),
  proxyProtocol: key.oneOf(
    ['off', 'v1', 'v2'],
    "Each connection to a node begins with a PROXY protocol header of this version, before TLS, which names the sender's address, as the listener knows it; checks of the same port say that they are the gateway's own (LOCAL, UNKNOWN)",
    'MLLP and HTTP connections are kept for each client then (`connections.perClient`), and the header has 0 for its port, as it may send on several connections',
    'Must be the same on both sides; Mirth reads none',
  ),
  timeouts: {
    connect: key.duration('2s', 'A node that does not accept within this counts as not reached'),
    ack: key.only(
      OF_MESSAGES,
      key.duration(
        '30s',
        'From when a message is given to a connection (or, with `pipelining`, from the answer before its own) to its answer',
        'After it the connection is closed, as a late answer must not be credited to the next message',
        'Set it above the slowest channel',
        "HTTP nodes: the time to a response's headers, and for silence in its body; of an answer to a message, to its end",
      ),
    ),
    // F89.
    application: key.only(
      OF_MESSAGES,
      key.durationOrZero(
        '30s',
        "MLLP: after a commit (CA) for a message whose MSH-16 is `AL`, how long its connection to the node and its sender's connection are kept for the application acknowledgement: they are not idle, and a reload or a drain waits for it",
        'An answer that comes later still reaches a sender that is there',
        '`0`: nothing waits',
      ),
    ),
    // F90.
    silence: key.only(
      OF_MESSAGES,
      key.duration(
        '1s',
        'MLLP: where MSH-15 or MSH-16 ask for answers on error only, how long the node may take to say so',
      ),
    ),
  },
  retry: {
    attempts: key.only(
      OF_MESSAGES,
      key.count(
        2,
        [1, 100],
        'How often one message may be written to a node, in all',
        'A node that could not be reached does not count: `budget` bounds those',
        'A request is sent again only if none of it was sent, or if its method is idempotent and its body was kept (up to 64 KiB)',
      ),
    ),
    budget: key.only(
      OF_MESSAGES,
      key.durationOrZero(
        '4s',
        'After this long since its time began to run (as for `queue.timeout`) an ambiguous message is not written again',
        'One that was not sent is tried elsewhere for this long or `queue.timeout`, whichever is longer',
        "Keep both below the senders' own timeout",
      ),
    ),
    onAmbiguous: key.only(
      OF_MESSAGES,
      key.oneOf(
        ['fail', 'same-node', 'other-node'],
        'A message was written and no answer came, so the node may have it',
        '`fail` leaves it to the sender; the others resend, and the message can then be there twice',
        '`same-node` where the channel removes duplicates by MSH-10',
      ),
    ),
  },
  duplicates: key.only(
    OF_MESSAGES,
    key.optional(
      'map',
      'What comes again after a positive answer, [is answered again](spool.md#duplicates) and not sent',
      'Remembered in memory, and over a restart where the pool has a spool',
      'Needs `workers: 1`',
    ),
  ),
  spool: key.only(
    OF_MESSAGES,
    key.optional(
      'map',
      '[Store and forward](spool.md): messages that no node can take, or all of them, are stored on the disk, acknowledged, and delivered then',
      'It changes what a positive acknowledgement means',
      'Needs `workers: 1`',
    ),
  ),
  health: HEALTH_KEYS,
  ejection: EJECTION_KEYS,
  slowStart: key.durationOrZero(
    '0',
    'How long the weight of a node that comes back takes to grow from a tenth to all of it; `0`: at once',
  ),
  // F42.
  acknowledgement: key.only(
    OF_MESSAGES,
    key.oneOf(
      ['by-header', 'always', 'never'],
      'Which messages the nodes answer',
      '`by-header`: by MSH-15 and MSH-16 ([table 0155](hl7.md)); those of original mode all, those with NE in both none: they are delivered when they are written, and an answer is not passed on',
      'Where success means silence (ER), a node that says nothing for `timeouts.silence` has taken the message, and an error is passed on, late ones too',
      '`always`: all; NE in both waits for no longer than `timeouts.silence`',
      '`never`: none',
    ),
  ),
  contentType: key.only(
    ['http'],
    key.preset(
      'text',
      'x-application/hl7-v2+er7',
      'HTTP nodes only: the type that HL7 messages are posted as, without parameters; the charset is added',
      "Mirth's HTTP Listener reads this one and `text/plain` as text, and takes `application/hl7-v2` for binary",
    ),
  ),
  charset: key.only(
    ['http'],
    key.oneOf(
      ['keep', 'utf-8'],
      'HTTP nodes only: `utf-8` posts HL7 messages in UTF-8 whatever charset they came in, with `UNICODE UTF-8` in MSH-18 where that said another; the one place where bytes of a message change',
      'What cannot be converted without loss, or has an MSH-10 that is not ASCII, is refused (`GW_ERR_PARSE_CHARSET`)',
      "Answers are passed back as they are, in the node's charset",
    ),
  ),
} satisfies KeyTable;

export const PERSISTENCE_KEYS = {
  by: key.optional(
    'subjects',
    'The parts of the sticky key: `[MSH-3, MSH-4]` is the sending application and facility',
    'A key whose parts are all empty does not stick',
    'Required unless there is a `cookie`',
  ),
  cookie: key.optional(
    'token',
    "HTTP nodes only: the gateway's own cookie, which binds a client to its node",
    'Goes before `by`',
  ),
  mode: key.oneOf(
    ['hash', 'table'],
    '`hash` computes the node from the key: no state, two gateways agree, and only the keys of a lost node move',
    '`table` remembers the node that was picked by `balance`',
  ),
  idle: key.duration('1h', '`table` only: a key that was not seen for this long is forgotten'),
  // An entry takes some 200 bytes: 10 million are 2 GB.
  maxSenders: key.count(
    100_000,
    [1, 10_000_000],
    '`table` only: keys that are remembered; beyond that the one not seen for longest is forgotten',
  ),
} satisfies KeyTable;

export const NODE_KEYS = {
  url: key.required(
    'node-url',
    '`mllps` is MLLP over TLS',
    '`tcp` and `tls` are for bytes that are [passed on as they come](tcp.md)',
    'With `:+0` for the port, or none but over HTTP: the port that the sender came to; `:+1000`: so far from it, see [Ranges and interfaces](#ranges-of-ports-and-interfaces)',
    'HL7 messages are posted to the path of an HTTP node; where it has none, to the path that the client posted to, and to `/` if they came by MLLP',
    'Other requests keep their own path',
  ),
  // HAProxy's range.
  weight: key.count(
    1,
    [0, 256],
    "The node's share beside the others",
    '`0` takes no message that is not already bound to it',
  ),
  backup: key.flag(false, 'Used only when no other node can take the message'),
  tls: key.optional(
    'map',
    'For `mllps`, `https` and `tls` only, where the defaults below hold without it; with `mllp`, `http` and `tcp` it is an error',
  ),
  source: key.optional('source', "Instead of the pool's `source` for this node"),
  healthUrl: key.optional('http-url', "Instead of the pool's `health.url` for this node"),
} satisfies KeyTable;
