// F34, F45: nodes that hang, answer badly or come back, on real sockets: who is left out, and what brings it back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Node } from '../../src/upstream/node.ts';
import { expectNothingHeld, over, said, startPair, ways } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { startMirthApi } from '../helpers/mirth-api.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { gate, until } from '../helpers/until.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

function nodeOf(gw: TestGateway, name = 'a'): Node {
  const found = [...gw.gateway.queues.values()][0]?.pool.nodes.find((node) => node.name === name);
  if (found === undefined) throw new Error(`no node ${name}`);
  return found;
}

/** Sends messages one after the other until one is answered AA; returns how many were not. */
async function untilTaken(sender: Sender, prefix: string): Promise<number> {
  for (let lost = 0; ; lost++) {
    if (said(await sender.exchange(message({ controlId: `${prefix}${lost}` }))).startsWith('AA')) return lost;
  }
}

/** Short enough to wait for a few times, and more than a node that answers ever takes on a busy machine. */
const ACK = '800ms';
const CHECKED = { type: 'tcp', interval: '10ms', fastInterval: '10ms', rise: 2, fall: 3 };

describe('a node that accepts and never answers', () => {
  test('F34 is out within `fall` ACK deadlines, whatever a tcp check says; and only an answer brings it back', async () => {
    await using pair = await startPair(
      answers.none(),
      { timeouts: { ack: ACK }, health: CHECKED, ejection: { base: '300ms' } },
      { onUnavailable: 'AE' },
    );
    const { a, b, gw, sender } = pair;
    expect(await untilTaken(sender, 'L')).toBe(3);
    expect(b.controlIds).toEqual(['L3']);
    expect(nodeOf(gw).status).toMatchObject({ state: 'down', reason: 'GW_ERR_ACK_TIMEOUT', ejections: 1 });
    // Ten good checks and more; each is a connection.
    const checks = a.connections.total;
    await a.connected(checks + 10);
    expect(nodeOf(gw).state).toBe('down');
    // When its time is over one message is tried, alone: the other sender does not wait for it.
    await until(() => nodeOf(gw).wantsTrial);
    await using other = await connectSender(gw.port());
    void sender.send(message({ controlId: 'TRIAL' }));
    await until(() => a.controlIds.includes('TRIAL'));
    expect(said(await other.exchange(message({ controlId: 'O1' })))).toBe('AA O1');
    expect(said(await sender.nextAck())).toBe('AE TRIAL');
    expect(b.controlIds).toContain('O1');
    expect(nodeOf(gw).status).toMatchObject({ state: 'down', ejections: 2 });
    // It recovers: the next trial is answered, and it is back.
    a.script = answers.aa();
    await until(() => nodeOf(gw).wantsTrial);
    expect(said(await other.exchange(message({ controlId: 'BACK' })))).toBe('AA BACK');
    expect(ways(await over(gw, 'BACK'))).toEqual(['a ok']);
    expect(nodeOf(gw).status).toMatchObject({ state: 'up', reason: 'answered on trial', trial: false });
    const states = gw.log.filter(({ msg }) => /^node (up|down)$/.test(String(msg))).map(({ msg }) => msg);
    expect(states).toEqual(['node down', 'node up']);
    await expectNothingHeld(gw);
  });

  test('F34 the only node: stays in use, one message at a time, and takes all again once it answers', async () => {
    await using node = await startFaultyNode(answers.none());
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { timeouts: { ack: ACK }, health: CHECKED, queue: { timeout: '5s' } },
      listener: { onUnavailable: 'AE' },
    });
    const senders = await Promise.all(Array.from({ length: 4 }, () => connectSender(gw.port())));
    const [first] = senders as [Sender];
    for (let i = 0; i < 3; i++) {
      expect(said(await first.exchange(message({ controlId: `L${i}` })))).toBe(`AE L${i}`);
    }
    await until(() => nodeOf(gw).usable);
    const hold = gate();
    node.script = answers.after(hold);
    for (const [i, sender] of senders.entries()) void sender.send(message({ controlId: `X${i}` }));
    await node.received(4);
    await until(() => gw.held.queued === 3);
    expect(node.messages.length).toBe(4);
    hold.open();
    node.script = answers.aa();
    const acks = await Promise.all(senders.map((sender) => sender.nextAck()));
    expect(acks.map(said)).toEqual(['AA X0', 'AA X1', 'AA X2', 'AA X3']);
    expect(nodeOf(gw).state).toBe('up');
    for (const sender of senders) await sender[Symbol.asyncDispose]();
  });

  test('F33 so is one that reads, closes and comes back: a channel that breaks at each message', async () => {
    await using pair = await startPair(
      answers.close(),
      { health: { ...CHECKED, fall: 2 }, ejection: { base: '10s' } },
      { onUnavailable: 'AE' },
    );
    const { a, gw, sender } = pair;
    expect(await untilTaken(sender, 'L')).toBe(2);
    await a.connected(a.connections.total + 5);
    for (let i = 0; i < 5; i++) {
      expect(said(await sender.exchange(message({ controlId: `B${i}` })))).toBe(`AA B${i}`);
    }
    expect(a.messages.length).toBe(2);
    expect(nodeOf(gw).state).toBe('down');
  });
});

test('F40 too many AE: left out where the config says so, and its answers are passed on until then', async () => {
  await using pair = await startPair(answers.ae(), {
    ejection: { base: '10s', errors: { share: 0.5, answers: 4 } },
  });
  const { a, b, gw, sender } = pair;
  for (let i = 0; i < 4; i++) {
    expect(said(await sender.exchange(message({ controlId: `X${i}` })))).toBe(`AE X${i}`);
  }
  expect(said(await sender.exchange(message({ controlId: 'X4' })))).toBe('AA X4');
  expect([a.messages.length, b.controlIds]).toEqual([4, ['X4']]);
  expect(nodeOf(gw).status).toMatchObject({
    state: 'down',
    reason: 'too many negative answers',
    answers: { AE: 4 },
  });
});

describe('a Mirth server, by its API', () => {
  const api = () => startMirthApi({ cert: folder.pems.good.certPem, key: folder.pems.good.keyPem });

  test('starts in 2, then 3, then 0: traffic waits for the 0, and the data port is never probed', async () => {
    await using rest = await api();
    await using node = await startFaultyNode();
    rest.status = 2;
    await using gw = await startGateway({
      nodes: [node.url],
      pool: {
        health: {
          type: 'mirth',
          url: `https://{host}:${rest.port}`,
          tls: { ca: folder.caFile },
          interval: '15ms',
          timeout: '5s',
          initial: 'down',
        },
      },
    });
    await using sender = await connectSender(gw.port());
    void sender.send(message({ controlId: 'X1' }));
    await until(() => rest.requests.length >= 4);
    rest.status = 3;
    await until(() => rest.requests.length >= 8);
    expect(nodeOf(gw).status).toMatchObject({
      state: 'down',
      lastCheck: { type: 'mirth', result: 'failed' },
    });
    expect(node.accepted).toBe(0);
    rest.status = 0;
    expect(said(await sender.nextAck())).toBe('AA X1');
    expect(node.accepted).toBe(1);
    expect(nodeOf(gw).status).toMatchObject({ state: 'up', lastCheck: { result: 'passed' } });
  });

  test('a channel that is stopped while the server is well: traffic follows, and comes back', async () => {
    await using rest = await api();
    await using restOfB = await api();
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [a.url, { url: b.url, backup: true, healthUrl: restOfB.url } as { url: string }],
      pool: {
        health: {
          type: 'mirth',
          url: `https://{host}:${rest.port}`,
          tls: { ca: folder.caFile },
          channel: 'ADT',
          user: 'health',
          password: 'right',
          interval: '15ms',
          fastInterval: '15ms',
          timeout: '5s',
          fall: 2,
        },
      },
    });
    await using sender = await connectSender(gw.port());
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    rest.channels = { ADT: 'STOPPED' };
    await until(() => nodeOf(gw).state === 'down');
    expect(nodeOf(gw).status.reason).toBe('check: the channel is STOPPED');
    expect(said(await sender.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
    rest.channels = { ADT: 'STARTED' };
    await until(() => nodeOf(gw).state === 'up');
    expect(said(await sender.exchange(message({ controlId: 'X3' })))).toBe('AA X3');
    expect([a.controlIds, b.controlIds]).toEqual([['X1', 'X3'], ['X2']]);
    expect([rest.logins, restOfB.logins]).toEqual([1, 1]);
    // A password that runs out is told once, and takes no node out.
    for (const one of [rest, restOfB]) {
      one.password = 'changed';
      one.forgetSessions();
    }
    await until(() => gw.log.filter(({ note }) => note !== undefined).length === 2);
    const asked = rest.requests.length;
    await until(() => rest.requests.length > asked + 10);
    expect(nodeOf(gw).state).toBe('up');
    expect(gw.log.filter(({ note }) => note !== undefined).length).toBe(2);
    expect(JSON.stringify(gw.log)).not.toContain('right');
  });

  test('its API is well and its channel hangs: out all the same, and each return costs one message', async () => {
    await using rest = await api();
    await using a = await startFaultyNode(answers.none());
    await using b = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [a.url, { url: b.url, backup: true } as { url: string }],
      listener: { onUnavailable: 'AE' },
      pool: {
        timeouts: { ack: ACK },
        ejection: { base: '100ms' },
        health: {
          type: 'mirth',
          url: `https://{host}:${rest.port}`,
          tls: { ca: folder.caFile },
          interval: '10ms',
          fastInterval: '10ms',
          timeout: '5s',
          fall: 3,
        },
      },
    });
    await using sender = await connectSender(gw.port());
    expect(await untilTaken(sender, 'L')).toBe(3);
    for (const round of ['M', 'N']) {
      await until(() => nodeOf(gw).state === 'up');
      expect(await untilTaken(sender, round)).toBe(1);
      expect(nodeOf(gw).state).toBe('down');
    }
    expect(a.messages.length).toBe(5);
  });
});
