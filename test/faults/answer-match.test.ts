// F84 to F86 through the whole gateway: answers that name their message in other words, refusals of nobody's message, and a
// wrong answer before the right one. An AA is passed to nobody whom it is not meant for.
import { describe, expect, test } from 'vitest';
import { expectNothingHeld, over, said, startPair, ways } from '../helpers/expect-relay.ts';
import { answers, type Script } from '../helpers/faulty-node.ts';
import { ackFor, frame, message } from '../helpers/mllp.ts';
import { gate, until } from '../helpers/until.ts';

const STRAY = 'an answer that belongs to no message was dropped';
const ALIKE = /answers have MSA-1 or MSA-2 in another form/;

const answersAs = (controlId: string): Script => answers.aa({ controlId });

describe('F84 an answer that names its message in other words', () => {
  test.each([
    ['blanks', 'K1', ' K1 '],
    ['a first component', 'K1^HOST', 'K1'],
    ['letter case', 'k1', 'K1'],
  ])('%s: passed on byte for byte, the connection is used on, and it is said once', async (_, id, msa2) => {
    await using pair = await startPair(answersAs(msa2));
    const { a, gw, sender } = pair;
    for (let i = 0; i < 3; i++)
      expect(await sender.exchange(message({ controlId: id })).then(said)).toBe(`AA ${msa2}`);
    expect(a.connections.total).toBe(1);
    expect(gw.codes).toEqual([]);
    expect(gw.log.filter(({ msg }) => ALIKE.test(String(msg))).length).toBe(1);
    await expectNothingHeld(gw);
  });

  test.each(['aa', ' AA ', 'AA^x'])('MSA-1 %j', async (code) => {
    await using pair = await startPair(answers.code(code));
    expect(said(await pair.sender.exchange(message({ controlId: 'K1' })))).toContain('K1');
    expect((await over(pair.gw, 'K1')).outcome).toMatchObject({ kind: 'answered', ack: { code: 'AA' } });
  });

  test('with two messages out it is credited to neither', async () => {
    const hold = gate();
    // Both are there before the first is answered.
    const script: Script = async (exchange) => {
      if (exchange.index === 0) await hold.opened;
      await answersAs(`${exchange.controlId} `)(exchange);
    };
    await using pair = await startPair(script, { connections: { max: 1, pipelining: 4 } });
    const { a, gw, sender } = pair;
    a.onBytes = () => a.messages.length === 2 && hold.open();
    void sender.sendTogether(['X1', 'X2'].map((controlId) => message({ controlId })));
    await sender.closed;
    expect(sender.acks).toEqual([]);
    expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_ACK_MISMATCH']);
    await expectNothingHeld(gw);
  });

  test('a node that is known for it has one message a connection, so that none of them fails', async () => {
    let most = 0;
    const script: Script = async (exchange) => {
      most = Math.max(most, exchange.connection.messages.length - answered(exchange.connection.id));
      await answersAs(`${exchange.controlId} `)(exchange);
      done.set(exchange.connection.id, answered(exchange.connection.id) + 1);
    };
    const done = new Map<number, number>();
    const answered = (connection: number): number => done.get(connection) ?? 0;
    await using pair = await startPair(script, { connections: { max: 2, pipelining: 8 } });
    const { b, gw, sender } = pair;
    await sender.exchange(message({ controlId: 'FIRST' }));
    const ids = Array.from({ length: 40 }, (_, i) => `X${i}`);
    void sender.sendTogether(ids.map((controlId) => message({ controlId })));
    expect((await sender.nextAcks(40)).map(said)).toEqual(ids.map((id) => `AA ${id} `));
    expect([most, b.messages.length]).toEqual([1, 0]);
    await expectNothingHeld(gw);
  });

  test('a second answer to the message before is not taken for one to a message that is like it', async () => {
    // 'X1' is what the first message was called; the second is 'x1'.
    const script = answers.by(({ index }) =>
      index === 0
        ? answers.aa()
        : async (exchange) => {
            await exchange.connection.answer(ackFor(message({ controlId: 'X1' })));
            await answers.ae()(exchange);
          },
    );
    await using pair = await startPair(script);
    const { sender } = pair;
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    expect(said(await sender.exchange(message({ controlId: 'x1' })))).toBe('AE x1');
  });

  test('an answer to a message that needed none is not taken for one to a message that is like it', async () => {
    const silent = message({ controlId: 'X1^A' }).toString('latin1').replace(/\r/, '|||NE|NE\r');
    const script = answers.by(({ index }) =>
      index === 0
        ? answers.none()
        : async (exchange) => {
            await exchange.connection.answer(ackFor(message({ controlId: 'X1' })));
            await answers.ae()(exchange);
          },
    );
    await using pair = await startPair(script, { acknowledgement: 'by-header', connections: { max: 1 } });
    const { a, sender } = pair;
    await sender.send(Buffer.from(silent, 'latin1'));
    await a.received(1);
    expect(said(await sender.exchange(message({ controlId: 'X1^B' })))).toBe('AE X1^B');
  });

  test('strict: not passed on', async () => {
    await using pair = await startPair(answersAs('X1 '), {
      connections: { match: 'strict' },
      timeouts: { ack: '200ms' },
    });
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    expect(pair.sender.acks).toEqual([]);
    expect(ways(await over(pair.gw, 'X1'))).toEqual(['a GW_ERR_ACK_MISMATCH']);
  });

  test('position: passed on by the order, with several messages out', async () => {
    const script = answers.by(({ index }) =>
      answers.code(index === 1 ? 'AE' : 'AA', { controlId: `N${index}` }),
    );
    await using pair = await startPair(script, { connections: { match: 'position', max: 1, pipelining: 8 } });
    const ids = ['X0', 'X1', 'X2', 'X3'];
    void pair.sender.sendTogether(ids.map((controlId) => message({ controlId })));
    expect((await pair.sender.nextAcks(4)).map(said)).toEqual(['AA N0', 'AE N1', 'AA N2', 'AA N3']);
    expect(pair.a.connections.total).toBe(1);
  });
});

describe('F85 a refusal under an id of the node’s own', () => {
  test.each(['AE', 'AR', 'CE', 'CR'])('%s is the answer to the one message that is out', async (code) => {
    await using pair = await startPair(
      answers.inSequence(answers.code(code, { controlId: 'OWN-1' }), answers.aa()),
      { retry: { attempts: 5, onAmbiguous: 'other-node' } },
    );
    const { a, b, gw, sender } = pair;
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe(`${code} OWN-1`);
    // The node may say more of that message: the next goes on another connection.
    expect(said(await sender.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
    expect(a.messages.map(({ connection }) => connection.id)).toEqual([0, 1]);
    expect([b.messages.length, gw.codes]).toEqual([0, []]);
    await expectNothingHeld(gw);
  });

  test.each(['AA', 'CA'])('%s never', async (code) => {
    await using pair = await startPair(answers.code(code, { controlId: 'OWN-1' }), {
      timeouts: { ack: '200ms' },
    });
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    expect(pair.sender.acks).toEqual([]);
    expect(ways(await over(pair.gw, 'X1'))).toEqual(['a GW_ERR_ACK_MISMATCH']);
  });

  test('a second answer to an earlier message is none, though others were answered since', async () => {
    const script: Script = async (exchange) => {
      // X1 is refused twice: the second time when X3 is the one message that is out.
      if (exchange.index === 2) await answers.code('AE', { controlId: 'X1' })(exchange);
      await answers.code(exchange.index === 0 ? 'AE' : 'AA')(exchange);
    };
    await using pair = await startPair(script);
    const { a, gw, sender } = pair;
    for (const [id, code] of [
      ['X1', 'AE'],
      ['X2', 'AA'],
      ['X3', 'AA'],
    ] as const)
      expect(said(await sender.exchange(message({ controlId: id })))).toBe(`${code} ${id}`);
    expect([a.messages.length, gw.codes]).toEqual([3, []]);
    await expectNothingHeld(gw);
  });

  test('with two messages out it is nobody’s', async () => {
    const hold = gate();
    const script: Script = async (exchange) => {
      await hold.opened;
      await answers.code('AE', { controlId: 'OWN-1' })(exchange);
    };
    await using pair = await startPair(script, { connections: { max: 1, pipelining: 4 } });
    const { a, gw, sender } = pair;
    a.onBytes = () => a.messages.length === 2 && hold.open();
    void sender.sendTogether(['X1', 'X2'].map((controlId) => message({ controlId })));
    await sender.closed;
    expect(sender.acks).toEqual([]);
    expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_ACK_MISMATCH']);
  });
});

const WRONG: readonly (readonly [what: string, Buffer])[] = [
  ['another control id', frame(ackFor(message({ controlId: 'STALE' })))],
  ['none', frame(ackFor(message({ controlId: 'X1' }), 'AA', { controlId: '' }))],
  ['a page', frame(Buffer.from('<html></html>'))],
  ['an empty frame', frame('')],
  ['the message itself', frame(message({ controlId: 'X1' }))],
];

describe('F86 a wrong answer, then the right one', () => {
  test.each(WRONG)(
    '%s: the right one counts, and the connection takes no other message',
    async (_, wrong) => {
      const hold = gate();
      const script: Script = async (exchange) => {
        if (exchange.index === 0) {
          await exchange.connection.write(wrong);
          await hold.opened;
        }
        await answers.aa()(exchange);
      };
      await using pair = await startPair(script);
      const { a, b, gw, sender } = pair;
      void sender.send(message({ controlId: 'X1' }));
      await until(() => gw.log.some(({ msg }) => msg === STRAY));
      hold.open();
      expect(said(await sender.nextAck())).toBe('AA X1');
      expect(said(await sender.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
      expect(sender.acks.length).toBe(2);
      expect(a.messages.map(({ connection }) => connection.id)).toEqual([0, 1]);
      expect([b.messages.length, gw.codes]).toEqual([0, []]);
      await expectNothingHeld(gw);
    },
  );

  test('none comes: at the deadline it fails of what came', async () => {
    await using pair = await startPair(answers.wrongControlId(), { timeouts: { ack: '200ms' } });
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    const exchange = await over(pair.gw, 'X1');
    expect(ways(exchange)).toEqual(['a GW_ERR_ACK_MISMATCH']);
    const [attempt] = exchange.attempts;
    expect((attempt?.endedAt ?? 0) - (attempt?.writtenAt ?? 0)).toBeGreaterThanOrEqual(198);
  });

  test('the node closes instead: it fails of what came', async () => {
    const script: Script = async (exchange) => {
      await answers.wrongControlId()(exchange);
      exchange.connection.close();
    };
    await using pair = await startPair(script);
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    expect(ways(await over(pair.gw, 'X1'))).toEqual(['a GW_ERR_ACK_MISMATCH']);
  });

  test('wrong ones without end: given up before the deadline, and nine are dropped at most', async () => {
    const script: Script = async ({ connection }) => {
      for (let i = 0; i < 50; i++) await connection.answer(ackFor(message({ controlId: `W${i}` })));
    };
    await using pair = await startPair(script);
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    expect(ways(await over(pair.gw, 'X1'))).toEqual(['a GW_ERR_ACK_MISMATCH']);
  });
});
