// F119: what costs nothing must not keep others out: connections that say nothing, many from one address, wrong tokens.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokenFailures } from '../../src/admin/token-failures.ts';
import { ask as askAdmin, openAdmin } from '../admin/admin-room.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { lineHeader } from '../helpers/proxy-header.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';
import { post } from '../http-hl7/room.ts';

const PATIENCE_MS = 60_000;
const LONG = { timeout: 120_000 } as const;

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

const start = (listener: Record<string, unknown>) => startGateway({ nodes: [node.url], listener });
const trust = () => ({ ca: folder.caPem, servername: '' });

/** Is a message taken from this address? */
async function isServed(
  port: number,
  protocol: string,
  localAddress: string,
  secure = false,
): Promise<boolean> {
  const tls = secure ? { tls: trust() } : {};
  const sender = await connectSender(port, { localAddress, ...tls }).catch(() => undefined);
  if (sender === undefined) return false;
  await using _ = sender;
  if (protocol === 'mllp') {
    const ack = await sender.exchange(message(), PATIENCE_MS).catch(() => undefined);
    return ack !== undefined && said(ack).startsWith('AA');
  }
  void sender.write(post(message()));
  await Promise.race([
    until(() => sender.received.includes('MSA|AA'), { deadlineMs: PATIENCE_MS }),
    sender.closed,
  ]);
  return sender.received.includes('MSA|AA');
}

async function close(senders: readonly Sender[]): Promise<void> {
  for (const sender of senders) await sender[Symbol.asyncDispose]();
}

describe.each(['mllp', 'http'])('%s', LONG, (protocol) => {
  it('F119 TLS connections that have sent nothing take no place of a handshake', async () => {
    const secured = { ...folder.files.good, maxHandshakes: 2, handshakeTimeout: '5m' };
    await using gw = await start({ protocol, tls: secured });
    const silent: Sender[] = [];
    for (let i = 0; i < 20; i++) silent.push(await connectSender(gw.port(), { localAddress: '127.0.0.2' }));
    for (let i = 0; i < 5; i++) expect(await isServed(gw.port(), protocol, '127.0.0.1', true)).toBe(true);
    expect(gw.codes).toEqual([]);
    expect(silent.some(({ ended }) => ended)).toBe(false);
    await close(silent);
  });

  it('F119 one that says nothing is closed at handshakeTimeout', async () => {
    await using gw = await start({ protocol, tls: { ...folder.files.good, handshakeTimeout: '50ms' } });
    await using silent = await connectSender(gw.port());
    await silent.closed;
    expect(await gw.logged('GW_ERR_SENDER_TLS')).toMatchObject({ detail: 'ERR_TLS_HANDSHAKE_TIMEOUT' });
  });

  it.each([false, true])('F119 one address has no more connections than it may (TLS: %s)', async (secure) => {
    const tls = secure ? { tls: folder.files.good } : {};
    await using gw = await start({ protocol, limits: { maxConnectionsPerSource: 2 }, ...tls });
    const open: Sender[] = [];
    for (let i = 0; i < 2; i++) open.push(await connectSender(gw.port(), { localAddress: '127.0.0.2' }));
    const refused = await connectSender(gw.port(), { localAddress: '127.0.0.2' });
    await refused.closed;
    expect(await gw.logged('GW_ERR_SENDER_LIMIT')).toMatchObject({
      source: '127.0.0.2',
      detail: 'limits.maxConnectionsPerSource',
    });
    expect(await isServed(gw.port(), protocol, '127.0.0.1', secure)).toBe(true);
    // A place that is given back can be taken.
    await close(open);
    await until(() => isServed(gw.port(), protocol, '127.0.0.2', secure), { deadlineMs: PATIENCE_MS });
  });
});

it('F119 behind a balancer it is the address in the PROXY header that counts', LONG, async () => {
  await using gw = await start({
    proxyProtocol: true,
    trustedProxies: '127.0.0.1',
    limits: { maxConnectionsPerSource: 1 },
  });
  const from = async (source: string): Promise<Sender> => {
    const sender = await connectSender(gw.port());
    void sender.write(lineHeader({ source, port: 4000 }));
    return sender;
  };
  await using one = await from('192.0.2.7');
  expect(said(await one.exchange(message(), PATIENCE_MS))).toMatch(/^AA/);
  await using refused = await from('192.0.2.7');
  await refused.closed;
  expect(await gw.logged('GW_ERR_SENDER_LIMIT')).toMatchObject({ source: '192.0.2.7' });
  await using other = await from('192.0.2.8');
  expect(said(await other.exchange(message(), PATIENCE_MS))).toMatch(/^AA/);
});

describe('wrong tokens', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    return () => void vi.useRealTimers();
  });

  /** For how long it waited; 'dropped' where it is not answered. */
  async function delayOf(failures: TokenFailures, source: string): Promise<number | 'dropped'> {
    let answered: boolean | undefined;
    void failures.failed(source).then((may) => {
      answered = may;
    });
    let waitedMs = 0;
    for (await turns(1); answered === undefined; await turns(1)) {
      vi.advanceTimersByTime(50);
      waitedMs += 50;
    }
    return answered ? waitedMs : 'dropped';
  }

  it('F119 slow their source down, and nobody else', async () => {
    const failures = new TokenFailures();
    for (let i = 0; i < 10; i++) expect(await delayOf(failures, 'a')).toBe(0);
    const delays: (number | 'dropped')[] = [];
    for (let i = 0; i < 9; i++) delays.push(await delayOf(failures, 'a'));
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    expect(await delayOf(failures, 'b')).toBe(0);
    vi.advanceTimersByTime(60_000);
    expect(await delayOf(failures, 'a')).toBe(0);
  });

  it('F119 of one source few wait, and of sources few are remembered', async () => {
    const failures = new TokenFailures();
    for (let i = 0; i < 15; i++) void failures.failed('a');
    expect(await failures.failed('a')).toBe(false);
    for (let i = 0; i < 5000; i++) await failures.failed(`s${i}`);
    expect(failures.size).toBe(1000);
  });
});

it('F119 whoever guesses the admin token waits, and whoever has it does not', LONG, async () => {
  const room = await openAdmin();
  const guess = () => askAdmin(room, 'GET', '/status', { headers: { authorization: 'Bearer wrong' } });
  for (let i = 0; i < 12; i++) expect((await guess()).status).toBe(401);
  let guessed = false;
  const slow = guess().then(() => {
    guessed = true;
  });
  expect((await askAdmin(room, 'GET', '/status')).status).toBe(200);
  expect(guessed).toBe(false);
  await slow;
});
