// Handshakes that cost: a limit on how many are in progress, a deadline for each, and those who send already go on.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Observer } from '../../src/observe/observer.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

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

function start(tlsConfig: object, observer: Observer = {}): Promise<TestGateway> {
  const listener = { tls: { ...folder.files.good, ...tlsConfig } };
  return startGateway({ nodes: [node.url], listener }, { observers: [observer] });
}

function secure(gw: TestGateway): Promise<Sender> {
  return connectSender(gw.port(), { tls: { ca: folder.caPem, servername: '' } });
}

async function expectServes(sender: Sender): Promise<void> {
  const sent = message();
  expect(said(await sender.exchange(sent))).toMatch(/^AA /);
}

/** What a ClientHello begins with, and no more, so that the handshake stays in progress. */
const BEGINNING = Buffer.from([0x16, 0x03, 0x01]);

async function begin(gw: TestGateway): Promise<Sender> {
  const sender = await connectSender(gw.port());
  void sender.write(BEGINNING);
  return sender;
}

/** One after the other, so that the gateway has seen the first before the last. */
async function beginning(gw: TestGateway, count: number): Promise<Sender[]> {
  const senders: Sender[] = [];
  for (let i = 0; i < count; i++) senders.push(await begin(gw));
  return senders;
}

const refusals = (gw: TestGateway): number =>
  gw.codes.filter((code) => code === 'GW_ERR_SENDER_HANDSHAKES').length;

test('as many as maxHandshakes may be in progress; one more is closed and logged', async () => {
  await using gw = await start({ maxHandshakes: 3 });
  await using established = await secure(gw);
  const waiting = await beginning(gw, 4);
  // Which of them comes last is for the system to say.
  await gw.logged('GW_ERR_SENDER_HANDSHAKES');
  const refused = await Promise.race(waiting.map((sender) => sender.closed.then(() => sender)));
  waiting.splice(waiting.indexOf(refused), 1);
  expect(refused.received.length).toBe(0);
  expect(await gw.logged('GW_ERR_SENDER_HANDSHAKES')).toMatchObject({
    listener: 'in',
    source: '127.0.0.1',
    level: 'warn',
  });
  expect(waiting.some(({ ended }) => ended)).toBe(false);
  await expectServes(established);
  expect(refusals(gw)).toBe(1);
  // A place that is given back can be taken.
  waiting[0]?.reset();
  await until(async () => {
    await using sender = await secure(gw).catch(() => undefined);
    return sender !== undefined;
  });
});

test('handshakes that are done do not count: a limit of 1, and many senders', async () => {
  await using gw = await start({ maxHandshakes: 1 });
  const senders: Sender[] = [];
  for (let i = 0; i < 8; i++) {
    const sender = await secure(gw);
    senders.push(sender);
    // A TLS 1.3 client is done before its server is.
    await expectServes(sender);
  }
  for (const sender of senders) await expectServes(sender);
  expect(gw.codes).toEqual([]);
});

test('handshakes that fail give their place back, whatever way they fail', async () => {
  await using gw = await start({ maxHandshakes: 1, clientCa: folder.caFile, requireClientCert: true });
  const { strangeClient, client } = folder.pems;
  const trust = { ca: folder.caPem, servername: '' };
  for (const own of [{}, { cert: strangeClient.certPem, key: strangeClient.keyPem }]) {
    const faults = gw.codes.length;
    const sender = await connectSender(gw.port(), { tls: { ...trust, ...own } }).catch(() => undefined);
    await sender?.closed;
    await until(() => gw.codes.length > faults);
  }
  await using plain = await connectSender(gw.port());
  void plain.send(message());
  await plain.closed;
  await using sender = await connectSender(gw.port(), {
    tls: { ...trust, cert: client.certPem, key: client.keyPem },
  });
  await expectServes(sender);
  expect(new Set(gw.codes)).toEqual(new Set(['GW_ERR_SENDER_TLS']));
});

test('a client that says nothing is closed at handshakeTimeout, named, and its place is free', async () => {
  await using gw = await start({ maxHandshakes: 1, handshakeTimeout: '60ms' });
  await using mute = await connectSender(gw.port());
  await mute.closed;
  expect(mute.received.length).toBe(0);
  expect(await gw.logged('GW_ERR_SENDER_TLS')).toMatchObject({
    detail: 'ERR_TLS_HANDSHAKE_TIMEOUT',
    source: '127.0.0.1',
  });
  await using sender = await secure(gw);
  await expectServes(sender);
});

test('a flood of connections: established senders are answered all the while, in order', {
  timeout: 60_000,
}, async () => {
  // Not by the log, which leaves out lines where too many are alike.
  let refused = 0;
  const observer: Observer = {
    onFault: ({ error: { code } }) => {
      if (code === 'GW_ERR_SENDER_HANDSHAKES') refused++;
    },
  };
  await using gw = await start({ maxHandshakes: 5, handshakeTimeout: '30s' }, observer);
  const established = [await secure(gw), await secure(gw), await secure(gw)];
  const flood: Promise<Sender | undefined>[] = [];
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 10; i++) flood.push(begin(gw).catch(() => undefined));
    for (const sender of established) await expectServes(sender);
  }
  const opened = (await Promise.all(flood)).filter((one) => one !== undefined);
  await until(() => refused === opened.length - 5, { deadlineMs: 30_000 });
  expect(opened.length).toBeGreaterThan(100);
  expect(established.map(({ acks, ended }) => [acks.length, ended])).toEqual(Array(3).fill([20, false]));
});
