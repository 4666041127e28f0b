// TLS of listeners and nodes that a reload of the config changes: what is under way ends as it began, what comes next is secured
// by the new config, and the files of what is not in force are nobody's (F46, F74).
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { allTo, closedPools, configOf, pending, reload } from './room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const placed = ({ gateway }: TestGateway): string[] =>
  gateway.certificates.map(({ where, subject }) => `${where} ${subject}`).toSorted();

test('F46 F47 a node that is reached by TLS from now on: what it has is answered as it came', async () => {
  const hold = gate();
  await using a = await startFaultyNode(answers.after(hold));
  const { certPem: cert, keyPem: key } = folder.pems.good;
  await using b = await startFaultyNode(answers.aa(), { tls: { cert, key } });
  await using gw = await startGateway(configOf([a.url]));
  await using sender = await connectSender(gw.port());
  await sender.sendTogether(['ONE', 'TWO'].map((controlId) => message({ controlId })));
  await a.received(1);
  await until(() => pending(gw) === 2);
  await reload(
    gw,
    configOf([], (config) => {
      Object.assign(config.pools.pool ?? {}, { nodes: { a: { url: b.url, tls: { ca: folder.caFile } } } });
    }),
  );
  await turns();
  expect(b.controlIds).toEqual([]);
  hold.open();
  expect((await sender.nextAcks(2)).map(said)).toEqual(['AA ONE', 'AA TWO']);
  expect([a.controlIds, b.controlIds]).toEqual([['ONE'], ['TWO']]);
  expect(placed(gw)).toEqual([expect.stringMatching(/^pools\.pool\.nodes\.a /)]);
  await reload(gw, configOf([a.url]));
  expect(placed(gw)).toEqual([]);
});

test('F46 F47 a listener that takes TLS from now on answers what it has, and takes no more without', async () => {
  const hold = gate();
  await using a = await startFaultyNode(answers.after(hold));
  const secured = (port: number, tls?: object): string =>
    configOf([a.url], (config) => {
      config.listeners = { in: { bind: `127.0.0.1:${port}`, ...(tls && { tls }) } };
    });
  await using gw = await startGateway(configOf([a.url]));
  // Port 0 and that port are two doors; from here on it is one.
  const port = gw.port();
  await reload(
    gw,
    configOf([a.url], (config) => {
      config.listeners = { spare: { bind: '127.0.0.1:0' } };
    }),
  );
  await reload(gw, secured(port));
  await using plain = await connectSender(port);
  await plain.send(message({ controlId: 'ONE' }));
  await a.received(1);
  await reload(gw, secured(port, { ...folder.files.good }));
  await using over = await connectSender(port, { tls: { ca: folder.caPem, servername: 'localhost' } });
  await over.send(message({ controlId: 'TWO' }));
  hold.open();
  expect(said(await over.nextAck())).toBe('AA TWO');
  expect(said(await plain.nextAck())).toBe('AA ONE');
  expect(await plain.closed).toMatchObject({ code: undefined });
  expect(placed(gw)).toEqual([expect.stringMatching(/^listeners\.in /)]);
});

test('F74 a config that is not taken up leaves none of its files in use, and the old ones are read anew as before', async () => {
  await using a = await startFaultyNode();
  const ca = (name: string): object => ({ tls: { ca: folder.write(name, folder.caPem) } });
  const nodes = (protocol: string, file: string): object => ({
    nodes: { a: { url: `${protocol}://127.0.0.1:${a.port}`, ...ca(file) } },
    health: { type: 'none' },
  });
  const config = (pools: Record<string, object>): string =>
    allTo('pool', { nodes: {} }, (one) => Object.assign(one.pools, pools));
  await using gw = await startGateway(config({ pool: nodes('mllps', 'old.pem') }));
  const before = placed(gw);
  const wrong = {
    nodes: { a: { url: 'mllps://127.0.0.1:1', tls: { ca: folder.write('none.pem', 'none') } } },
  };
  // Another protocol: the pool would have been a new one.
  const bad = config({ pool: nodes('https', 'new.pem'), more: nodes('mllps', 'more.pem'), wrong });
  await expect(reload(gw, bad)).rejects.toMatchObject({ code: 'GW_ERR_TLS_FILE' });
  expect(placed(gw)).toEqual(before);
  rmSync(`${folder.path}/new.pem`);
  rmSync(`${folder.path}/more.pem`);
  expect(gw.gateway.reloadCertificates()).toBe(true);
  rmSync(`${folder.path}/old.pem`);
  expect(gw.gateway.reloadCertificates()).toBe(false);
  // And a pool of the same name takes the place of the one that leaves.
  await reload(gw, config({ pool: nodes('https', 'newer.pem') }));
  await until(() => closedPools(gw).length === 1);
  expect(placed(gw)).toEqual(before);
  expect(gw.gateway.reloadCertificates()).toBe(true);
});
