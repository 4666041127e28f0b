// The convict schemas: one for the top level and one for each kind of entry of a dynamic map.
// docs/configuration.md documents the same keys, types and defaults; a test holds the two together.
import './convict-formats.ts';
import type { Item } from './formats.ts';

/** Keys, and groups of keys that always exist. A key with `default` is an item: no key of a config has that name. */
export interface Schema {
  readonly [key: string]: Item | Schema;
}

export function isItem(part: Item | Schema): part is Item {
  return 'default' in part;
}

function duration(text: string, zero?: true): Item {
  return { format: 'duration', default: text, ...(zero === undefined ? {} : { zero }) };
}

function size(text: string, min: number, max: number): Item {
  return { format: 'size', default: text, min, max };
}

function count(value: number, min: number, max: number): Item {
  return { format: 'count', default: value, min, max };
}

/** The first word is the default. */
function oneOf(first: string, ...others: readonly string[]): Item {
  return { format: 'one-of', default: first, values: [first, ...others] };
}

function flag(value: boolean): Item {
  return { format: 'flag', default: value };
}

const KIB = 2 ** 10;
const GIB = 2 ** 30;

const TLS_VERSION = oneOf('TLSv1.2', 'TLSv1.3');

export const TOP: Schema = {
  listeners: { format: 'map', default: null },
  pools: { format: 'map', default: undefined },
  routes: { format: 'list', default: null },
  certificates: { watch: flag(true) },
  shutdown: { timeout: duration('30s', true) },
  reload: { watch: flag(false) },
  state: { file: { format: 'text', default: undefined } },
  hotRestart: flag(false),
  // 1 TiB: more than a machine has. 1 MiB: less than one ordinary message with an image.
  limits: { maxBuffered: size('256MiB', KIB * KIB, KIB * GIB) },
  telemetry: {
    log: {
      level: oneOf('info', 'trace', 'debug', 'warn', 'error', 'fatal', 'silent'),
      format: oneOf('auto', 'json', 'ecs', 'text', 'pretty'),
      messages: flag(true),
    },
    controlIds: oneOf('plain', 'hash'),
    hashKey: { format: 'text', default: undefined, sensitive: true },
    traces: { format: 'map', default: undefined },
    metrics: {
      prometheus: flag(true),
      otlp: {
        endpoint: { format: 'http-url', default: undefined },
        interval: duration('60s'),
        protocol: oneOf('http/protobuf', 'grpc'),
      },
    },
  },
  parsing: {
    // 256 threads: more than the cores of any machine this runs on.
    workers: { format: 'auto-count', default: 'auto', min: 1, max: 256 },
    offload: oneOf('auto', 'always', 'never'),
    inlineLimit: size('64KiB', 0, GIB),
    queue: count(1000, 1, 1_000_000),
    timeout: duration('10s'),
  },
  admin: { format: 'map', default: undefined },
  audit: { format: 'map', default: undefined },
};

const LISTENER: Schema = {
  protocol: oneOf('mllp', 'http'),
  bind: { format: 'bind', default: null },
  tls: { format: 'map', default: undefined },
  limits: {
    // 1,000,000 sockets: what a tuned Linux process can hold open.
    maxConnections: count(1000, 1, 1_000_000),
    maxConnectionsPerSource: { format: 'count', default: undefined, min: 1, max: 1_000_000 },
    // A message lies in memory as one piece, so 1 GiB is the end; below 1 KiB not even an ADT fits.
    maxFrame: size('16MiB', KIB, GIB),
    frameTimeout: duration('30s'),
    idleTimeout: duration('0', true),
    writeTimeout: duration('30s'),
    maxPending: count(100, 1, 100_000),
    maxJunk: size('1KiB', 0, GIB),
    // A hundred thousand answers of 200 bytes are 20 MB, and at 100 messages a second a node needs 17 minutes for them.
    maxBatch: count(1000, 1, 100_000),
  },
  framing: {
    strayEndByte: oneOf('content', 'refuse'),
    missingCr: oneOf('refuse', 'accept'),
  },
  batch: oneOf('whole', 'refuse', 'split'),
  utf16: oneOf('forward', 'refuse'),
  missingControlId: oneOf('refuse', 'forward'),
  onUnavailable: oneOf('close', 'AE', 'AR', 'CE', 'CR'),
  onRejected: oneOf('AR', 'AE', 'CR', 'CE', 'close'),
  allow: { format: 'list', default: undefined },
  trustedProxies: { format: 'ranges', default: undefined },
  proxyProtocol: flag(false),
  http: {
    headersTimeout: duration('10s'),
    bodyTimeout: duration('30s'),
    keepAlive: duration('75s'),
    // 4 KiB hold no session cookie beside a token; Node.js reads a header block into memory whole.
    maxHeaderSize: size('16KiB', 4 * KIB, KIB * KIB),
    maxHeaders: count(100, 16, 2000),
    http2: flag(true),
    path: {
      encodedSlash: oneOf('refuse', 'forward', 'decode'),
      parameters: oneOf('refuse', 'forward', 'remove'),
      blanks: oneOf('refuse', 'forward', 'remove'),
      trailingDots: oneOf('refuse', 'forward', 'remove'),
    },
    users: { format: 'map', default: undefined },
    realm: { format: 'text', default: 'hl7-gateway' },
    codings: { format: 'codings', default: undefined },
  },
};

const PASSPHRASE: Item = { format: 'text', default: undefined, sensitive: true };

const LISTENER_TLS: Schema = {
  cert: { format: 'key-pairs', default: null },
  key: { format: 'files', default: undefined },
  passphrase: PASSPHRASE,
  minVersion: TLS_VERSION,
  groups: { format: 'groups', default: undefined },
  clientCa: { format: 'files', default: undefined },
  requireClientCert: flag(false),
  crl: { format: 'files', default: undefined },
  handshakeTimeout: duration('10s'),
  // One takes 0.4 ms (EC) to 0.8 ms (RSA 2048, client certificate) of a core, measured with Node.js 26: 200 that arrive
  // together hold up everybody's messages for 0.2 s at most; 10,000 for 8 s, which is about handshakeTimeout.
  maxHandshakes: count(200, 1, 10_000),
};

const ADMIN: Schema = {
  bind: { format: 'bind', default: '127.0.0.1:9600' },
  token: { format: 'text', default: undefined, sensitive: true },
  tls: { format: 'map', default: undefined },
  insecure: flag(false),
  tap: flag(false),
};

const TRACES: Schema = {
  endpoint: { format: 'http-url', default: undefined },
  protocol: oneOf('http/protobuf', 'grpc'),
  sample: { format: 'share', default: '1.0' },
  parent: oneOf('trusted', 'always', 'never'),
  nodes: oneOf('attributes', 'services'),
  always: { format: 'map', default: undefined },
  mllp: { segment: { format: 'text', default: undefined } },
  queue: {
    // 800 messages. A span takes about 1 KiB; a million are 1 GiB. More is no better where the collector is too slow: spans
    // that wait for long cost the garbage collector more than their making did (measured: 16,384 twice as much CPU).
    max: count(16_384, 16, 1_000_000),
    // One batch is handed over in one turn of the event loop, and may be compressed there.
    batch: count(512, 1, 4096),
    delay: duration('1s'),
  },
};

const ADMIN_TLS: Schema = {
  cert: { format: 'key-pairs', default: null },
  key: { format: 'files', default: undefined },
  passphrase: PASSPHRASE,
  minVersion: TLS_VERSION,
  groups: { format: 'groups', default: undefined },
  clientCa: { format: 'files', default: undefined },
  requireClientCert: flag(false),
  crl: { format: 'files', default: undefined },
};

const P12: Schema = {
  p12: { format: 'file', default: null },
  passphrase: PASSPHRASE,
};

const POOL: Schema = {
  nodes: { format: 'map', default: null },
  balance: oneOf('least-in-flight', 'round-robin', 'hash'),
  persistence: { format: 'map', default: undefined },
  ordering: oneOf('connection', 'key'),
  connections: {
    // Far above what a Mirth listener takes (10 by default), far below the ports of one source address.
    max: { format: 'auto-count', default: 'auto', min: 1, max: 10_000 },
    shared: flag(false),
    pipelining: count(1, 1, 1000),
    idle: { format: 'duration', default: undefined },
    settle: duration('10ms', true),
    repeatedIds: oneOf('auto', 'redial', 'reuse'),
    match: oneOf('lenient', 'strict', 'position'),
    reuse: { format: 'auto-count', default: 'auto', min: 1, max: 1_000_000 },
  },
  queue: { max: count(10_000, 0, 10_000_000), timeout: duration('3s') },
  timeouts: {
    connect: duration('2s'),
    ack: duration('30s'),
    application: duration('30s', true),
    silence: duration('1s'),
  },
  retry: {
    attempts: count(2, 1, 100),
    budget: duration('4s', true),
    onAmbiguous: oneOf('fail', 'same-node', 'other-node'),
  },
  health: {
    type: oneOf('tcp', 'tls', 'http', 'mirth', 'mllp', 'none'),
    interval: duration('5s'),
    fastInterval: duration('1s'),
    timeout: duration('2s'),
    rise: count(2, 1, 1000),
    fall: count(3, 1, 1000),
    initial: oneOf('up', 'down'),
    port: { format: 'count', default: undefined, min: 1, max: 65_535 },
    url: { format: 'http-url', default: undefined },
    tls: { format: 'map', default: undefined },
    user: { format: 'text', default: undefined },
    password: { format: 'text', default: undefined, sensitive: true },
    method: oneOf('GET', 'HEAD', 'OPTIONS', 'POST'),
    path: { format: 'text', default: undefined },
    headers: { format: 'map', default: undefined },
    status: { format: 'text', default: '200-399' },
    body: { format: 'text', default: undefined },
    channel: { format: 'text', default: undefined },
    message: { format: 'file', default: undefined },
    ack: oneOf('positive', 'any', 'AA', 'AE', 'AR', 'CA', 'CE', 'CR'),
  },
  ejection: {
    base: { format: 'duration', default: undefined },
    max: duration('1m'),
    maxEjected: { format: 'text', default: '100%' },
    errors: {
      share: { format: 'share', default: undefined },
      window: duration('30s'),
      // A share of fewer answers says little; more than a million in one window no node gives.
      answers: count(20, 1, 1_000_000),
    },
  },
  slowStart: duration('0', true),
  acknowledgement: oneOf('by-header', 'always', 'never'),
  contentType: { format: 'text', default: 'x-application/hl7-v2+er7' },
  charset: oneOf('keep', 'utf-8'),
};

const PERSISTENCE: Schema = {
  by: { format: 'subjects', default: undefined },
  cookie: { format: 'token', default: undefined },
  mode: oneOf('hash', 'table'),
  idle: duration('1h'),
  // An entry takes some 200 bytes: 10 million are 2 GB.
  maxSenders: count(100_000, 1, 10_000_000),
};

const NODE: Schema = {
  url: { format: 'node-url', default: null },
  // HAProxy's range.
  weight: count(1, 0, 256),
  backup: flag(false),
  tls: { format: 'map', default: undefined },
  healthUrl: { format: 'http-url', default: undefined },
};

const NODE_TLS: Schema = {
  ca: { format: 'files', default: undefined },
  cert: { format: 'key-pair', default: undefined },
  key: { format: 'file', default: undefined },
  passphrase: PASSPHRASE,
  servername: { format: 'host', default: undefined },
  minVersion: TLS_VERSION,
  crl: { format: 'files', default: undefined },
  pin: { format: 'fingerprints', default: undefined },
  insecure: flag(false),
};

const ROUTE: Schema = {
  name: { format: 'text', default: undefined },
  when: { format: 'map', default: undefined },
  to: { format: 'text', default: undefined },
  reject: { format: 'map', default: undefined },
  http: { format: 'map', default: undefined },
  validate: { format: 'map', default: undefined },
};

const ROUTE_HTTP: Schema = {
  hl7: flag(false),
  rewrite: { path: { format: 'texts', default: undefined } },
  request: {
    set: { format: 'map', default: undefined },
    add: { format: 'map', default: undefined },
    remove: { format: 'tokens', default: undefined },
  },
  response: {
    set: { format: 'map', default: undefined },
    add: { format: 'map', default: undefined },
    remove: { format: 'tokens', default: undefined },
  },
  timeout: { format: 'duration', default: undefined },
};

const REJECT: Schema = {
  code: oneOf('AR', 'AE', 'CR', 'CE'),
  text: { format: 'text', default: 'a route rejects the message' },
  condition: oneOf(
    ...([
      'auto',
      '100',
      '101',
      '102',
      '103',
      '200',
      '201',
      '202',
      '203',
      '204',
      '205',
      '206',
      '207',
    ] as const),
  ),
};

const VALIDATE: Schema = {
  code: oneOf('AE', 'AR', 'CE', 'CR'),
  segments: { format: 'list', default: undefined },
  fields: { format: 'list', default: undefined },
  tables: { format: 'map', default: undefined },
  lengths: { format: 'map', default: undefined },
};

const AUDIT: Schema = {
  file: { format: 'text', default: undefined },
  syslog: {
    address: { format: 'bind', default: undefined },
    tls: { format: 'map', default: undefined },
  },
  spool: {
    folder: { format: 'text', default: undefined },
    // A record has 1 to 2 KB: 150,000 or so.
    maxSize: size('256MiB', KIB * KIB, KIB * GIB),
  },
  // A record has 1 to 2 KB: a million are 2 GB.
  queue: count(10_000, 1, 1_000_000),
  sourceId: { format: 'text', default: undefined },
  siteId: { format: 'text', default: undefined },
  refusedMessages: flag(true),
};

/** By pattern: the key of a section with NAME for each name that the user chose and [] for each list's index. */
export const CONFIG_SECTIONS = {
  '': TOP,
  'listeners.NAME': LISTENER,
  'listeners.NAME.tls': LISTENER_TLS,
  'listeners.NAME.tls.cert': P12,
  'pools.NAME': POOL,
  'pools.NAME.persistence': PERSISTENCE,
  'pools.NAME.health.tls': NODE_TLS,
  'pools.NAME.health.tls.cert': P12,
  'pools.NAME.nodes.NAME': NODE,
  'pools.NAME.nodes.NAME.tls': NODE_TLS,
  'pools.NAME.nodes.NAME.tls.cert': P12,
  'routes[]': ROUTE,
  'routes[].reject': REJECT,
  'routes[].http': ROUTE_HTTP,
  'telemetry.traces': TRACES,
  admin: ADMIN,
  'admin.tls': ADMIN_TLS,
  'admin.tls.cert': P12,
  audit: AUDIT,
  'audit.syslog.tls': NODE_TLS,
  'audit.syslog.tls.cert': P12,
  'routes[].validate': VALIDATE,
} as const satisfies Record<string, Schema>;

export type SectionPattern = keyof typeof CONFIG_SECTIONS;
