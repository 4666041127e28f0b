// F79, F120: `limits.maxBuffered` and messages that are half there. Both protocols, several listeners and sources.
import { describe, expect, it } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { ask, expectNothingHeld, LONG, post, told } from '../http-hl7/room.ts';

const PATIENCE_MS = 60_000;
const MIB = 1024 * 1024;
const SIZE = 1_500_000;
/** More than one read brings, so that a large frame is known as one. */
const HALF = 900_000;

function configOf(nodeUrl: string, limits: Record<string, unknown> = {}): string {
  const listener = { bind: '127.0.0.1:0', limits: { maxFrame: '2MiB', ...limits } };
  return JSON.stringify({
    listeners: { one: listener, two: listener, http: { protocol: 'http', ...listener } },
    pools: { pool: { nodes: { a: { url: nodeUrl } }, health: { type: 'none' } } },
    routes: [{ to: 'pool' }],
    limits: { maxBuffered: '4MiB' },
    shutdown: { timeout: '3s' },
  });
}

/** Senders that have begun a large frame each. */
async function beginFrames(gw: TestGateway, count: number, localAddress: string): Promise<Sender[]> {
  const senders: Sender[] = [];
  for (let i = 0; i < count; i++) {
    const sender = await connectSender(gw.port('one'), { localAddress });
    void sender.write(frameOf(i).subarray(0, HALF));
    senders.push(sender);
  }
  await until(() => gw.held.bytes > MIB, { deadlineMs: PATIENCE_MS, what: 'memory that is short' });
  return senders;
}

const frameOf = (i: number): Buffer => frame(message({ controlId: `L${i}`, size: SIZE }));

async function close(senders: readonly Sender[]): Promise<void> {
  for (const sender of senders) await sender[Symbol.asyncDispose]();
}

describe('large frames that come in together', LONG, () => {
  it('F79 go on to their end, and small messages of others are served meanwhile', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway(configOf(node.url));
    const large = await beginFrames(gw, 8, '127.0.0.1');
    await using small = await connectSender(gw.port('one'));
    await using other = await connectSender(gw.port('two'));
    await using client = await connectClient(gw.port('http'));
    for (let i = 0; i < 20; i++) {
      expect((await small.exchange(message({ controlId: `S${i}` }), PATIENCE_MS)).includes('MSA|AA')).toBe(
        true,
      );
      expect((await other.exchange(message({ controlId: `O${i}` }), PATIENCE_MS)).includes('MSA|AA')).toBe(
        true,
      );
      expect(told(await ask(client, post(message({ controlId: `H${i}` }))))).toBe(`200 AA H${i}`);
    }
    expect(node.controlIds.some((id) => id.startsWith('L'))).toBe(false);
    for (const [i, sender] of large.entries()) void sender.write(frameOf(i).subarray(HALF));
    for (const sender of large) expect((await sender.nextAck(PATIENCE_MS)).includes('MSA|AA')).toBe(true);
    for (const { payload, controlId } of node.messages)
      if (controlId.startsWith('L'))
        expect(frame(payload).equals(frameOf(Number(controlId.slice(1))))).toBe(true);
    expect(gw.codes.filter((code) => code.startsWith('GW_ERR'))).toEqual([]);
    await close(large);
    await expectNothingHeld(gw);
  });

  it('F79 what waits longer than frameTimeout, because it is not read, does not die of it', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway(configOf(node.url, { frameTimeout: '3s' }));
    // Those that go on stall, and die one after the other; the last one waits longer than each of them.
    const stalled = await beginFrames(gw, 3, '127.0.0.1');
    await using waiting = await connectSender(gw.port('one'));
    const startedAt = performance.now();
    void waiting.write(frameOf(9));
    expect((await waiting.nextAck(PATIENCE_MS)).includes('MSA|AA')).toBe(true);
    await Promise.all(stalled.map(({ closed }) => closed));
    expect(performance.now() - startedAt).toBeGreaterThan(3000);
    const codes = gw.codes.filter((code) => code.startsWith('GW_ERR'));
    expect(codes).toEqual(Array(3).fill('GW_ERR_FRAME_TIMEOUT'));
    await close(stalled);
    await expectNothingHeld(gw);
  });

  it('F120 unfinished frames of one sender hold up nobody else, whatever listener they use', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway(configOf(node.url));
    const stalled = await beginFrames(gw, 24, '127.0.0.2');
    for (const port of [gw.port('one'), gw.port('two')]) {
      await using sender = await connectSender(port);
      for (const size of [1000, 100_000, SIZE])
        expect((await sender.exchange(message({ size }), PATIENCE_MS)).includes('MSA|AA')).toBe(true);
    }
    await using client = await connectClient(gw.port('http'));
    for (const size of [1000, 100_000, SIZE])
      expect((await ask(client, post(message({ controlId: 'H', size }), { chunked: true }))).status).toBe(
        200,
      );
    expect(gw.codes.filter((code) => code.startsWith('GW_ERR'))).toEqual([]);
    await close(stalled);
    await expectNothingHeld(gw);
  });

  it('F120 messages that wait for a node that is away leave others their room', async () => {
    await using node = await startFaultyNode();
    const config = JSON.parse(configOf(node.url)) as Record<string, Record<string, unknown>>;
    const away = { url: 'mllp://127.0.0.1:1' };
    Object.assign(config.pools ?? {}, {
      away: { nodes: { a: away }, health: { type: 'none' }, queue: { timeout: '1h', max: 100_000 } },
    });
    const routes = [{ when: { 'MSH-3': 'AWAY' }, to: 'away' }, { to: 'pool' }];
    await using gw = await startGateway(JSON.stringify({ ...config, routes, shutdown: { timeout: '0' } }));
    const full: Sender[] = [];
    for (let i = 0; i < 10; i++) {
      const sender = await connectSender(gw.port('one'), { localAddress: '127.0.0.2' });
      const messages = Array.from({ length: 90 }, (_, n) =>
        message({ controlId: `A${i}.${n}`, app: 'AWAY', size: 20_000 }),
      );
      void sender.sendTogether(messages);
      full.push(sender);
    }
    await until(() => gw.held.bytes > 1.9 * MIB, { deadlineMs: PATIENCE_MS, what: 'its share is taken' });
    await using other = await connectSender(gw.port('two'));
    for (const size of [1000, 100_000, SIZE])
      expect((await other.exchange(message({ size }), PATIENCE_MS)).includes('MSA|AA')).toBe(true);
    // Half, and what one read of each of its connections brought beyond.
    expect(gw.held.bytes).toBeLessThan(2 * MIB + 10 * 64 * 1024);
    await close(full);
  });
});
