// Senders behind a balancer that speaks the PROXY protocol: routes, allow rules, logs and faults see the sender's address.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { type SimpleConfig, startGateway, type TestGateway } from '../helpers/gateway.ts';
import { everySplit, frame, message } from '../helpers/mllp.ts';
import { lineHeader } from '../helpers/proxy-header.ts';
import { connectSender, Sender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';
import { writePieces } from '../helpers/wire.ts';
import { HANDSHAKE } from './doorway-room.ts';

let folder: TlsFolder;
let node: FaultyNode;
beforeAll(async () => {
  folder = createTlsFolder();
  node = await startFaultyNode();
});
afterAll(async () => {
  await node.close();
  folder[Symbol.dispose]();
});

const KINDS = ['mllp', 'mllps'] as const;
type Kind = (typeof KINDS)[number];

function start(
  kind: Kind,
  { tls: moreTls = {}, ...rest }: { tls?: object; [key: string]: unknown } = {},
  more: Partial<SimpleConfig> = {},
): Promise<TestGateway> {
  const proxied = { proxyProtocol: true, trustedProxies: '127.0.0.0/8' };
  const secured = kind === 'mllps' ? { tls: { ...folder.files.good, ...moreTls } } : {};
  return startGateway({ nodes: [node.url], ...more, listener: { ...proxied, ...secured, ...rest } });
}

/** A sender at `source`, behind a balancer. */
async function behind(
  gw: TestGateway,
  kind: Kind,
  source: string,
  options: tls.ConnectionOptions = {},
): Promise<Sender> {
  const raw = net.connect({ port: gw.port(), host: '127.0.0.1', noDelay: true });
  raw.on('error', () => undefined);
  raw.write(lineHeader({ source, port: 40_001 }));
  if (kind === 'mllp') {
    await once(raw, 'connect');
    return new Sender(raw, raw);
  }
  const secure = tls.connect({ ca: folder.caPem, servername: '', ...options, socket: raw });
  await once(secure, 'secureConnect');
  return new Sender(secure, raw);
}

const answerOf = async (sender: Sender): Promise<string> =>
  said(await sender.exchange(message({ controlId: 'X1' })));

describe.each(KINDS)('%s', (kind) => {
  test('routes see it, and so does the log', async () => {
    const routes = [
      { name: 'north', when: { source: '10.1.0.0/16' }, reject: { code: 'AE' } },
      { name: 'south', when: { source: '2001:db8::/32' }, reject: { code: 'CE' } },
      { name: 'balancer', when: { source: '127.0.0.0/8' }, reject: { code: 'CR' } },
      { name: 'rest', to: 'pool' },
    ];
    await using gw = await start(kind, {}, { routes });
    const expected = [
      ['10.1.2.3', 'AE X1', 'north'],
      ['2001:DB8:0::0:7', 'AE X1', 'south'],
      ['::ffff:10.1.2.3', 'AE X1', 'north'],
      ['10.2.0.1', 'AA X1', 'rest'],
    ] as const;
    for (const [source, answer] of expected) {
      await using sender = await behind(gw, kind, source);
      expect(await answerOf(sender)).toBe(answer);
    }
    expect(gw.messages.map((one) => [one.origin.peer.address, one.route?.name])).toEqual([
      ['10.1.2.3', 'north'],
      ['2001:db8::7', 'south'],
      ['10.1.2.3', 'north'],
      ['10.2.0.1', 'rest'],
    ]);
    expect(gw.messages.every(({ origin }) => origin.peer.port === 40_001)).toBe(true);
    const logged = gw.log.filter(({ controlId }) => controlId === 'X1').map(({ source }) => source);
    expect(logged).toEqual(['10.1.2.3', '2001:db8::7', '10.1.2.3', '10.2.0.1']);
    expect(gw.codes.every((code) => code === 'GW_ERR_ROUTE_REJECTED')).toBe(true);
  });

  test('allow rules see it', async () => {
    await using gw = await start(kind, { allow: [{ source: '10.1.2.3' }] });
    await using one = await behind(gw, kind, '10.1.2.3');
    expect(await answerOf(one)).toBe('AA X1');
    await using other = await behind(gw, kind, '10.1.2.4');
    expect(await answerOf(other)).toBe('AR X1');
    expect(await gw.logged('GW_ERR_SENDER_NOT_ALLOWED')).toMatchObject({ source: '10.1.2.4' });
  });

  test('faults of a session name it', async () => {
    await using gw = await start(kind, { limits: { maxJunk: 64 } });
    await using sender = await behind(gw, kind, '10.9.8.7');
    await sender.write('GET / HTTP/1.1\r\n'.repeat(10));
    await sender.closed;
    expect(await gw.logged('GW_ERR_FRAME_NO_START')).toMatchObject({ source: '10.9.8.7', listener: 'in' });
  });

  test('F25 a sender that ends with its message in the packet of the header still gets its answer', async () => {
    await using gw = await start(kind);
    if (kind === 'mllps') {
      await using sender = await behind(gw, kind, '10.1.2.3');
      void sender.send(message({ controlId: 'X1' }));
      await sender.end();
      expect(said(await sender.nextAck())).toBe('AA X1');
      return;
    }
    const raw = net.connect({ port: gw.port(), host: '127.0.0.1' });
    await using sender = new Sender(raw, raw);
    raw.end(
      Buffer.concat([lineHeader({ source: '10.1.2.3', port: 1 }), frame(message({ controlId: 'X1' }))]),
    );
    expect(said(await sender.nextAck())).toBe('AA X1');
    expect(await sender.closed).toEqual({ hadError: false, code: undefined });
    expect(gw.codes).toEqual([]);
  });

  test('a peer that nobody trusts: closed and logged; no message goes on', async () => {
    await using gw = await start(kind, { trustedProxies: ['10.0.0.0/8'] });
    const accepted = node.accepted;
    await using sender = await connectSender(gw.port());
    void sender.write(Buffer.concat([lineHeader({ source: '10.1.2.3', port: 1 }), frame(message())]));
    await sender.closed;
    expect(sender.received.length).toBe(0);
    expect(await gw.logged('GW_ERR_SENDER_PROXY')).toMatchObject({
      ...{ level: 'warn', listener: 'in', source: '127.0.0.1', detail: 'not a trusted proxy' },
    });
    expect(node.accepted).toBe(accepted);
  });

  test('F46 who waits for nothing but a header does not keep the gateway from ending', async () => {
    await using gw = await start(kind);
    await using waiting = await connectSender(gw.port());
    await using begun = await connectSender(gw.port());
    await begun.write('PROXY TCP4');
    await turns();
    expect(await gw.gateway.stop()).toBe(true);
    await Promise.all([waiting.closed, begun.closed]);
    expect(gw.codes).toEqual([]);
  });

  test('a listener on every address takes an IPv4 balancer by its IPv4 range', async () => {
    await using gw = await start(kind, { bind: '[::]:0' });
    await using sender = await behind(gw, kind, '10.1.2.3');
    expect(await answerOf(sender)).toBe('AA X1');
  });

  test('F27 a probe is silent, with a header and without', async () => {
    for (const proxyProtocol of [true, false]) {
      const trust = proxyProtocol ? {} : { proxyProtocol: false };
      await using gw = await start(kind, trust);
      for (const end of ['end', 'reset'] as const) {
        await using probe = await connectSender(gw.port());
        if (proxyProtocol) await probe.write(lineHeader({ source: '10.1.2.3', port: 1 }));
        await probe[end]();
        // Not after tls.handshakeTimeout: it would hold a place among maxHandshakes until then.
        await probe.closed;
      }
      await using sender = proxyProtocol ? await behind(gw, kind, '10.1.2.3') : await connectTo(gw, kind);
      expect(await answerOf(sender)).toBe('AA X1');
      expect(gw.codes).toEqual([]);
    }
  });
});

function connectTo(gw: TestGateway, kind: Kind): Promise<Sender> {
  return connectSender(gw.port(), kind === 'mllp' ? {} : { tls: { ca: folder.caPem, servername: '' } });
}

test('header and frame, cut into two at every byte', async () => {
  await using gw = await start('mllp');
  const header = lineHeader({ source: '10.1.2.3', port: 1 });
  const bytes = Buffer.concat([header, frame(message({ controlId: 'X1', segments: [] }))]);
  for (const [first] of everySplit(bytes)) {
    const raw = net.connect({ port: gw.port(), host: '127.0.0.1' });
    await using sender = new Sender(raw, raw);
    await once(raw, 'connect');
    void writePieces(raw, bytes, [first.length]);
    expect(said(await sender.nextAck()), `cut at ${first.length}`).toBe('AA X1');
  }
  expect(gw.codes).toEqual([]);
  expect(new Set(gw.messages.map(({ origin }) => origin.peer.address))).toEqual(new Set(['10.1.2.3']));
});

describe('TLS', () => {
  test('a client certificate behind a header: both are known', async () => {
    const ask = { clientCa: folder.caFile, requireClientCert: true };
    await using gw = await start('mllps', { tls: ask });
    const { certPem: cert, keyPem: key } = folder.pems.client;
    await using sender = await behind(gw, 'mllps', '10.1.2.3', { cert, key });
    expect(await answerOf(sender)).toBe('AA X1');
    expect(gw.messages[0]?.origin.peer).toMatchObject({
      address: '10.1.2.3',
      tls: { subject: 'CN=sender' },
    });
  });

  test('F47 a handshake that fails names the sender, not the balancer', async () => {
    await using gw = await start('mllps', { tls: { clientCa: folder.caFile, requireClientCert: true } });
    const { certPem: cert, keyPem: key } = folder.pems.strangeClient;
    const attempt = await behind(gw, 'mllps', '10.1.2.3', { cert, key }).catch(() => undefined);
    await attempt?.closed;
    expect(await gw.logged('GW_ERR_SENDER_TLS')).toMatchObject({ source: '10.1.2.3' });
  });

  test('tls.maxHandshakes counts handshakes, and not who waits for a header', async () => {
    await using gw = await start('mllps', { tls: { maxHandshakes: 1 } });
    await using _waiting = await connectSender(gw.port());
    await turns();
    await using sender = await behind(gw, 'mllps', '10.1.2.3');
    expect(await answerOf(sender)).toBe('AA X1');
    await using shaking = await connectSender(gw.port());
    await shaking.write(Buffer.concat([lineHeader({ source: '10.1.2.4', port: 1 }), HANDSHAKE]));
    await turns();
    await using refused = await connectSender(gw.port());
    await refused.write(Buffer.concat([lineHeader({ source: '10.1.2.5', port: 1 }), HANDSHAKE]));
    await refused.closed;
    expect(await gw.logged('GW_ERR_SENDER_HANDSHAKES')).toMatchObject({ source: '10.1.2.5' });
    await until(() => gw.codes.length === 1);
  });
});
