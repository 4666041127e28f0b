// Traces as a user of the command line meets them: `demo --traces`, `send` over HTTP, `route` with a Z segment.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith } from '../config/config-folder.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { startCollector } from '../helpers/otlp-collector.ts';
import { startRawNode } from '../helpers/raw-http-node.ts';
import { value } from '../helpers/strict-http.ts';
import { acks } from '../http-hl7/room.ts';
import { command, fixture } from './command-line.ts';

const ADMIT = fixture('adt-a01-admit.hl7');
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const LONG = { timeout: 60_000 };

describe('demo', () => {
  test('--traces sends a trace of every message', LONG, async () => {
    await using collector = await startCollector();
    const { code, out, err } = await command('demo', '--once', '--port', '0', '--traces', collector.url);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out).toContain(`traces    ${collector.url}`);
    const [, sent] = /^(\d+) messages sent/.exec(out.find((line) => / messages sent/.test(line)) ?? '') ?? [];
    const traces = await collector.traces(Number(sent));
    const roots = traces.map(({ root }) => root);
    expect(roots.filter(({ name }) => name.startsWith('mllp ')).length).toBeGreaterThan(10);
    expect(roots.filter(({ name }) => name.startsWith('POST ')).length).toBeGreaterThan(10);
  });

  test('and fails at nothing where nobody is there to take them', LONG, async () => {
    await using node = await startFaultyNode();
    await node.refuse();
    const { code, out } = await command(
      'demo',
      '--once',
      '--port',
      '0',
      '--traces',
      `http://127.0.0.1:${node.port}`,
    );
    expect(code).toBe(0);
    expect(out.filter((line) => line.includes('did not take the last ones'))).toHaveLength(1);
  });

  test('an address that is none is told', async () => {
    const { code, err } = await command('demo', '--once', '--port', '0', '--traces', 'jaeger:4318');
    expect(code).toBe(2);
    expect(err.join()).toContain('--traces takes');
  });
});

test('send over HTTP makes a trace, and prints which', async () => {
  await using node = await startRawNode(acks());
  const { code, out } = await command('send', ADMIT, '--to', node.url);
  const [, traceId] = /^ {4}trace ([0-9a-f]{32})$/.exec(out.at(-2) ?? '') ?? [];
  expect(code).toBe(0);
  expect(value(node.request, 'traceparent')).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  const json = await command('send', ADMIT, '--to', node.url, '--json');
  expect(JSON.parse(json.out[0] ?? '').traceId).toBe(
    value(node.requests[1] ?? node.request, 'traceparent')?.slice(3, 35),
  );
});

test('route prints the trace that a message says it belongs to', async () => {
  const folder = folderWith({
    'gateway.yaml': `listeners: { adt: { bind: ":0" } }
pools: { p: { nodes: { a: { url: "mllp://h:1" } } } }
routes: [{ to: p }]
telemetry: { traces: { mllp: { segment: ZTR } } }
`,
  });
  const traced = join(folder, 'traced.hl7');
  writeFileSync(traced, message({ segments: [`ZTR|00-${TRACE_ID}-b7ad6b7169203331-01`] }));
  const config = join(folder, 'gateway.yaml');
  const { out } = await command('route', traced, '-c', config);
  expect(out[1]).toBe(`  trace ${TRACE_ID}`);
  const plain = await command('route', ADMIT, '-c', config, '--json');
  expect(JSON.parse(plain.out[0] ?? '')).not.toHaveProperty('traceId');
});
