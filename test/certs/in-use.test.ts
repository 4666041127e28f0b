// All certificates that a gateway uses, of listeners and nodes, and what its log says of those that end.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { made } from './made.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

test('each is listed with its file, and each that ends soon or has ended is warned about once', async () => {
  const lasting = folder.writePair('lasting', made({ cn: 'lasting', toDays: 100 }));
  const ending = folder.writePair('ending', made({ cn: 'ending', toDays: 10.5 }));
  const ended = folder.writePair('ended', made({ cn: 'ended', toDays: -0.5 }));
  const clientCa = folder.write('client-ca.pem', made({ cn: 'client CA', ca: true }).certPem);
  const nodeCas = [made({ cn: 'node CA 1', ca: true }), made({ cn: 'node CA 2', ca: true, toDays: 3.5 })];
  const ca = folder.write('node-ca.pem', nodeCas.map(({ certPem }) => certPem).join(''));
  const node = { url: 'mllps://127.0.0.1:1', tls: { ca, ...ended } };
  await using gw = await startGateway({
    nodes: [node as { url: string }, node as { url: string }],
    listener: { tls: { cert: [lasting.cert, ending.cert], key: [lasting.key, ending.key], clientCa } },
  });
  const ofNode = [
    [ca, 'CN=node CA 1'],
    [ca, 'CN=node CA 2'],
    [ended.cert, 'CN=ended'],
  ];
  const listed = gw.gateway.certificates.map(({ file, subject }) => [file, subject]);
  expect(listed.sort()).toEqual(
    [
      ...ofNode,
      ...ofNode,
      [lasting.cert, 'CN=lasting'],
      [ending.cert, 'CN=ending'],
      [clientCa, 'CN=client CA'],
    ].sort(),
  );
  const warnings = (): unknown[] =>
    gw.log.flatMap(({ msg, file, subject, days, level }) =>
      String(msg).startsWith('a certificate') ? [{ msg, file, subject, days, level }] : [],
    );
  const soon = { msg: 'a certificate is about to expire', level: 'warn' };
  const expected = [
    { ...soon, file: ending.cert, subject: 'CN=ending', days: 10 },
    { ...soon, file: ca, subject: 'CN=node CA 2', days: 3 },
    { msg: 'a certificate has expired', level: 'warn', file: ended.cert, subject: 'CN=ended', days: -1 },
  ];
  expect(warnings()).toHaveLength(3);
  expect(warnings()).toEqual(expect.arrayContaining(expected));
  // A reload says nothing twice, and a new certificate that ends soon is said at once.
  expect(gw.gateway.reloadCertificates()).toBe(true);
  expect(warnings()).toHaveLength(3);
  folder.writePair('lasting', made({ cn: 'short', toDays: 0.5 }));
  expect(gw.gateway.reloadCertificates()).toBe(true);
  expect(warnings().slice(3)).toEqual([{ ...soon, file: lasting.cert, subject: 'CN=short', days: 0 }]);
});
