// F39: an answer more than was asked for. F42 and F43: no answer, or one now and one later.
import { describe, expect, test } from 'vitest';
import { arrivals } from '../helpers/arrivals.ts';
import { expectNothingHeld, over, recorded, said, startPair, ways } from '../helpers/expect-relay.ts';
import { answers, type Script } from '../helpers/faulty-node.ts';
import { ackFor, frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { type Gate, gate, turns, until } from '../helpers/until.ts';

const STRAY = 'an answer that belongs to no message was dropped';

describe('an answer too many', () => {
  test('F39 two ACKs in one write: the first counts, the connection is ended, the next message has its own', async () => {
    await using pair = await startPair(answers.inSequence(answers.twice(), answers.aa()));
    const { a, gw, sender } = pair;
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    const [first] = await a.connected(1);
    expect(await first?.closed).toEqual({ code: undefined });
    expect(said(await sender.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
    expect(sender.acks.map(said)).toEqual(['AA X1', 'AA X2']);
    expect(a.connections.total).toBe(2);
    expect(gw.log.filter(({ msg }) => msg === STRAY).length).toBe(1);
    await expectNothingHeld(gw);
  });

  test('F39 AA, then AE for the same message: AA was first', async () => {
    await using pair = await startPair(answers.all(answers.aa(), answers.ae()));
    const { a, gw, sender } = pair;
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    await (await a.connected(1))[0]?.closed;
    expect(sender.acks.length).toBe(1);
    await expectNothingHeld(gw);
  });

  test('F39 the second ACK comes while the next message waits: that one still gets its own, then the connection ends', async () => {
    const hold = gate();
    const script: Script = async (exchange) => {
      if (exchange.index === 0) return answers.aa()(exchange);
      // The first message's answer once more, then this one's.
      if (exchange.index === 1) {
        await exchange.connection.answer(ackFor(message({ controlId: 'X1' })));
        await hold.opened;
      }
      await answers.ar()(exchange);
    };
    await using pair = await startPair(script);
    const { a, gw, sender } = pair;
    await sender.exchange(message({ controlId: 'X1' }));
    void sender.send(message({ controlId: 'X2' }));
    await until(() => gw.log.some(({ msg }) => msg === STRAY));
    expect(sender.acks.length).toBe(1);
    hold.open();
    expect(said(await sender.nextAck())).toBe('AR X2');
    await (await a.connected(1))[0]?.closed;
    expect(said(await sender.exchange(message({ controlId: 'X3' })))).toBe('AR X3');
    expect(a.messages.map(({ connection }) => connection.id)).toEqual([0, 0, 1]);
    await expectNothingHeld(gw);
  });

  test('F39 doubled answers to pipelined messages: every message one answer, in order', async () => {
    await using pair = await startPair(answers.twice(), { connections: { max: 2, pipelining: 4 } });
    const { gw, sender } = pair;
    const ids = Array.from({ length: 24 }, (_, i) => `X${i}`);
    void sender.sendTogether(ids.map((controlId) => message({ controlId })));
    expect((await sender.nextAcks(24)).map(said)).toEqual(ids.map((id) => `AA ${id}`));
    await expectNothingHeld(gw);
    expect(sender.acks.length).toBe(24);
  });

  test.each([
    { max: 1, pipelining: 1 },
    { max: 1, pipelining: 4 },
    { max: 3, pipelining: 4 },
  ])(
    'F39 repeatedIds: redial; all messages have one control id, max $max, pipelining $pipelining: no answer is credited twice',
    async (connections) => {
      // A connection's first message is accepted; with the next on it, that answer comes again, and then a refusal.
      const script: Script = async (exchange) => {
        const before = a.messages.filter(
          ({ connection, index }) => connection === exchange.connection && index < exchange.index,
        );
        if (before.length === 0) return answers.ae()(exchange);
        await answers.ae()(exchange);
        await answers.ar()(exchange);
      };
      await using pair = await startPair(script, { connections: { ...connections, repeatedIds: 'redial' } });
      const { a, gw, sender } = pair;
      void sender.sendTogether(Array.from({ length: 6 }, () => message({ controlId: 'X' })));
      expect((await sender.nextAcks(6)).map(said)).toEqual(Array(6).fill('AE X'));
      expect(new Set(a.messages.map(({ connection }) => connection.id)).size).toBe(6);
      await expectNothingHeld(gw);
      const told = gw.log.filter(({ msg }) => String(msg).startsWith('a sender repeats its control ids'));
      expect(told.length).toBe(1);
    },
  );

  test('F39 an ACK that nobody asked for, as the node’s first words: never credited to the message that follows', async () => {
    await using pair = await startPair(
      answers.none(),
      { timeouts: { ack: '100ms' } },
      { onUnavailable: 'AE' },
    );
    const { a, gw, sender } = pair;
    const invented = frame(ackFor(message({ controlId: 'X1' })));
    a.onConnection = arrivals.say(invented);
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AE X1');
    await expectNothingHeld(gw);
  });

  test('F39 an ACK on an idle connection: it is ended, and the same control id later is answered anew', async () => {
    await using pair = await startPair(undefined);
    const { a, gw, sender } = pair;
    await sender.exchange(message({ controlId: 'X1' }));
    const [first] = await a.connected(1);
    await first?.answer(ackFor(message({ controlId: 'X2' })));
    await first?.closed;
    a.script = answers.ar();
    expect(said(await sender.exchange(message({ controlId: 'X2' })))).toBe('AR X2');
    await expectNothingHeld(gw);
  });
});

describe('no answer expected', () => {
  const NE = { acceptAck: 'NE', applicationAck: 'NE' };

  test('F42 acknowledgement always, original mode: a silent node is a timeout', async () => {
    await using pair = await startPair(answers.none(), {
      acknowledgement: 'always',
      timeouts: { ack: '80ms', silence: '10ms' },
    });
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    expect(ways(await over(pair.gw, 'X1'))).toEqual(['a GW_ERR_ACK_TIMEOUT']);
  });

  test('F42 by-header: delivered, nothing sent back, and a message that wants an answer gets it on the same connection', async () => {
    const script = answers.by(({ controlId }) => (controlId === 'LAST' ? answers.aa() : answers.none()));
    await using pair = await startPair(script, { acknowledgement: 'by-header' });
    const { a, gw, sender } = pair;
    const silent = ['X1', 'X2', 'X3'].map((controlId) => message({ controlId, ...NE }));
    const last = message({ controlId: 'LAST' });
    void sender.sendTogether([...silent, last]);
    expect(said(await sender.nextAck())).toBe('AA LAST');
    expect(sender.acks.length).toBe(1);
    expect(a.bytes).toEqual(Buffer.concat([...silent, last].map(frame)));
    expect(gw.messages.map(({ outcome }) => outcome?.kind)).toEqual([
      'unanswered',
      'unanswered',
      'unanswered',
      'answered',
    ]);
    await expectNothingHeld(gw);
  });

  test.each([
    { acceptAck: 'NE', applicationAck: 'AL' },
    { acceptAck: 'AL', applicationAck: 'NE' },
    { acceptAck: 'ER', applicationAck: 'NE' },
  ])('F42 by-header: MSH-15 $acceptAck, MSH-16 $applicationAck is answered', async (modes) => {
    const sent: Buffer[] = [];
    await using pair = await startPair(recorded(sent), { acknowledgement: 'by-header' });
    await pair.sender.exchange(message({ controlId: 'X1', ...modes }));
    expect(pair.sender.received).toEqual(Buffer.concat(sent));
  });

  test('F42 never, and the node answers all the same: dropped, not passed on, the connection serves on', async () => {
    await using pair = await startPair(answers.aa(), { acknowledgement: 'never', connections: { max: 1 } });
    const { a, gw, sender } = pair;
    for (const controlId of ['X1', 'X2', 'X3']) {
      void sender.send(message({ controlId }));
      await over(gw, controlId);
      await until(
        () =>
          gw.log.filter(({ msg }) => msg === STRAY).length === a.messages.length &&
          a.controlIds.at(-1) === controlId,
      );
    }
    expect(a.controlIds).toEqual(['X1', 'X2', 'X3']);
    expect(sender.received.length).toBe(0);
    expect(a.connections.total).toBe(1);
    await expectNothingHeld(gw);
  });

  test('F42 never, and no node: closed, as for any message', async () => {
    await using pair = await startPair(undefined, {
      acknowledgement: 'never',
      queue: { timeout: '60ms' },
      retry: { budget: '0' },
    });
    await pair.a.refuse();
    await pair.b.refuse();
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    expect((await over(pair.gw, 'X1')).outcome?.kind).toBe('failed');
    await expectNothingHeld(pair.gw);
  });
});

describe('a commit now, the answer later', () => {
  const ENHANCED = { acceptAck: 'AL', applicationAck: 'AL' };

  test.each(['AA', 'AE', 'AR'])(
    'F43 CA, then %s on the same connection: both reach the sender, once each',
    async (code) => {
      const hold = gate();
      await using pair = await startPair(answers.commitThen(hold, code));
      const { gw, sender } = pair;
      expect(said(await sender.exchange(message({ controlId: 'X1', ...ENHANCED })))).toBe('CA X1');
      await expectNothingHeld(gw);
      hold.open();
      expect(said(await sender.nextAck())).toBe(`${code} X1`);
      await turns(10);
      expect(sender.acks.length).toBe(2);
    },
  );

  test('F43 the later answers come in any order, between other messages’ commits: each goes to its own sender', async () => {
    const holds: Record<string, Gate> = { X1: gate(), X2: gate(), X3: gate() };
    const script = answers.by(({ controlId }) => answers.commitThen(holds[controlId] as Gate));
    await using pair = await startPair(script, { connections: { max: 1 } });
    const { gw, sender } = pair;
    await using other = await connectSender(gw.port());
    expect(said(await sender.exchange(message({ controlId: 'X1', ...ENHANCED })))).toBe('CA X1');
    expect(said(await other.exchange(message({ controlId: 'X2', ...ENHANCED })))).toBe('CA X2');
    holds.X2?.open();
    expect(said(await other.nextAck())).toBe('AA X2');
    expect(said(await sender.exchange(message({ controlId: 'X3', ...ENHANCED })))).toBe('CA X3');
    holds.X3?.open();
    expect(said(await sender.nextAck())).toBe('AA X3');
    holds.X1?.open();
    expect(said(await sender.nextAck())).toBe('AA X1');
    expect(pair.a.connections.total).toBe(1);
    await expectNothingHeld(gw);
  });

  test('F43 the later answer comes while another message waits for its commit: not taken for that one’s', async () => {
    const commit = gate();
    const later = gate();
    const script = answers.by(({ controlId }) =>
      controlId === 'X1' ? answers.commitThen(later) : answers.after(commit, answers.ca()),
    );
    await using pair = await startPair(script, { connections: { max: 1 } });
    const { sender } = pair;
    expect(said(await sender.exchange(message({ controlId: 'X1', ...ENHANCED })))).toBe('CA X1');
    void sender.send(message({ controlId: 'X2', ...ENHANCED }));
    await pair.a.received(2);
    later.open();
    expect(said(await sender.nextAck())).toBe('AA X1');
    commit.open();
    expect(said(await sender.nextAck())).toBe('CA X2');
    await expectNothingHeld(pair.gw);
  });

  test('F43 the sender is gone before the later answer: dropped, and the connection serves on', async () => {
    const hold = gate();
    await using pair = await startPair(answers.inSequence(answers.commitThen(hold), answers.aa()), {
      connections: { max: 1 },
    });
    const { a, gw, sender } = pair;
    expect(said(await sender.exchange(message({ controlId: 'X1', ...ENHANCED })))).toBe('CA X1');
    await sender.end();
    await sender.closed;
    await using next = await connectSender(gw.port());
    hold.open();
    expect(said(await next.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
    expect(next.acks.length).toBe(1);
    expect(a.connections.total).toBe(1);
    await expectNothingHeld(gw);
  });
});
