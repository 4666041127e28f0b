// Certificates replaced while the real process runs: under load, by the watch and by SIGHUP, good ones and bad ones.
// No connection ends for it, no message is lost, and a bad one never takes the place of a good one.
import { X509Certificate } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Issued } from '../../certs/authority.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { createTlsFolder, type KeyPairFiles, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { type GatewayChild, startGatewayProcess } from './child.ts';

let folder: TlsFolder;
beforeEach(() => {
  folder = createTlsFolder();
});
afterEach(() => folder[Symbol.dispose]());

const fingerprint = ({ certPem }: Pick<Issued, 'certPem'>): string =>
  new X509Certificate(certPem).fingerprint256;

function start(
  node: FaultyNode,
  files: KeyPairFiles,
  { watch = true, ...more }: { tls?: object; watch?: boolean } = {},
): Promise<GatewayChild> {
  return startGatewayProcess({
    listeners: { vip: { bind: '127.0.0.1:0', tls: files } },
    pools: { pool: { nodes: { a: { url: node.url, ...more } }, connections: { idle: '2s' } } },
    routes: [{ to: 'pool' }],
    certificates: { watch },
    telemetry: { log: { messages: false } },
  });
}

const connect = (gateway: GatewayChild): Promise<Sender> =>
  connectSender(gateway.port, { tls: { ca: folder.caPem, servername: '' } });

/** What a new connection is shown. */
async function shown(gateway: GatewayChild): Promise<string | undefined> {
  await using sender = await connect(gateway);
  return (sender.socket as tls.TLSSocket).getPeerX509Certificate()?.fingerprint256;
}

/** Runs `replace`; resolves to the next line about these certificates. */
async function lineAfter(gateway: GatewayChild, replace: () => void, where = 'listeners.vip') {
  const about = (): (typeof gateway.lines)[number][] => gateway.lines.filter((line) => line.where === where);
  const before = about().length;
  replace();
  await until(() => about().length > before, { deadlineMs: 15_000, what: 'a line about the certificates' });
  return about()[before];
}

const LOADED = { msg: 'certificates loaded', level: 'info' };

function rename(files: KeyPairFiles, { certPem, keyPem }: Issued): void {
  for (const [file, pem] of [
    [files.key, keyPem],
    [files.cert, certPem],
  ] as const) {
    writeFileSync(`${file}.new`, pem, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}

test('F46 replaced again and again under load from 20 TLS senders: nothing lost, nobody cut off', {
  timeout: 90_000,
}, async () => {
  await using node = await startFaultyNode();
  const files = folder.writePair('vip', folder.pems.good);
  await using gateway = await start(node, files);
  const senders = await Promise.all(Array.from({ length: 20 }, () => connect(gateway)));
  let acked = 0;
  let done = false;
  const runs = senders.map(async (sender, at) => {
    for (let i = 0; !done; i++) {
      const controlId = `S${at}-${i}`;
      expect(said(await sender.exchange(message({ controlId }), 15_000))).toBe(`AA ${controlId}`);
      acked++;
    }
  });
  const work = async (): Promise<void> => {
    const goal = acked + 200;
    await until(() => acked >= goal, { deadlineMs: 30_000, what: '200 more messages' });
  };
  const replace = async (): Promise<void> => {
    for (const how of ['in place', 'rename', 'in place', 'rename', 'watch'] as const) {
      await work();
      const next = folder.issue({ key: how === 'rename' ? 'rsa-2048' : 'ec-p256' });
      if (how === 'in place') folder.writePair('vip', next);
      else rename(files, next);
      if (how !== 'watch') gateway.kill('SIGHUP');
      // The watch may report the files of the turn before once more.
      let looked = -1;
      const inUse = async (): Promise<boolean> => {
        if (looked === gateway.lines.length) return false;
        looked = gateway.lines.length;
        return (await shown(gateway)) === fingerprint(next);
      };
      await until(inUse, { deadlineMs: 15_000, what: 'the new certificate being in use' });
    }
    await work();
  };
  await Promise.all([replace().finally(() => (done = true)), ...runs]);
  expect(acked).toBeGreaterThan(1_200);
  // The connections of the beginning, with the certificate of the beginning.
  for (const { socket, ended } of senders) {
    const certificate = (socket as tls.TLSSocket).getPeerX509Certificate();
    expect([ended, certificate?.fingerprint256]).toEqual([false, fingerprint(folder.pems.good)]);
  }
  expect(node.messages).toHaveLength(acked);
  expect(new Set(node.controlIds).size).toBe(acked);
  for (const sender of senders) await sender[Symbol.asyncDispose]();
  gateway.kill('SIGTERM');
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
  expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('the watch takes up what was renamed over, written in place, and linked elsewhere', {
  timeout: 60_000,
}, async () => {
  await using node = await startFaultyNode();
  for (const version of ['v1', 'v2']) mkdirSync(join(folder.path, version));
  const put = (version: string, issued: Issued): KeyPairFiles => folder.writePair(`${version}/tls`, issued);
  put('v1', folder.pems.good);
  symlinkSync('v1', join(folder.path, 'current'));
  const linked = {
    cert: join(folder.path, 'current/tls.crt.pem'),
    key: join(folder.path, 'current/tls.key.pem'),
  };
  const renamed = folder.writePair('renamed', folder.pems.good);
  const written = folder.writePair('written', folder.pems.good);
  await using gateway = await startGatewayProcess({
    listeners: Object.fromEntries(
      Object.entries({ linked, renamed, written }).map(([name, files]) => [
        name,
        { bind: '127.0.0.1:0', tls: files },
      ]),
    ),
    pools: { pool: { nodes: { a: { url: node.url } } } },
    routes: [{ to: 'pool' }],
  });
  await until(() => gateway.lines.filter(({ msg }) => msg === 'listening').length === 3);
  const ports = new Map(
    gateway.lines.flatMap(({ listener, address }) =>
      typeof address === 'string' ? [[listener, Number(address.split(':').at(-1))] as const] : [],
    ),
  );
  await using old = await connect(gateway);
  const next = folder.issue({});
  const replaceAll = (): void => {
    rename(renamed, next);
    folder.writePair('written', next);
    put('v2', next);
    symlinkSync('v2', join(folder.path, 'current.new'));
    renameSync(join(folder.path, 'current.new'), join(folder.path, 'current'));
  };
  await lineAfter(gateway, replaceAll, 'listeners.written');
  expect([...ports.keys()].sort()).toEqual(['linked', 'renamed', 'written']);
  for (const port of ports.values()) expect(await shown({ port } as GatewayChild)).toBe(fingerprint(next));
  expect(said(await old.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
});

describe('SIGHUP and a bad one: the old one stays, the log says which and why, the next good one is taken', () => {
  test.each<[what: string, spoil: (files: KeyPairFiles) => void, detail: RegExp]>([
    [
      'a key of another certificate',
      ({ key }) => writeFileSync(key, folder.pems.client.keyPem),
      /vip\.key\.pem: the key does not belong to the certificate in .*vip\.crt\.pem$/,
    ],
    [
      'rubbish',
      ({ cert }) => writeFileSync(cert, 'rubbish'),
      /vip\.crt\.pem: neither PEM nor DER nor PKCS#12$/,
    ],
    ['missing', ({ cert }) => rmSync(cert), /vip\.crt\.pem: no such file$/],
    [
      'cut short',
      ({ cert }) => writeFileSync(cert, folder.pems.good.certPem.slice(0, 300)),
      /vip\.crt\.pem: the CERTIFICATE block in line 1 has no end$/,
    ],
  ])('%s', { timeout: 60_000 }, async (_, spoil, detail) => {
    await using node = await startFaultyNode();
    const files = folder.writePair('vip', folder.pems.good);
    await using gateway = await start(node, files, { watch: false });
    await using old = await connect(gateway);
    const bad = await lineAfter(gateway, () => {
      spoil(files);
      gateway.kill('SIGHUP');
    });
    expect(bad).toMatchObject({
      level: 'error',
      msg: 'the old certificates stay in use',
      code: 'GW_ERR_TLS_FILE',
      detail: expect.stringMatching(detail),
    });
    expect(await shown(gateway)).toBe(fingerprint(folder.pems.good));
    expect(said(await old.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    const next = folder.issue({});
    const good = await lineAfter(gateway, () => {
      folder.writePair('vip', next);
      gateway.kill('SIGHUP');
    });
    expect(good).toMatchObject(LOADED);
    expect(await shown(gateway)).toBe(fingerprint(next));
    expect(said(await old.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
  });
});

test('a node: new connections show the new certificate, the open ones go on', {
  timeout: 60_000,
}, async () => {
  const { certPem, keyPem } = folder.pems.good;
  const asking = {
    cert: certPem,
    key: keyPem,
    ca: folder.caPem,
    requestCert: true,
    rejectUnauthorized: true,
  };
  await using node = await startFaultyNode(answers.aa(), { tls: asking });
  const own = folder.writePair('own', folder.pems.client);
  const tlsConfig = { ca: folder.caFile, ...own };
  await using gateway = await start(node, folder.files.good, { tls: tlsConfig, watch: false });
  await using sender = await connect(gateway);
  const seen = (at: number): string | undefined =>
    (node.connections.all[at]?.socket as tls.TLSSocket | undefined)?.getPeerX509Certificate()?.fingerprint256;
  expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
  const next = folder.issue({ commonName: 'next', usage: 'client', dns: [], ip: [] });
  const replace = (): void => {
    folder.writePair('own', next);
    gateway.kill('SIGHUP');
  };
  expect(await lineAfter(gateway, replace, 'pools.pool.nodes.a')).toMatchObject(LOADED);
  expect(said(await sender.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
  expect(node.connections.total).toBe(1);
  expect(seen(0)).toBe(fingerprint(folder.pems.client));
  // The gateway itself ends the idle one; a message that crosses a node's FIN would be ambiguous.
  await node.openConnections(0);
  expect(said(await sender.exchange(message({ controlId: 'X3' })))).toBe('AA X3');

  expect(seen(1)).toBe(fingerprint(next));
});
