// Messages that come again: answered as the first was, or sent, and never answered with what was said of another one.
import { expect, test } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { gate, until } from '../helpers/until.ts';
import { openSpoolRoom, type SpoolRoom } from './spool-room.ts';

const OFF = { spool: undefined, duplicates: {} };

const counts = ({ gw }: SpoolRoom) => gw.gateway.spools.duplicates.get('pool');

test('after a positive answer: the same bytes again, from any connection', async () => {
  await using room = await openSpoolRoom({ pool: OFF });
  const [one, other] = [await room.sender(), await room.sender()];
  const bytes = message({ controlId: 'M' });
  const first = await one.exchange(bytes);
  expect(await one.exchange(bytes)).toEqual(first);
  expect(await other.exchange(bytes)).toEqual(first);
  expect(room.node.controlIds).toEqual(['M']);
  expect(counts(room)).toEqual({ answered: 2, forwarded: 0, other_bytes: 0 });
  expect(await room.gw.gateway.metrics.text('prometheus')).toContain(
    'hl7_gateway_duplicates_total{pool="pool",result="answered"} 2',
  );
});

test('after a refusal it is sent again', async () => {
  await using room = await openSpoolRoom({
    pool: OFF,
    script: answers.inSequence(answers.ae(), answers.aa()),
  });
  const sender = await room.sender();
  const bytes = message({ controlId: 'M' });
  expect(msaOf(await sender.exchange(bytes))?.code).toBe('AE');
  expect(msaOf(await sender.exchange(bytes))?.code).toBe('AA');
  expect(msaOf(await sender.exchange(bytes))?.code).toBe('AA');
  expect(room.node.controlIds).toEqual(['M', 'M']);
});

test('while the first is under way it waits for that answer', async () => {
  const hold = gate();
  await using room = await openSpoolRoom({ pool: OFF, script: answers.after(hold) });
  const [one, other] = [await room.sender(), await room.sender()];
  const bytes = message({ controlId: 'M' });
  void one.send(bytes);
  await room.node.received(1);
  void other.sendTogether([bytes, message({ controlId: 'N' })]);
  await until(() => counts(room)?.answered === 1);
  hold.open();
  const first = await one.nextAck();
  expect(await other.nextAck()).toEqual(first);
  expect(msaOf(await other.nextAck())?.controlId).toBe('N');
  expect(room.node.controlIds).toEqual(['M', 'N']);
});

test('where the first has no answer, the one that waits is sent', async () => {
  const hold = gate();
  await using room = await openSpoolRoom({
    pool: OFF,
    script: answers.inSequence(answers.after(hold, answers.close()), answers.aa()),
  });
  const [one, other] = [await room.sender(), await room.sender()];
  const bytes = message({ controlId: 'M' });
  void one.send(bytes);
  await room.node.received(1);
  void other.send(bytes);
  await until(() => counts(room)?.answered === 1);
  hold.open();
  expect(msaOf(await one.nextAck())?.code).toBe('AE');
  expect(msaOf(await other.nextAck())).toEqual({ code: 'AA', controlId: 'M' });
  expect(room.node.controlIds).toEqual(['M', 'M']);
});

test('the same id with other bytes is another message', async () => {
  await using room = await openSpoolRoom({ pool: OFF });
  const sender = await room.sender();
  await sender.exchange(message({ controlId: 'M', type: 'ADT^A01' }));
  const second = message({ controlId: 'M', type: 'ADT^A03' });
  const answer = await sender.exchange(second);
  expect(await sender.exchange(second)).toEqual(answer);
  expect(room.node.controlIds).toEqual(['M', 'M']);
  expect(counts(room)).toEqual({ answered: 1, forwarded: 0, other_bytes: 1 });
});

test('on: forward sends it, and counts', async () => {
  await using room = await openSpoolRoom({ pool: { ...OFF, duplicates: { on: 'forward' } } });
  const sender = await room.sender();
  const bytes = message({ controlId: 'M' });
  await sender.exchange(bytes);
  await sender.exchange(bytes);
  expect(room.node.controlIds).toEqual(['M', 'M']);
  expect(counts(room)?.forwarded).toBe(1);
});

test('with a spool it is known after a restart, and what was stored is answered again', async () => {
  await using room = await openSpoolRoom({ pool: { duplicates: {} } });
  const sender = await room.sender();
  const bytes = message({ controlId: 'M' });
  const first = await sender.exchange(bytes);
  await room.node.refuse();
  room.node.closeConnections();
  await room.node.openConnections(0);
  const stored = message({ controlId: 'S' });
  const told = await sender.exchange(stored);
  expect(msaOf(told)?.code).toBe('AA');
  await room.restart();
  const again = await room.sender();
  expect(await again.exchange(bytes)).toEqual(first);
  expect(await again.exchange(stored)).toEqual(told);
  await room.node.listen();
  await until(async () => (await room.states()).join() === 'delivered');
  expect(room.node.controlIds).toEqual(['M', 'S']);
  expect(msaOf(await again.exchange(message({ controlId: 'N' })))?.code).toBe('AA');
  expect(room.node.controlIds).toEqual(['M', 'S', 'N']);
});

test('an answer is forgotten when its time is over', async () => {
  await using room = await openSpoolRoom({ pool: { ...OFF, duplicates: { window: '1ms' } } });
  const sender = await room.sender();
  const bytes = message({ controlId: 'M' });
  await sender.exchange(bytes);
  const over = Date.now() + 2;
  await until(() => Date.now() > over);
  await sender.exchange(bytes);
  expect(room.node.controlIds).toEqual(['M', 'M']);
});
