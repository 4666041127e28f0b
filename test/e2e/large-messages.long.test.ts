// F79: more large messages at once than fit into memory, with the defaults, through the process as a user starts it. All
// are delivered, small messages of another sender do not wait for them, and memory stays within what is documented.
//
// 24 senders of 12 MiB; HL7_GATEWAY_TEST_LARGE_SENDERS=100 makes it 1.2 GiB.
import { existsSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { startGatewayProcess } from './child.ts';
import { percentile, sendLarge, sendSmall, startSink } from './large-crowd.ts';

const MIB = 1024 * 1024;
const { HL7_GATEWAY_TEST_LARGE_SENDERS } = process.env;
const SENDERS = Number(HL7_GATEWAY_TEST_LARGE_SENDERS ?? 24);
/** Of small messages. Beside other tests nothing is said of their time, but that they did not wait for `frameTimeout`. */
const MAX_P99_MS = HL7_GATEWAY_TEST_LARGE_SENDERS === undefined ? 20_000 : 1000;
const FILLER = Buffer.alloc(12 * MIB, 'QUJD');
/** The default. */
const MAX_BUFFERED_MIB = 256;

const crowds = [
  ['over MLLP, all from one address', 'mllp', 1],
  ['over MLLP, each from an address of its own', 'mllp', SENDERS],
  ['over HTTP, all from one address', 'http', 1],
] as const;

/** The most that the process has had in memory so far. */
function highWaterMb(pid: number | undefined): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kib) * 1024) / 1e6;
}

/** Of the process so far, in clock ticks of 10 ms. */
function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

describe.skipIf(!existsSync('/proc/self/status'))('F79 large messages (skipped without /proc)', () => {
  test.each(crowds)('F79 %s: all delivered', { timeout: 240_000 }, async (_, protocol, sources) => {
    await using sink = await startSink();
    await using gateway = await startGatewayProcess({
      listeners: {
        large: { protocol, bind: '127.0.0.1:0' },
        small: { bind: '127.0.0.1:0' },
      },
      pools: { pool: { nodes: { a: { url: sink.url } }, health: { type: 'none' } } },
      routes: [{ to: 'pool' }],
    });
    const { address } = await gateway.line(({ listener }) => listener === 'small', 'the other listener');
    const small = sendSmall(Number(String(address).split(':').at(-1)), '127.0.1.1');
    const startedAt = performance.now();
    const codes = await Promise.all(
      Array.from({ length: SENDERS }, (_one, i) =>
        sendLarge(
          net.connect({
            host: '127.0.0.1',
            port: gateway.port,
            localAddress: `127.0.0.${2 + (i % sources)}`,
          }),
          protocol,
          `L${i}`,
          FILLER,
        ),
      ),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const waits = await small.stop();
    const p99 = percentile(waits, 0.99);
    const rss = highWaterMb(gateway.process.pid);
    console.log(
      `${SENDERS} × 12 MiB in ${seconds.toFixed(1)} s; ${waits.length} small messages, p50 ${percentile(waits, 0.5).toFixed(1)} ms, ` +
        `p99 ${p99.toFixed(1)} ms, most ${Math.max(...waits).toFixed(1)} ms; gateway: VmHWM ${rss.toFixed(0)} MB, CPU ${cpuSeconds(gateway.process.pid).toFixed(1)} s`,
    );
    expect(codes.filter((code) => code !== 'AA')).toEqual([]);
    expect(codes.length).toBe(SENDERS);
    expect(p99).toBeLessThan(MAX_P99_MS);
    expect(rss).toBeLessThan((MAX_BUFFERED_MIB * MIB * 2) / 1e6 + 150);
  });
});
