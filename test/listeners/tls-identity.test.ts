// Who a sender is by its certificate: in routes, in sticky keys, and in what `allow` lets it say.
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Issued } from '../../certs/authority.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { type SimpleConfig, startGateway, type TestGateway } from '../helpers/gateway.ts';
import { type MessageParts, message } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';

let folder: TlsFolder;
let node: FaultyNode;
let lab: Issued;
let ward: Issued;
beforeAll(async () => {
  folder = createTlsFolder();
  node = await startFaultyNode();
  const client = { usage: 'client', ip: [] } as const;
  lab = folder.issue({ ...client, commonName: 'lab', dns: ['lab.example', 'backup.lab.example'] });
  ward = folder.issue({ ...client, commonName: 'ward', dns: ['ward.example'] });
});
afterAll(async () => {
  await node.close();
  folder[Symbol.dispose]();
});

async function start(
  { tls = {}, ...listener }: { tls?: object; allow?: object },
  more: Partial<SimpleConfig> = {},
): Promise<TestGateway> {
  const settings = { ...folder.files.good, clientCa: folder.caFile, ...tls };
  return startGateway({ nodes: [node.url], ...more, listener: { ...listener, tls: settings } });
}

function connect(gw: TestGateway, own?: Issued): Promise<Sender> {
  const shown = own === undefined ? {} : { cert: own.certPem, key: own.keyPem };
  return connectSender(gw.port(), { tls: { ca: folder.caPem, servername: '', ...shown } });
}

/** MSA-1 of the answer to one message over a connection of its own; `closed` if there is none. */
async function answer(gw: TestGateway, own: Issued | undefined, parts: MessageParts = {}): Promise<string> {
  await using sender = await connect(gw, own);
  const ack = await sender.exchange(message({ controlId: 'X1', ...parts })).catch(() => undefined);
  return ack === undefined ? 'closed' : said(ack).slice(0, 2);
}

const fingerprint = ({ certPem }: Issued): string => new X509Certificate(certPem).fingerprint256;

test('routes ask for subject, name and fingerprint', async () => {
  const route = (name: string, when: object) => ({ name, when, reject: { code: 'AR' } });
  const routes = [
    route('by fingerprint', { 'tls.fingerprint': fingerprint(ward).replaceAll(':', '').toLowerCase() }),
    route('by second name', { 'tls.san': 'backup.lab.example' }),
    route('by subject', { 'tls.subject': 'CN=sender' }),
    route('with any name', { 'tls.san': { exists: true } }),
    route('with any certificate', { 'tls.fingerprint': { exists: true } }),
    route('nobody', {}),
  ];
  await using gw = await start({}, { routes });
  const named = folder.issue({ usage: 'client', commonName: 'x', dns: ['else.example'], ip: [] });
  const nameless = folder.issue({ usage: 'client', commonName: 'y', dns: [], ip: [] });
  for (const own of [ward, lab, folder.pems.client, named, nameless, undefined]) await answer(gw, own);
  expect(gw.messages.map((one) => one.route?.name)).toEqual(routes.map(({ name }) => name));
});

test.each(['tls.subject', 'tls.san', 'tls.fingerprint'])(
  'a sticky key of %s keeps each sender on a node of its own, over all its connections',
  async (by) => {
    const nodes = [await startFaultyNode(), await startFaultyNode()];
    const pool = { persistence: { by: [by] } };
    await using gw = await start({}, { nodes: nodes.map(({ url }) => url), pool });
    const senders = [lab, ward, ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => client(name))];
    for (let round = 0; round < 3; round++) for (const own of senders) await answer(gw, own);
    const keys = new Map<string, Set<string>>();
    for (const { stickyKey, node: taken } of gw.messages) {
      keys.set(stickyKey ?? '', (keys.get(stickyKey ?? '') ?? new Set()).add(taken?.name ?? ''));
    }
    expect(keys.size).toBe(senders.length);
    expect([...keys.keys()]).toContain(
      {
        'tls.subject': 'CN=lab',
        'tls.san': 'lab.example,backup.lab.example',
        'tls.fingerprint': fingerprint(lab),
      }[by],
    );
    for (const taken of keys.values()) expect(taken.size).toBe(1);
    expect(gw.messages).toHaveLength(3 * senders.length);
    for (const one of nodes) await one.close();
  },
);

function client(name: string): Issued {
  return folder.issue({ usage: 'client', commonName: name, dns: [`${name}.example`], ip: [] });
}

describe('without requireClientCert', () => {
  const routes = [
    { name: 'known', when: { 'tls.subject': { exists: true } }, to: 'pool' },
    { name: 'unknown', to: 'pool' },
  ];

  test('a sender without a certificate is taken, and has no identity', async () => {
    await using gw = await start({}, { routes });
    expect(await answer(gw, undefined)).toBe('AA');
    expect(await answer(gw, lab)).toBe('AA');
    expect(gw.messages.map(({ route }) => route?.name)).toEqual(['unknown', 'known']);
  });

  test.each(['oldClient', 'earlyClient', 'strangeClient', 'selfSignedClient', 'good'] as const)(
    'a certificate that does not hold (%s) gives no identity',
    async (name) => {
      await using gw = await start({}, { routes });
      expect(await answer(gw, folder.pems[name])).toBe('AA');
      expect(gw.messages.map(({ route, origin }) => [route?.name, origin.peer.tls])).toEqual([
        ['unknown', undefined],
      ]);
    },
  );

  test('a revoked one neither', async () => {
    await using gw = await start({ tls: { crl: folder.crlFile } }, { routes });
    await answer(gw, folder.pems.revokedClient);
    await answer(gw, lab);
    expect(gw.messages.map(({ route }) => route?.name)).toEqual(['unknown', 'known']);
  });

  test('no clientCa: nobody is asked, so nobody is known', async () => {
    const tls = { clientCa: undefined };
    await using gw = await start({ tls }, { routes });
    expect(await answer(gw, lab)).toBe('AA');
    expect(gw.messages.map(({ origin }) => origin.peer.tls)).toEqual([undefined]);
  });
});

describe('allow', () => {
  const allow = [
    { 'tls.san': 'lab.example', 'MSH-3': 'LAB', 'MSH-4': ['NORTH', 'SOUTH'] },
    { 'tls.subject': 'CN=ward', 'MSH-3': 'WARD' },
  ];

  test.each<[what: string, own: () => Issued | undefined, parts: MessageParts, expected: string]>([
    ['permitted', () => lab, { app: 'LAB', facility: 'SOUTH' }, 'AA'],
    ['permitted by another rule', () => ward, { app: 'WARD' }, 'AA'],
    ['the wrong MSH-3', () => lab, { app: 'WARD', facility: 'NORTH' }, 'AR'],
    ['the wrong MSH-4', () => lab, { app: 'LAB', facility: 'EAST' }, 'AR'],
    ['the certificate of another', () => ward, { app: 'LAB', facility: 'NORTH' }, 'AR'],
    ['a certificate of nobody', () => folder.pems.client, { app: 'LAB', facility: 'NORTH' }, 'AR'],
    ['a certificate that does not hold', () => folder.pems.strangeClient, { app: 'WARD' }, 'AR'],
    ['no certificate', () => undefined, { app: 'LAB', facility: 'NORTH' }, 'AR'],
  ])('%s', async (_, own, parts, expected) => {
    await using gw = await start({ allow });
    const before = node.messages.length;
    expect(await answer(gw, own(), parts)).toBe(expected);
    expect(node.messages.length - before).toBe(expected === 'AA' ? 1 : 0);
    const refusals = gw.log.filter(({ code }) => code === 'GW_ERR_SENDER_NOT_ALLOWED');
    expect(refusals).toHaveLength(expected === 'AA' ? 0 : 1);
    if (expected === 'AA') return;
    expect(refusals[0]).toMatchObject({
      level: 'warn',
      listener: 'in',
      source: '127.0.0.1',
      controlId: 'X1',
      sender: `${parts.app}|${parts.facility ?? 'SENDFAC'}`,
    });
  });

  test('the answer names the reason, and the connection goes on', async () => {
    await using gw = await start({ allow });
    await using sender = await connect(gw, lab);
    const refused = await sender.exchange(message({ app: 'WARD', controlId: 'BAD' }));
    expect(said(refused)).toBe('AR BAD');
    expect(refused.toString()).toContain('GW_ERR_SENDER_NOT_ALLOWED');
    const taken = await sender.exchange(message({ app: 'LAB', facility: 'NORTH', controlId: 'GOOD' }));
    expect(said(taken)).toBe('AA GOOD');
  });

  test('onRejected: close ends the connection', async () => {
    const listener = { allow, onRejected: 'close' };
    await using gw = await start(listener);
    expect(await answer(gw, lab, { app: 'WARD' })).toBe('closed');
    expect(gw.codes).toContain('GW_ERR_SENDER_NOT_ALLOWED');
  });

  test('by source, without TLS', async () => {
    for (const [source, expected] of [
      ['127.0.0.0/8', 'AA X1'],
      ['10.0.0.0/8', 'AR X1'],
    ]) {
      await using gw = await startGateway({ nodes: [node.url], listener: { allow: [{ source }] } });
      await using sender = await connectSender(gw.port());
      expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe(expected);
    }
  });

  const good = message({ app: 'LAB', facility: 'NORTH' }).toString();
  const alien = message({ app: 'WARD' }).toString();
  test.each([
    ['two of its own', good + good, 'AA'],
    ['one of another behind its own', good + alien, 'AR'],
    ['one of another before its own', alien + good, 'AR'],
    ['of another in a batch', `FHS|^~\\&\rBHS|^~\\&\r${good}${alien}BTS|2\rFTS|1\r`, 'AR'],
    ['of its own in a batch', `FHS|^~\\&\rBHS|^~\\&\r${good}${good}BTS|2\rFTS|1\r`, 'AA'],
    ['one that cannot be read behind its own', `${good}MSHxAB\r`, 'AR'],
    ['one of another in other delimiters', `${good}MSH#@~\\&#WARD#NORTH#\r`, 'AR'],
  ])('F24 several messages in one frame, %s', async (_, payload, expected) => {
    await using gw = await start({ allow });
    await using sender = await connect(gw, lab);
    expect(said(await sender.exchange(payload)).slice(0, 2)).toBe(expected);
  });
});
