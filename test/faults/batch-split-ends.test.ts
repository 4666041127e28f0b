// F24 with `batch: split`: batches that get no answer at all, and senders that end, drain or press on meanwhile.
import { describe, expect, it } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { frame, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { byId, file, one, SPLIT, saidIn } from './batch-room.ts';
import { startLine } from './line.ts';

describe('F24 no answer at all', () => {
  it.each([
    ['a node closes', answers.close(), {}],
    ['a node does not answer', answers.none(), { timeouts: { ack: '100ms' } }],
    // The right answer could come until the deadline (F86).
    ['a node answers another message', answers.wrongControlId(), { timeouts: { ack: '100ms' } }],
  ] as const)('where one message is ambiguous: %s', async (_, script, pool) => {
    await using line = await startLine({ listener: SPLIT, script: byId({ M2: script }), pool });
    await line.sender.sendTogether([one('BEFORE'), file(one('M1'), one('M2'), one('M3')), one('BEHIND')]);
    expect(msaOf(await line.sender.nextAck())?.controlId).toBe('BEFORE');
    expect(await line.sender.closed).toEqual({ hadError: false, code: undefined });
    expect(line.sender.acks).toHaveLength(1);
    expect(line.node.controlIds).toEqual(['BEFORE', 'M1', 'M2']);
    await line.atRest();
    const batch = line.gw.messages.find(({ parts }) => parts === 3);
    expect(batch?.outcome).toMatchObject({ kind: 'failed', ambiguous: true });
  });

  it('where no node could take one, and none that follows is sent', async () => {
    await using line = await startLine({
      listener: SPLIT,
      script: answers.all(answers.aa()),
      pool: { queue: { timeout: '120ms' }, retry: { budget: '0' } },
    });
    // After its first message the node is gone.
    line.node.script = answers.all(answers.aa(), async ({ connection }) => {
      await line.node.refuse();
      connection.close();
    });
    await line.sender.send(file(one('M1'), one('M2'), one('M3')));
    await line.sender.closed;
    expect(line.sender.received).toHaveLength(0);
    expect(line.node.controlIds).toEqual(['M1']);
    const outcomes = line.gw.messages.map(({ outcome, parts }) => [outcome?.kind, parts]);
    expect(outcomes).toEqual([
      ['answered', 0],
      ['failed', 0],
      ['abandoned', 0],
      ['failed', 3],
    ]);
    // One of its messages is with a node.
    expect(line.gw.messages.at(-1)?.outcome).toMatchObject({ ambiguous: true });
    await line.atRest();
  });

  it('with onUnavailable AE each message is answered for itself', async () => {
    await using line = await startLine({
      listener: { ...SPLIT, onUnavailable: 'AE' },
      script: byId({ M2: answers.close() }),
    });
    const answer = await line.sender.exchange(file(one('M1'), one('M2'), one('M3')));
    expect(saidIn(answer)).toEqual(['AA M1', 'AE M2', 'AA M3']);
    await line.goesOn();
  });

  it('with onRejected close, where one is not routed', async () => {
    await using line = await startLine({
      listener: { ...SPLIT, onRejected: 'close' },
      routes: [{ when: { 'MSH-10': { not: 'M1' } }, to: 'pool' }],
    });
    await line.sender.send(file(one('M1'), one('M2')));
    await line.endedButLives();
    expect(line.sender.received).toHaveLength(0);
    expect(line.node.controlIds).toEqual(['ANOTHER']);
  });

  it('F26 the sender sends all of it again, and what was taken comes a second time', async () => {
    await using line = await startLine({
      listener: SPLIT,
      script: answers.inSequence(answers.aa(), answers.close(), answers.aa()),
    });
    const batch = file(one('M1'), one('M2'), one('M3'));
    await line.sender.send(batch);
    await line.sender.closed;
    await using again = await connectSender(line.gw.port());
    expect(saidIn(await again.exchange(batch))).toEqual(['AA M1', 'AA M2', 'AA M3']);
    expect(line.node.controlIds).toEqual(['M1', 'M2', 'M1', 'M2', 'M3']);
  });

  it('where a message before it ends the connection: nothing of it is sent', async () => {
    await using line = await startLine({ listener: SPLIT, script: byId({ BEFORE: answers.close() }) });
    await line.sender.sendTogether([one('BEFORE'), file(one('M1'), one('M2'))]);
    await line.sender.closed;
    await line.atRest();
    expect(line.node.controlIds).toEqual(['BEFORE']);
    expect(line.gw.messages.map(({ outcome }) => outcome?.kind).sort()).toEqual([
      ...['abandoned', 'abandoned', 'abandoned', 'failed'],
    ]);
  });
});

describe('F24 what a sender does', () => {
  it('F80 it resets: what a node has stands, the rest it will send again', async () => {
    const hold = gate();
    await using line = await startLine({ listener: SPLIT, script: byId({ M1: answers.after(hold) }) });
    await line.sender.send(file(one('M1'), one('M2'), one('M3')));
    await line.node.received(1);
    line.sender.reset();
    await line.gw.logged('GW_ERR_SENDER_RESET');
    hold.open();
    await line.lives();
    expect(line.node.controlIds).toEqual(['M1', 'ANOTHER']);
  });

  it('F25 it has closed its side: it still gets the answer', async () => {
    await using line = await startLine({ listener: SPLIT });
    await line.sender.send(file(one('M1'), one('M2')));
    await line.sender.end();
    expect(saidIn(await line.sender.nextAck())).toEqual(['AA M1', 'AA M2']);
    await line.endedButLives();
  });

  it('F46 the gateway drains: the batch is answered, then the connection ended', async () => {
    const hold = gate();
    await using line = await startLine({ listener: SPLIT, script: byId({ M1: answers.after(hold) }) });
    await line.sender.send(file(one('M1'), one('M2'), one('M3')));
    await line.node.received(1);
    const stopped = line.gw.gateway.stop();
    await turns();
    hold.open();
    expect(saidIn(await line.sender.nextAck())).toEqual(['AA M1', 'AA M2', 'AA M3']);
    expect(await stopped).toBe(true);
    expect(await line.sender.closed).toEqual({ hadError: false, code: undefined });
  });

  it('maxPending counts its messages: more is not taken until it is answered', async () => {
    const hold = gate();
    await using line = await startLine({
      listener: { ...SPLIT, limits: { maxPending: 3 } },
      script: byId({ M1: answers.after(hold) }),
      pool: { connections: { max: 4, pipelining: 8 } },
    });
    await line.sender.sendTogether([file(one('M1'), one('M2'), one('M3')), one('BEHIND')]);
    await line.node.received(3);
    await turns(10);
    expect(line.node.controlIds).toEqual(['M1', 'M2', 'M3']);
    hold.open();
    await line.sender.nextAcks(2);
    expect(line.node.controlIds.at(-1)).toBe('BEHIND');
    await line.atRest();
  });

  it('F29 memory is counted while it is held, copies and answers too, and given back', async () => {
    const hold = gate();
    await using line = await startLine({ listener: SPLIT, script: byId({ M2: answers.after(hold) }) });
    const batch = file(one('M1'), one('M2'));
    await line.sender.send(batch);
    await line.node.received(2);
    await until(() => line.gw.messages.length === 1);
    const ack = line.gw.messages[0]?.outcome;
    const answer = ack?.kind === 'answered' ? ack.frame.length - 3 : 0;
    expect(answer).toBeGreaterThan(50);
    expect(line.gw.held.bytes).toBe(frame(batch).length + frame(one('M2')).length + answer);
    hold.open();
    await line.sender.nextAck();
    await line.atRest();
  });
});
