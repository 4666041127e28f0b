// F69 at the scale of an attack: a thousand slow clients at a VIP. A fast client gets its answers all the while, and
// each slow one is ended by the deadline for what it is slow at.
import { setTimeout as pause } from 'node:timers/promises';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../helpers/until.ts';
import { startNodeProcess, startVips, type Vip, vipCertificate } from './http-vips.ts';
import { maxOpenFiles, SlowClients, type Slowness } from './slow-clients.ts';

const COUNT = 1000;
/** Their own ends and what this process needs besides; the other ends are the gateway's. */
const FILES = 3 * COUNT + 500;
/** Longer than a busy machine takes to open them all. */
const DEADLINE = '30s';
const ENDED_MS = 120_000;
/** A fast client asks as fast as a person's browser: what it needs of the machine is not the point. */
const PACE_MS = 25;

let certificate: ReturnType<typeof vipCertificate>;
beforeAll(() => {
  certificate = vipCertificate();
});
afterAll(() => certificate[Symbol.dispose]());

/** One reader in 20: the kernel keeps 8 MB for each, all of it memory that other tests need too. */
const MIXED: readonly Slowness[] = [
  ...Array<Slowness>(9).fill('headers'),
  ...Array<Slowness>(5).fill('silent'),
  ...Array<Slowness>(5).fill('body'),
  'reader',
];

const ANSWERS = { 'headers 408': 450, 'silent 408': 250, 'body 408': 250, 'reader none': 50 };
const READERS = 50;

/** Asks again and again until it is told to stop, every tenth time on a new connection. */
async function askOn(url: string, slow: SlowClients, isOver: () => boolean) {
  const options = { connect: { ca: certificate.caPem }, connections: 1 };
  let agent = new Agent(options);
  const seen = { statuses: new Set<number>(), answers: 0, mostSlow: 0, slowestMs: 0 };
  while (!isOver()) {
    if (seen.answers % 10 === 9) {
      await agent.close();
      agent = new Agent(options);
    }
    const startedAt = performance.now();
    const { statusCode, body } = await agent.request({ origin: url, method: 'GET', path: '/assets/app.css' });
    await body.dump();
    seen.slowestMs = Math.max(seen.slowestMs, performance.now() - startedAt);
    seen.statuses.add(statusCode);
    seen.answers++;
    seen.mostSlow = Math.max(seen.mostSlow, slow.open);
    await pause(PACE_MS);
  }
  await agent.close();
  return seen;
}

describe.skipIf(maxOpenFiles() < FILES)(
  `F69 ${COUNT} slow clients (skipped below ${FILES} open files)`,
  {
    timeout: 300_000,
  },
  () => {
    // At the same time: most of it is waiting for a deadline.
    test.concurrent.each<Vip>(['http', 'https'])('all kinds at the %s VIP', async (vip) => {
      await using a = await startNodeProcess('a');
      await using b = await startNodeProcess('b');
      await using vips = await startVips(certificate, {
        nodes: [a.url, b.url],
        listener: {
          limits: { maxConnections: COUNT + 100, writeTimeout: DEADLINE },
          http: { headersTimeout: DEADLINE, bodyTimeout: DEADLINE },
        },
      });
      await using slow = new SlowClients();
      let over = false;
      const asking = askOn(vips.url(vip).slice(0, -1), slow, () => over);
      await slow.connect(vip, vips.port(vip), certificate, MIXED, COUNT);
      /** Of lines that are too many alike the log says how many it has left out. */
      const faults = (wanted?: string): number =>
        vips.child.lines
          .filter(({ code }) => code !== undefined && (wanted === undefined || code === wanted))
          .reduce((count, { leftOut }) => count + (typeof leftOut === 'number' ? leftOut : 1), 0);
      await until(() => faults() >= COUNT, {
        deadlineMs: ENDED_MS,
        what: `${COUNT} faults in the log`,
      });
      await slow.ended(ENDED_MS);
      over = true;
      const seen = await asking;
      console.log(JSON.stringify({ ...seen, statuses: [...seen.statuses] }));
      expect([...seen.statuses]).toEqual([200]);
      expect(seen.answers).toBeGreaterThan(200);
      // While nearly all of them were there.
      expect(seen.mostSlow).toBeGreaterThan(0.9 * COUNT);
      expect(slow.answers).toEqual(ANSWERS);
      expect(faults('GW_ERR_HTTP_TIMEOUT')).toBe(COUNT - READERS);
      expect(faults('GW_ERR_SENDER_NOT_READING')).toBe(READERS);
    });
  },
);
