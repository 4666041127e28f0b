// A collector of OTLP metrics over HTTP, which keeps what it was sent, decoded. Promises only what tests ask for of a metric:
// its name, kind, labels and values. The numbers of the fields are those of opentelemetry-proto 1.x.
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import protobuf from 'protobufjs';
import { portOf } from './openssl.ts';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceMetrics resource_metrics = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
  message Scope { string name = 1; string version = 2; }
  message Metric {
    string name = 1; string description = 2; string unit = 3;
    Points gauge = 5; Points sum = 7; Histograms histogram = 9;
  }
  message Points { repeated Point data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
  message Point {
    fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
    double as_double = 4; sfixed64 as_int = 6; repeated KeyValue attributes = 7;
  }
  message Histograms { repeated Histogram data_points = 1; int32 aggregation_temporality = 2; }
  message Histogram {
    fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7;
    repeated Exemplar exemplars = 8; repeated KeyValue attributes = 9;
  }
  message Exemplar { fixed64 time_unix_nano = 2; double as_double = 3; bytes span_id = 4; bytes trace_id = 5; }
  message KeyValue { string key = 1; Value value = 2; }
  message Value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; }
`);

interface Attribute {
  readonly key: string;
  readonly value?: { readonly stringValue?: string };
}

export interface OtlpPoint {
  readonly asDouble?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly bucketCounts?: readonly number[];
  readonly explicitBounds?: readonly number[];
  readonly attributes?: readonly Attribute[];
  readonly exemplars?: readonly OtlpExemplar[];
}

export interface OtlpExemplar {
  /** Nanoseconds since 1970. */
  readonly timeUnixNano: number;
  readonly asDouble: number;
  readonly traceId: Uint8Array;
}

export interface OtlpMetric {
  readonly name: string;
  readonly unit?: string;
  readonly gauge?: { readonly dataPoints?: readonly OtlpPoint[] };
  readonly sum?: {
    readonly dataPoints?: readonly OtlpPoint[];
    readonly aggregationTemporality: number;
    readonly isMonotonic?: boolean;
  };
  readonly histogram?: {
    readonly dataPoints?: readonly OtlpPoint[];
    readonly aggregationTemporality: number;
  };
}

interface Decoded {
  readonly resourceMetrics: readonly {
    readonly resource?: { readonly attributes?: readonly Attribute[] };
    readonly scopeMetrics: readonly { readonly metrics: readonly OtlpMetric[] }[];
  }[];
}

export interface Pushed {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly resource: Readonly<Record<string, string>>;
  readonly metrics: readonly OtlpMetric[];
}

export interface OtlpCollector extends AsyncDisposable {
  readonly url: string;
  readonly pushes: readonly Pushed[];
  /** What it answers. */
  status: number;
}

export async function startOtlpCollector(): Promise<OtlpCollector> {
  const pushes: Pushed[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (collector.status === 200)
      pushes.push({ path: request.url ?? '', headers: request.headers, ...decoded(Buffer.concat(chunks)) });
    response.writeHead(collector.status, { 'content-type': 'application/x-protobuf' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const collector = {
    url: `http://127.0.0.1:${portOf(server)}`,
    pushes,
    status: 200,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return collector;
}

/** The same by gRPC, without TLS: one unary call for each push. Its frames have a flag and a length before the message. */
export async function startGrpcCollector(): Promise<OtlpCollector> {
  const pushes: Pushed[] = [];
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', async (stream: http2.ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const path = headers[':path'] ?? '';
    pushes.push({ path, headers: {}, ...decoded(Buffer.concat(chunks).subarray(5)) });
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    // An empty message: all was taken.
    stream.end(Buffer.alloc(5));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    pushes,
    status: 200,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export function labelsOf({
  attributes = [],
}: {
  readonly attributes?: readonly Attribute[];
}): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value?.stringValue ?? '']));
}

/** A whole ExportMetricsServiceRequest, numbers of 64 bits as text. */
export function decodeMetrics(bytes: Uint8Array): Record<string, unknown> {
  const type = root.lookupType('Request');
  return type.toObject(type.decode(bytes), { longs: String });
}

function decoded(bytes: Buffer): Pick<Pushed, 'resource' | 'metrics'> {
  const type = root.lookupType('Request');
  const { resourceMetrics } = type.toObject(type.decode(bytes), { longs: Number }) as Decoded;
  return {
    resource: Object.assign({}, ...resourceMetrics.map(({ resource = {} }) => labelsOf(resource))),
    metrics: resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics)),
  };
}
