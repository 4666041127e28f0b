// Bodies larger than the gateway's memory, up and down through TLS: what comes out is what went in, and the gateway's
// process, as the package has it and with `--expose-gc`, stays below 200 MB whatever their length.
//
// 128 MiB each way; HL7_GATEWAY_TEST_BULK_MIB=2048 makes it 2 GiB.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { download, downloadV2, expected, upload } from './bulk.ts';
import { startNodeProcess, startVips, vipCertificate } from './http-vips.ts';

const MIB = 1024 * 1024;
const BULK = Number(process.env.HL7_GATEWAY_TEST_BULK_MIB ?? 128) * MIB;
/** Never longer than this: the client of the test is slow. */
const BULK_V2 = Math.min(BULK, 256 * MIB);
/** A process without traffic has 110 MB, and 140 to 155 with such bodies: listeners/http/spent-buffers.ts. */
const MAX_RSS_BYTES = 200_000_000;
/** At 5 MiB/s and a start. */
const SLOWEST_MS = 120_000 + (BULK / (5 * MIB)) * 1000;

let certificate: ReturnType<typeof vipCertificate>;
beforeAll(() => {
  vi.stubEnv('NODE_OPTIONS', '--expose-gc');
  certificate = vipCertificate();
});
afterAll(() => {
  vi.unstubAllEnvs();
  certificate[Symbol.dispose]();
});

/** The most that the process has had in memory so far. */
function highWaterBytes(pid: number | undefined): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

const ways = [
  ['up, its length known', BULK, (url: string) => upload(`${url}in`, BULK, certificate, false)],
  ['up, chunked', BULK / 4, (url: string) => upload(`${url}in`, BULK / 4, certificate, true)],
  ['down', BULK, (url: string) => download(`${url}bytes/${BULK}`, certificate)],
  ['down over HTTP/2', BULK_V2, (url: string) => downloadV2(`${url}bytes/${BULK_V2}`, certificate)],
] as const;

describe.skipIf(!existsSync('/proc/self/status'))(
  'a body through the HTTPS VIP (skipped without /proc)',
  () => {
    test.each(ways)('%s, %d bytes', { timeout: SLOWEST_MS }, async (_, bytes, run) => {
      await using node = await startNodeProcess('a');
      await using vips = await startVips(certificate, { nodes: [node.url] });
      const startedAt = performance.now();
      const came = await run(vips.url('https'));
      const seconds = (performance.now() - startedAt) / 1000;
      const peak = highWaterBytes(vips.child.process.pid);
      expect(came).toMatchObject(expected(bytes));
      console.log(
        `${(bytes / MIB / seconds).toFixed(0)} MiB/s, gateway's VmHWM ${(peak / 1e6).toFixed(0)} MB`,
      );
      expect(peak).toBeLessThan(MAX_RSS_BYTES);
    });
  },
);
