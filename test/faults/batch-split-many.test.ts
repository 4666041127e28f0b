// F24 with `batch: split`: large batches, and answers that are not asked for or come in two parts.
import { describe, expect, it } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { byId, envelopeOf, file, one, SPLIT, saidIn } from './batch-room.ts';
import { startLine } from './line.ts';

describe('F42 F43 answers that are not asked for, or come later', () => {
  const silent = (controlId: string): string =>
    message({ controlId, acceptAck: 'NE', applicationAck: 'NE' }).toString('latin1');
  const pool = { acknowledgement: 'by-header' };

  it('a message that asks for none is left out', async () => {
    await using line = await startLine({ listener: SPLIT, pool });
    const answer = await line.sender.exchange(file(one('M1'), silent('M2'), one('M3')));
    expect([saidIn(answer), envelopeOf(answer)]).toEqual([['AA M1', 'AA M3'], 'FHS BHS BTS|2 FTS|1']);
    expect(line.node.controlIds.toSorted()).toEqual(['M1', 'M2', 'M3']);
  });

  it('where none asks, there is no answer: an empty one would say that all were accepted', async () => {
    await using line = await startLine({
      listener: SPLIT,
      pool,
      script: byId({ M1: answers.none(), M2: answers.none() }),
    });
    await line.sender.send(file(silent('M1'), silent('M2')));
    await until(() => line.gw.messages.length === 3);
    expect(line.gw.messages.at(-1)?.outcome?.kind).toBe('unanswered');
    expect(line.sender.received).toHaveLength(0);
    await line.sender.exchange(one('NEXT'));
    expect(line.sender.acks).toHaveLength(1);
  });

  it('an application acknowledgement does not overtake the answer that holds its commit', async () => {
    const later = gate();
    const hold = gate();
    await using line = await startLine({
      listener: SPLIT,
      script: byId({ M1: answers.commitThen(later), M2: answers.after(hold) }),
      pool: { connections: { max: 1, pipelining: 2 } },
    });
    const enhanced = message({ controlId: 'M1', type: 'ADT^A01', acceptAck: 'AL', applicationAck: 'AL' });
    await line.sender.send(file(enhanced.toString('latin1'), one('M2')));
    await line.node.received(2);
    later.open();
    await until(() => line.node.events.filter(({ kind }) => kind === 'answer').length === 2);
    await turns(10);
    expect(line.sender.received).toHaveLength(0);
    hold.open();
    expect(saidIn(await line.sender.nextAck())).toEqual(['CA M1', 'AA M2']);
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'M1' });
  });
});

describe('F24 many', () => {
  const ids = Array.from({ length: 1_000 }, (_, i) => `M${i + 1}`);

  it.each([1, 16])('a thousand messages, in order, pipelining %d', async (pipelining) => {
    await using line = await startLine({ listener: SPLIT, pool: { connections: { max: 4, pipelining } } });
    const answer = await line.sender.exchange(file(...ids.map((id) => one(id))), 15_000);
    expect(saidIn(answer)).toEqual(ids.map((id) => `AA ${id}`));
    expect(line.node.controlIds).toEqual(ids);
    await line.goesOn();
  });

  it('a thousand that no route takes: refused in turns, without holding up another sender', async () => {
    await using line = await startLine({
      listener: SPLIT,
      routes: [{ when: { 'MSH-9.1': 'ORU' }, to: 'pool' }],
    });
    const answer = line.sender.exchange(file(...ids.map((id) => one(id))), 15_000);
    await using other = await connectSender(line.gw.port());
    await other.exchange(one('OTHER', 'ORU^R01'));
    expect(saidIn(await answer)).toEqual(ids.map((id) => `AR ${id}`));
    await line.atRest();
  });

  it('no more than a hundred are under way at once', async () => {
    const hold = gate();
    await using line = await startLine({
      listener: SPLIT,
      script: answers.after(hold),
      pool: { connections: { max: 1, pipelining: 1000 } },
    });
    await line.sender.send(file(...ids.slice(0, 250).map((id) => one(id))));
    await line.node.received(1);
    await until(() => line.gw.held.inFlight === 100);
    await turns(20);
    expect(line.gw.held.inFlight).toBe(100);
    hold.open();
    expect(saidIn(await line.sender.nextAck(15_000))).toHaveLength(250);
  });
});
