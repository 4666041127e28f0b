// F46 with the real process: SIGTERM drains at a message boundary and exits 0, whatever connections there are.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { frame, message } from '../helpers/mllp.ts';
import { startCollector } from '../helpers/otlp-collector.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';
import { startGatewayProcess, startNode } from './child.ts';
import { type Record, sendInLockstep } from './lockstep.ts';

afterEach(() => vi.unstubAllEnvs());

function config(urls: readonly string[], more: { pool?: object; shutdown?: string } = {}): object {
  return {
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: { pool: { nodes: Object.fromEntries(urls.map((url, i) => [`n${i}`, { url }])), ...more.pool } },
    routes: [{ to: 'pool' }],
    shutdown: { timeout: more.shutdown ?? '10s' },
  };
}

test.each([1, 4])(
  'F46 SIGTERM under load, pipelining %i: nothing is answered that no node has, nothing is sent twice',
  { timeout: 60_000 },
  async (pipelining) => {
    await using a = await startNode('--delay', '2ms');
    await using b = await startNode('--delay', '2ms');
    await using gateway = await startGatewayProcess(
      config([a.url, b.url], { pool: { connections: { max: 4, pipelining } } }),
    );
    const record: Record = { acked: [], unanswered: [], wrong: [], resets: [] };
    const runs = Array.from({ length: 8 }, (_, i) =>
      sendInLockstep(gateway.port, `S${i}`, record, () => false),
    );
    await until(() => record.acked.length > 200, { deadlineMs: 30_000 });
    gateway.kill('SIGTERM');
    // Each goes on until its connection is ended and no new one is to be had.
    await Promise.all(runs);
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    for (const node of [a, b]) {
      node.kill('SIGTERM');
      await node.exited;
    }
    const taken = [...a.controlIds(), ...b.controlIds()];
    expect(record.wrong).toEqual([]);
    expect(new Set(taken).size).toBe(taken.length);
    // Every message that reached a node was answered to its sender, and no other.
    expect([...taken].sort()).toEqual([...record.acked].sort());
    expect(gateway.lines.at(-1)).toMatchObject({ msg: 'stopped', clean: true });
    expect(gateway.stderr).toBe('');
  },
);

describe('F46 SIGTERM', () => {
  test('F46 waits for an answer that is owed and for a frame that has begun', {
    timeout: 60_000,
  }, async () => {
    const hold = gate();
    const script = answers.by(({ controlId }) =>
      controlId === 'FIRST' ? answers.aa() : answers.after(hold),
    );
    await using node = await startFaultyNode(script);
    await using gateway = await startGatewayProcess(config([node.url]));
    await using owed = await connectSender(gateway.port);
    await using half = await connectSender(gateway.port);
    await using idle = await connectSender(gateway.port);
    const bytes = frame(message({ controlId: 'HALF' }));
    // The beginning of the frame comes with a whole message: when that is answered, it has been read too.
    void half.write(Buffer.concat([frame(message({ controlId: 'FIRST' })), bytes.subarray(0, 10)]));
    await half.nextAck();
    void owed.send(message({ controlId: 'OWED' }));
    await node.received(2);
    gateway.kill('SIGTERM');
    expect(await idle.closed).toEqual({ hadError: false, code: undefined });
    expect(owed.ended).toBe(false);
    hold.open();
    await half.write(bytes.subarray(10));
    expect((await owed.nextAck()).toString('latin1')).toContain('MSA|AA|OWED');
    expect((await half.nextAck()).toString('latin1')).toContain('MSA|AA|HALF');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(node.controlIds).toEqual(['FIRST', 'OWED', 'HALF']);
  });

  test('F46 a node that never answers: exit 1 after shutdown.timeout, not after timeouts.ack', {
    timeout: 60_000,
  }, async () => {
    await using node = await startFaultyNode(answers.none());
    await using gateway = await startGatewayProcess(
      config([node.url], { shutdown: '150ms', pool: { timeouts: { ack: '10m' } } }),
    );
    await using sender = await connectSender(gateway.port);
    void sender.send(message({ controlId: 'X1' }));
    const [received] = await node.received(1);
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 1, signal: null });
    await sender.closed;
    expect(sender.received.length).toBe(0);
    await received?.connection.closed;
    expect(gateway.lines.some(({ msg, clean }) => msg === 'stopped' && clean === false)).toBe(true);
  });

  test('F46 a second signal ends it at once', { timeout: 60_000 }, async () => {
    await using node = await startFaultyNode(answers.none());
    await using gateway = await startGatewayProcess(config([node.url], { shutdown: '10m' }));
    await using sender = await connectSender(gateway.port);
    void sender.send(message({ controlId: 'X1' }));
    await node.received(1);
    gateway.kill('SIGTERM');
    await gateway.line(({ msg }) => msg === 'draining', 'draining');
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 143, signal: null });
    await sender.closed;
    expect(sender.received.length).toBe(0);
  });
});

test('a collector that never answers does not keep a process that was asked to end', {
  timeout: 60_000,
}, async () => {
  // As long as it is asked, opentelemetry-js waits; the gateway gives it two seconds at the end.
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '3600000');
  await using collector = await startCollector();
  collector.mood = 'silent';
  await using node = await startFaultyNode();
  await using gateway = await startGatewayProcess({
    ...config([node.url]),
    telemetry: { traces: { endpoint: collector.url, queue: { delay: '10ms' } } },
  });
  await using sender = await connectSender(gateway.port);
  await sender.exchange(message());
  await until(() => collector.requests.length > 0, { deadlineMs: 30_000 });
  gateway.kill('SIGTERM');
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
  expect(gateway.lines.map(({ msg }) => msg)).toContain(
    'traces: the collector did not take the last ones in time',
  );
});
