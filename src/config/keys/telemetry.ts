// `telemetry`: logs, metrics and traces.
import { type KeyTable, key } from './key.ts';

export const TELEMETRY_KEYS = {
  log: {
    level: key.oneOf(
      ['info', 'trace', 'debug', 'warn', 'error', 'fatal', 'silent'],
      'The least important line that is written',
    ),
    format: key.oneOf(
      ['auto', 'json', 'ecs', 'text', 'pretty'],
      '`auto`: `text` on a terminal, `json` elsewhere',
      '`ecs`: JSON with the names of the Elastic Common Schema',
      '`pretty`: the old name of `text`',
      'All lines: [logging.md](logging.md)',
    ),
    messages: key.flag(
      true,
      'One line per message at `info`',
      'No content and no patient data in either case',
      'Turn it off where the volume is too much',
    ),
  },
  controlIds: key.oneOf(
    ['plain', 'hash'],
    '`hash` where control ids say something of a patient: some systems make them of a record number',
  ),
  hashKey: key.secret(
    'The key of these hashes (HMAC-SHA-256, its first 16 hexadecimal digits); give it as `{ file: … }`',
    'Without it each process has a key of its own, and hashes cannot be compared between two gateways, or before and after a restart',
  ),
  traces: key.optional(
    'map',
    'Makes traces',
    'Without it there are none, unless `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_TRACES_EXPORTER=otlp` is set: then all of it has its default',
  ),
  metrics: {
    prometheus: key.flag(
      true,
      'Serves metrics at `/metrics` of the [admin API](#admin), to everybody who reaches it',
      '`false`: 404',
    ),
    otlp: {
      endpoint: key.optional(
        'http-url',
        'Pushes metrics to this collector as well: `http://127.0.0.1:4318`; `/v1/metrics` is added for HTTP',
        '`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` (taken as it is) or `OTEL_EXPORTER_OTLP_ENDPOINT` win',
        'Without it nothing is pushed, unless the first of these is set, or `OTEL_METRICS_EXPORTER` names `otlp`; with `none` there nothing is pushed either',
      ),
      interval: key.duration(
        '60s',
        'Between two pushes',
        '`OTEL_METRIC_EXPORT_INTERVAL` (milliseconds) wins',
      ),
      protocol: key.oneOf(
        ['http/protobuf', 'grpc'],
        'What the collector speaks at that port (4318: HTTP, 4317: gRPC)',
        '`OTEL_EXPORTER_OTLP_METRICS_PROTOCOL` or `OTEL_EXPORTER_OTLP_PROTOCOL` win',
      ),
    },
  },
} satisfies KeyTable;

export const TRACES_KEYS = {
  endpoint: key.optional(
    'http-url',
    'Where the collector or Jaeger takes OTLP',
    'Without it `http://127.0.0.1:4318`, and `http://127.0.0.1:4317` for `grpc`',
    'Over HTTP `/v1/traces` is appended',
  ),
  protocol: key.oneOf(['http/protobuf', 'grpc'], 'How OTLP is spoken'),
  ui: key.optional(
    'http-url',
    'Where people look at traces, as `http://jaeger:16686`: [the console](admin.md#the-console-and-who-may-log-in) links each message to `/trace/ID` there',
    'With `{traceId}` in it, to what it says',
  ),
  sample: key.preset(
    'share',
    '1.0',
    'The share of messages that is recorded',
    'Those that fail, or are refused, or need more than one attempt, always are',
  ),
  parent: key.oneOf(
    ['trusted', 'always', 'never'],
    "Whose `sampled` flag is followed instead of `sample`: that of a client in the listener's `trustedProxies`, of every client, of none",
  ),
  nodes: key.oneOf(
    ['attributes', 'services'],
    '`services`: each sending application (MSH-3) and each node is a service of its own in traces, see [tracing](tracing.md#a-map-of-services)',
  ),
  always: key.holding(
    'map',
    'conditions',
    "Conditions as in a route's `when`, on fields of MSH, the connection and the request",
    'Messages for which any of them holds are recorded: `{ MSH-3: NEWLAB, MSH-10: /^TEST/ }`',
  ),
  mllp: {
    segment: key.optional(
      'text',
      'The Z segment in which senders over MLLP say what trace a message belongs to: `traceparent` in its first field, `tracestate` in its second',
      'Read only',
    ),
  },
  queue: {
    // 800 messages. A span takes about 1 KiB; a million are 1 GiB. More is no better where the collector is too slow: spans
    // that wait for long cost the garbage collector more than their making did (measured: 16,384 twice as much CPU).
    max: key.count(
      16_384,
      [16, 1_000_000],
      'Spans that may wait for the collector, about five to a message and 0.3 KiB of memory each',
      'More are dropped and counted',
      'A longer queue helps over a short outage, and costs CPU where the collector is too slow for good',
    ),
    // One batch is handed over in one turn of the event loop, and may be compressed there.
    batch: key.count(512, [1, 4096], 'Spans sent in one request, about 0.3 KiB each'),
    delay: key.duration('1s', 'How long spans wait for others to be sent with'),
  },
} satisfies KeyTable;
