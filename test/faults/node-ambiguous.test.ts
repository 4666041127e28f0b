// F33 and F34: a message was written and no answer came. Only the config may send it again.
import { describe, expect, test } from 'vitest';
import {
  expectClosedUnanswered,
  expectNothingHeld,
  expectStillServes,
  over,
  said,
  startPair,
  ways,
} from '../helpers/expect-relay.ts';
import { answers } from '../helpers/faulty-node.ts';
import { frame, message } from '../helpers/mllp.ts';
import { gate, until } from '../helpers/until.ts';

const ENDINGS = {
  FIN: answers.close(),
  'FIN of one side': answers.halfClose(),
  RST: answers.reset(),
  'half an ACK, then FIN': answers.halfThen('close'),
  'half an ACK, then RST': answers.halfThen('reset'),
} as const;
const endings = Object.entries(ENDINGS).map(([name, script]) => ({ name, script }));

describe.each(endings)('F33 $name after the message was written', ({ script }) => {
  test('F33 onAmbiguous fail: closed unanswered, sent nowhere else', async () => {
    await using pair = await startPair(script);
    const { a, b, gw, sender } = pair;
    const bytes = message({ controlId: 'X1' });
    void sender.send(bytes);
    await expectClosedUnanswered(sender);
    const exchange = await over(gw, 'X1');
    expect(ways(exchange)).toEqual(['a GW_ERR_NODE_CLOSED']);
    expect(exchange.outcome).toMatchObject({ kind: 'failed', ambiguous: true });
    expect(await gw.logged('GW_ERR_NODE_CLOSED')).toMatchObject({
      ambiguous: true,
      reply: 'close',
      controlId: 'X1',
    });
    expect(a.bytes).toEqual(frame(bytes));
    expect(b.bytes.length).toBe(0);
    await expectNothingHeld(gw);
    a.script = answers.aa();
    await expectStillServes(gw);
  });

  test('F33 onAmbiguous same-node: the same bytes once more, to it alone', async () => {
    await using pair = await startPair(answers.inSequence(script, answers.aa()), {
      retry: { onAmbiguous: 'same-node' },
    });
    const { a, b, gw, sender } = pair;
    const bytes = message({ controlId: 'X1' });
    expect(said(await sender.exchange(bytes))).toBe('AA X1');
    expect(sender.acks.length).toBe(1);
    expect(a.bytes).toEqual(Buffer.concat([frame(bytes), frame(bytes)]));
    expect(b.bytes.length).toBe(0);
    expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_NODE_CLOSED', 'a ok']);
    await expectNothingHeld(gw);
  });

  test('F33 onAmbiguous other-node: the same bytes to the other', async () => {
    await using pair = await startPair(script, { retry: { onAmbiguous: 'other-node' } });
    const { a, b, gw, sender } = pair;
    const bytes = message({ controlId: 'X1' });
    expect(said(await sender.exchange(bytes))).toBe('AA X1');
    expect(a.bytes).toEqual(frame(bytes));
    expect(b.bytes).toEqual(frame(bytes));
    await expectNothingHeld(gw);
  });
});

describe('F33 limits of sending again', () => {
  test.each([1, 2, 3])('F33 attempts %i: written so often, then given up', async (attempts) => {
    await using pair = await startPair(answers.close(), { retry: { attempts, onAmbiguous: 'same-node' } });
    const { a, b, gw, sender } = pair;
    void sender.send(message({ controlId: 'X1' }));
    await expectClosedUnanswered(sender);
    expect(a.controlIds).toEqual(Array.from({ length: attempts }, () => 'X1'));
    expect(b.messages).toEqual([]);
    await expectNothingHeld(gw);
  });

  test('F33 budget 0: the first attempt only, whatever attempts says', async () => {
    await using pair = await startPair(answers.close(), {
      retry: { attempts: 9, budget: '0', onAmbiguous: 'other-node' },
    });
    void pair.sender.send(message({ controlId: 'X1' }));
    await expectClosedUnanswered(pair.sender);
    expect(pair.b.messages).toEqual([]);
  });

  test('F33 same-node, and the node is gone: never to another, which would be the duplicate it forbids', async () => {
    await using pair = await startPair(undefined, {
      retry: { onAmbiguous: 'same-node', attempts: 5, budget: '300ms' },
      queue: { timeout: '300ms' },
    });
    const { a, b, gw, sender } = pair;
    a.script = () => a.kill();
    void sender.send(message({ controlId: 'X1' }));
    await expectClosedUnanswered(sender);
    expect(b.messages).toEqual([]);
    expect(a.controlIds).toEqual(['X1']);
    expect((await over(gw, 'X1')).outcome).toMatchObject({ kind: 'failed', ambiguous: true });
    await expectNothingHeld(gw);
  });

  test('F33 same-node, and the node comes back: it gets the message again', async () => {
    await using pair = await startPair(undefined, {
      retry: { onAmbiguous: 'same-node' },
      health: { type: 'none', interval: '50ms' },
    });
    const { a, b, gw, sender } = pair;
    a.script = () => a.kill();
    void sender.send(message({ controlId: 'X1' }));
    await until(() => gw.log.some(({ msg }) => msg === 'node down') || gw.held.queued === 1);
    a.script = answers.aa();
    await a.listen();
    expect(said(await sender.nextAck())).toBe('AA X1');
    expect(a.controlIds).toEqual(['X1', 'X1']);
    expect(b.messages).toEqual([]);
    await expectNothingHeld(gw);
  });

  test('F33 onUnavailable AE: told so with the sender’s control id, and the connection goes on', async () => {
    await using pair = await startPair(
      answers.inSequence(answers.close(), answers.aa()),
      {},
      { onUnavailable: 'AE' },
    );
    const { gw, sender } = pair;
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AE X1');
    expect(said(await sender.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
    await expectNothingHeld(gw);
  });

  test('F33 the sender was closed at an ambiguous message: those behind it are not sent any more', async () => {
    const hold = gate();
    await using pair = await startPair(answers.after(hold, answers.close()), {
      connections: { pipelining: 1 },
    });
    const { a, b, gw, sender } = pair;
    void sender.sendTogether(['X1', 'X2', 'X3'].map((controlId) => message({ controlId })));
    await a.received(1);
    await until(() => gw.held.bytes > 0);
    hold.open();
    await expectClosedUnanswered(sender);
    await expectNothingHeld(gw);
    expect([...a.controlIds, ...b.controlIds]).toEqual(['X1']);
    expect(gw.messages.map(({ outcome }) => outcome?.kind).sort()).toEqual([
      'abandoned',
      'abandoned',
      'failed',
    ]);
  });
});

describe('F34 no answer within timeouts.ack', () => {
  test('F34 the connection is closed, and the late ACK reaches nobody', async () => {
    const hold = gate();
    await using pair = await startPair(
      answers.inSequence(answers.after(hold), answers.aa()),
      { timeouts: { ack: '80ms' } },
      { onUnavailable: 'AE' },
    );
    const { a, gw, sender } = pair;
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AE X1');
    await gw.logged('GW_ERR_ACK_TIMEOUT');
    const [slow] = await a.connected(1);
    void sender.send(message({ controlId: 'X2' }));
    hold.open();
    expect(said(await sender.nextAck())).toBe('AA X2');
    await slow?.closed;
    expect(sender.acks.map(said)).toEqual(['AE X1', 'AA X2']);
    expect(a.messages.map(({ connection }) => connection.id)).toEqual([0, 1]);
    await expectNothingHeld(gw);
  });

  test('F34 with the same control id again: the late ACK of the first is not the second’s', async () => {
    const first = gate();
    const second = gate();
    await using pair = await startPair(
      answers.inSequence(answers.after(first), answers.after(second, answers.ar())),
      { timeouts: { ack: '80ms' } },
      { onUnavailable: 'AE' },
    );
    const { a, gw, sender } = pair;
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AE X1');
    void sender.send(message({ controlId: 'X1' }));
    await a.received(2);
    first.open();
    await until(
      () =>
        gw.log.some(({ msg }) => String(msg).includes('belongs to no message')) ||
        a.connections.all[0]?.open === false,
    );
    second.open();
    expect(said(await sender.nextAck())).toMatch(/^(AR|AE) X1$/);
    expect(sender.acks.map(said)).not.toContain('AA X1');
    await expectNothingHeld(gw);
  });

  test('F34 four pipelined behind a silent node: all ambiguous, none answered, one connection closed', async () => {
    await using pair = await startPair(answers.none(), {
      connections: { max: 1, pipelining: 4 },
      timeouts: { ack: '80ms' },
    });
    const { a, b, gw, sender } = pair;
    const ids = ['X1', 'X2', 'X3', 'X4'];
    void sender.sendTogether(ids.map((controlId) => message({ controlId })));
    await expectClosedUnanswered(sender);
    await expectNothingHeld(gw);
    expect(a.controlIds).toEqual(ids);
    expect(b.messages).toEqual([]);
    expect(gw.messages.map(ways)).toEqual([
      ['a GW_ERR_ACK_TIMEOUT'],
      ['a GW_ERR_NODE_CLOSED'],
      ['a GW_ERR_NODE_CLOSED'],
      ['a GW_ERR_NODE_CLOSED'],
    ]);
  });
});
