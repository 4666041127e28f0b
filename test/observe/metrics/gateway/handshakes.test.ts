// TLS handshakes that fail, told apart by what was wrong, as a real client brings it about; certificates and their ends.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFaultyNode } from '../../../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../../../helpers/gateway.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../../../helpers/tls-folder.ts';
import { until } from '../../../helpers/until.ts';
import { scrape } from './scrape.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

async function start(tls: object = {}): Promise<TestGateway> {
  const settings = { ...folder.files.good, clientCa: folder.caFile, requireClientCert: true, ...tls };
  return startGateway({
    nodes: ['mllp://127.0.0.1:1'],
    pool: { health: { type: 'none' } },
    listener: { tls: settings },
  });
}

async function failures(gw: TestGateway): Promise<Record<string, number>> {
  const all = (await scrape(gw)).all('hl7_gateway_tls_handshake_failures_total', { listener: 'in' });
  return Object.fromEntries(all.map(({ labels, value }) => [labels.reason, value]));
}

const NONE = { certificate: 0, protocol: 0, timeout: 0, other: 0 };

test.each(['oldClient', 'strangeClient', 'selfSignedClient', 'none'] as const)(
  'client certificate: %s',
  async (name) => {
    await using gw = await start();
    const own = name === 'none' ? {} : { cert: folder.pems[name].certPem, key: folder.pems[name].keyPem };
    const sender = await connectSender(gw.port(), { tls: { ca: folder.caPem, servername: '', ...own } });
    await sender.closed;
    await gw.logged('GW_ERR_SENDER_TLS');
    expect(await failures(gw)).toEqual({ ...NONE, certificate: 1 });
    expect(
      (await scrape(gw)).value('hl7_gateway_connections_refused_total', { reason: 'GW_ERR_SENDER_TLS' }),
    ).toBe(1);
  },
);

test('no TLS at all', async () => {
  await using gw = await start();
  await using sender = await connectSender(gw.port());
  await sender.write('MSH|^~\\&|no handshake\r\n');
  await sender.closed;
  await gw.logged('GW_ERR_SENDER_TLS');
  expect(await failures(gw)).toEqual({ ...NONE, protocol: 1 });
});

test('a handshake that does not come to its end', async () => {
  await using gw = await start({ handshakeTimeout: '20ms' });
  await using sender = await connectSender(gw.port());
  await sender.closed;
  await until(() => gw.codes.includes('GW_ERR_SENDER_TLS'));
  expect(await failures(gw)).toEqual({ ...NONE, timeout: 1 });
});

test('the end of each certificate in use, and of none that is not any more', async () => {
  await using node = await startFaultyNode();
  const until = (hours: number) => ({ notAfter: new Date(Date.now() + hours * 3_600_000) });
  const pair = folder.writePair('metrics', folder.issue({ commonName: 'ends-soon', ...until(3) }));
  await using gw = await startGateway({ nodes: [node.url], listener: { tls: pair } });
  const hours = async (subject: string): Promise<number[]> =>
    (await scrape(gw))
      .all('hl7_gateway_certificate_expiry_seconds', { where: 'listeners.in' })
      .filter(({ labels }) => labels.subject?.includes(subject))
      .map(({ value }) => Math.round(value / 3600));
  expect(await hours('CN=ends-soon')).toEqual([3]);
  folder.writePair('metrics', folder.issue({ commonName: 'ends-later', ...until(20) }));
  expect(gw.gateway.reloadCertificates()).toBe(true);
  expect(await hours('CN=ends-soon')).toEqual([]);
  expect(await hours('CN=ends-later')).toEqual([20]);
});
