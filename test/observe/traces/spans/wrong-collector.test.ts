// Something else than a collector at its address, and variables that change nothing: each is named, so that nobody has to guess
// why Jaeger shows no traces.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isExportResponse } from '../../../../src/observe/traces/collector-answer.ts';
import { HEEDED } from '../../../../src/observe/traces/variables.ts';
import { startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { lineOf, startTraced } from './room.ts';

const LONG = { timeout: 60_000 };

/** What OpenTelemetry's specification has besides; whatever else begins with OTEL_ is not heeded either. */
const UNHEEDED: readonly string[] = [
  'OTEL_CONFIG_FILE',
  'OTEL_EXPERIMENTAL_CONFIG_FILE',
  'OTEL_ENTITIES',
  'OTEL_LOG_LEVEL',
  'OTEL_PROPAGATORS',
  'OTEL_LOGS_EXPORTER',
  'OTEL_BLRP_SCHEDULE_DELAY',
  'OTEL_BLRP_EXPORT_TIMEOUT',
  'OTEL_BLRP_MAX_QUEUE_SIZE',
  'OTEL_BLRP_MAX_EXPORT_BATCH_SIZE',
  'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_SPAN_EVENT_COUNT_LIMIT',
  'OTEL_SPAN_LINK_COUNT_LIMIT',
  'OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_LINK_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_METRICS_EXEMPLAR_FILTER',
  'OTEL_METRIC_EXPORT_TIMEOUT',
  'OTEL_EXPORTER_PROMETHEUS_HOST',
  'OTEL_EXPORTER_PROMETHEUS_PORT',
  'OTEL_EXPORTER_ZIPKIN_ENDPOINT',
  'OTEL_EXPORTER_ZIPKIN_TIMEOUT',
  'OTEL_EXPORTER_OTLP_INSECURE',
  'OTEL_EXPORTER_OTLP_TRACES_INSECURE',
  'OTEL_EXPORTER_OTLP_METRICS_INSECURE',
  'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
  'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
  'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
  'OTEL_EXPORTER_OTLP_LOGS_PROTOCOL',
  'OTEL_EXPORTER_OTLP_LOGS_HEADERS',
  'OTEL_EXPORTER_OTLP_LOGS_TIMEOUT',
  'OTEL_EXPORTER_OTLP_LOGS_COMPRESSION',
  'OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE',
  'OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE',
  'OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY',
];
const NOT_TAKEN = 'traces: the collector does not take them';

afterEach(() => vi.unstubAllEnvs());

/** What the log says once a message's trace went to that address. */
async function saidOf(url: string, protocol: string): Promise<Record<string, unknown>> {
  await using collector = await startCollector();
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, {
    nodes: [node.url],
    traces: { endpoint: url, protocol },
  });
  await using sender = await connectSender(gw.port());
  await sender.exchange(message());
  return lineOf(gw, NOT_TAKEN);
}

describe('F110 a wrong collector is named by URL, protocol and what came back', () => {
  it.each([
    [200, 'no OTLP', 'a web page'],
    [404, '404', 'HTTP 404'],
    [401, '401', 'HTTP 401'],
  ])('a page that answers %d', LONG, async (status, cause, answer) => {
    const server = http.createServer((request, response) => {
      request.resume();
      response.writeHead(status, { 'content-type': 'text/html' }).end('<!doctype html><title>Jaeger</title>');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://user:secret@127.0.0.1:${port}/`);
    const line = await saidOf('http://127.0.0.1:9', 'http/protobuf');
    server.close();
    expect(line).toMatchObject({
      url: `http://127.0.0.1:${port}/v1/traces`,
      protocol: 'http/protobuf',
      cause,
      answer: expect.stringContaining(answer),
    });
    expect(JSON.stringify(line)).not.toMatch(/secret|Jaeger</);
  });

  it('a server that answers 200 and JSON of its own', LONG, async () => {
    const server = http.createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const line = await saidOf(`http://127.0.0.1:${port}`, 'http/protobuf');
    server.close();
    expect(line).toMatchObject({ cause: 'no OTLP', answer: 'something that is no OTLP' });
  });

  it.each([
    ['', true],
    ['\n\x02\b\x07', true],
    ['{}', true],
    ['{"partialSuccess":{"rejectedSpans":"1"}}', true],
    ['{"partial_success":{}}', true],
    ['{"status":"ok"}', false],
    ['{"partialSuccess":{},"node":"a"}', false],
    ['{', false],
    ['<html>', false],
    ['OK', false],
  ])('%j is a response of a collector: %s', (text, expected) => {
    expect(isExportResponse(Buffer.from(text))).toBe(expected);
  });

  it('HTTP at the port for gRPC', LONG, async () => {
    // What a server of gRPC says to HTTP/1: the settings of HTTP/2.
    const { createServer } = await import('node:net');
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(Buffer.from('000000040000000000', 'hex'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const line = await saidOf(`http://127.0.0.1:${port}`, 'http/protobuf');
    server.close();
    expect(line).toMatchObject({
      cause: expect.stringMatching(/^HPE_/),
      answer: expect.stringContaining('gRPC'),
    });
  });

  it('gRPC at the port for HTTP', LONG, async () => {
    await using collector = await startCollector('http');
    const line = await saidOf(collector.url, 'grpc');
    expect(line).toMatchObject({
      url: `${collector.url}/`,
      protocol: 'grpc',
      answer: expect.stringContaining('gRPC status'),
    });
  });
});

describe('F110 a variable', () => {
  it('that is not heeded is named at the start, once; one that is, is not', async () => {
    vi.stubEnv('OTEL_PROPAGATORS', 'b3');
    vi.stubEnv('OTEL_SPAN_LINK_COUNT_LIMIT', '3');
    vi.stubEnv('OTEL_NO_SUCH_THING', '1');
    vi.stubEnv('OTEL_LOG_LEVEL', '');
    vi.stubEnv('OTEL_SERVICE_NAME', 'vip');
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url] });
    const named = gw.log.filter(({ msg }) => msg === 'traces: a variable of OpenTelemetry is not heeded');
    expect(named.map(({ variable }) => variable).toSorted()).toEqual([
      'OTEL_NO_SUCH_THING',
      'OTEL_PROPAGATORS',
      'OTEL_SPAN_LINK_COUNT_LIMIT',
    ]);
  });

  it('is in the table of docs/tracing.md, heeded or not', () => {
    const text = readFileSync(new URL('../../../../docs/tracing.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `(OTEL_\w+)` \| (yes|no)[^|]*\|$/gm)];
    const of = (word: string) => rows.filter(([, , said]) => said === word).map(([, name]) => name);
    expect(of('yes').toSorted()).toEqual([...HEEDED].toSorted());
    expect(of('no').toSorted()).toEqual([...UNHEEDED].toSorted());
    expect(UNHEEDED.filter((name) => HEEDED.has(name))).toEqual([]);
  });
});
