// Faults 1 to 5: frames in every shape that TCP can give them, and what lies between them.
import { expect, it } from 'vitest';
import { everySplit, frame, message, msaOf } from '../helpers/mllp.ts';
import { bytes, startLine } from './line.ts';

it('F1 a frame split at every byte is one message, also between 1C and 0D', async () => {
  await using line = await startLine();
  const sent: Buffer[] = [];
  const size = frame(message({ controlId: 'SPLIT-000' })).length;
  for (let at = 1; at < size; at++) {
    const framed = frame(message({ controlId: `SPLIT-${String(at).padStart(3, '0')}` }));
    sent.push(framed);
    await line.sender.writeSplit(framed, [at]);
    const ack = await line.sender.nextAck();
    expect(msaOf(ack)).toEqual({ code: 'AA', controlId: line.node.controlIds[at - 1] });
  }
  line.nodeGot(sent);
  line.senderGotTheAnswers();
  expect(line.gw.codes).toEqual([]);
  await line.goesOn();
});

it('F1 a frame of one byte a read is one message', async () => {
  await using line = await startLine();
  const framed = frame(message());
  await line.sender.writeSplit(framed, [...framed.keys()]);
  await line.sender.nextAck();
  line.nodeGot([framed]);
  line.senderGotTheAnswers();
  await line.goesOn();
});

it.each([1, 4])(
  'F2 frames in one read are delivered and answered in order, pipelining %d',
  async (pipelining) => {
    await using line = await startLine({ pool: { connections: { max: 1, pipelining } } });
    const ids = Array.from({ length: 40 }, (_, i) => `TOGETHER-${i}`);
    const messages = ids.map((controlId) => message({ controlId }));
    await line.sender.sendTogether(messages);
    const acks = await line.sender.nextAcks(ids.length);
    expect(acks.map((ack) => msaOf(ack)?.controlId)).toEqual(ids);
    line.nodeGot(messages.map(frame));
    line.senderGotTheAnswers();
    await line.goesOn();
  },
);

it('F2 over several connections to the node the answers are still in order', async () => {
  await using line = await startLine({
    pool: { connections: { max: 4, pipelining: 2 }, ordering: 'key', persistence: { by: ['MSH-3'] } },
  });
  const ids = Array.from({ length: 40 }, (_, i) => `APP-${i}`);
  await line.sender.sendTogether(ids.map((controlId, i) => message({ controlId, app: `APP${i % 7}` })));
  const acks = await line.sender.nextAcks(ids.length);
  expect(acks.map((ack) => msaOf(ack)?.controlId)).toEqual(ids);
  expect([...line.node.controlIds].sort()).toEqual([...ids].sort());
  await line.goesOn();
});

it('F3 of frames in one read the last, of which a part is missing, waits for the rest', async () => {
  await using line = await startLine();
  const ids = ['A', 'B', 'C'];
  const frames = ids.map((controlId) => frame(message({ controlId })));
  const all = Buffer.concat(frames);
  for (const missing of [1, 2, 3, 40, (frames[2]?.length ?? 0) - 1]) {
    const from = line.node.messages.length;
    await line.sender.write(all.subarray(0, all.length - missing));
    await line.sender.nextAcks(2);
    expect(line.node.controlIds.slice(from)).toEqual(['A', 'B']);
    expect(line.gw.held.bytes).toBe((frames[2]?.length ?? 0) - missing);
    await line.sender.write(all.subarray(all.length - missing));
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'C' });
    expect(line.node.controlIds.slice(from)).toEqual(ids);
  }
  line.senderGotTheAnswers();
  expect(line.gw.codes).toEqual([]);
  await line.goesOn();
});

const FILLERS = { NUL: '\0', CR: '\r', LF: '\n', space: ' ', 'all of them': '\r\n\0 \n\n' };

it.each(Object.entries(FILLERS))('F4 %s around frames is skipped', async (_, filler) => {
  await using line = await startLine();
  const frames = ['A', 'B', 'C'].map((controlId) => frame(message({ controlId })));
  await line.sender.write(bytes(filler.repeat(50), ...frames.flatMap((one) => [one, filler])));
  await line.sender.nextAcks(3);
  line.nodeGot(frames);
  line.senderGotTheAnswers();
  expect(line.gw.codes).toEqual([]);
  await line.goesOn();
});

it('F4 filler without end is ended: more than 64 KiB of it is no pause between two messages', async () => {
  await using line = await startLine();
  void line.sender.write(Buffer.alloc(64 * 1024 + 1, '\r'));
  await line.gw.logged('GW_ERR_FRAME_NO_START');
  line.nodeGot([]);
  expect(line.sender.received.length).toBe(0);
  await line.endedButLives();
});

it('F5 other bytes before a start block are skipped up to maxJunk, at any split', async () => {
  await using line = await startLine({ listener: { limits: { maxJunk: 64 } } });
  const framed = frame(message({ controlId: 'BEHIND' }));
  let sent = 0;
  for (const [head, tail] of everySplit(bytes('x'.repeat(64), framed.subarray(0, 8)))) {
    await line.sender.writeSplit(bytes(head, tail, framed.subarray(8)), [head.length]);
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'BEHIND' });
    sent++;
  }
  line.nodeGot(Array.from({ length: sent }, () => framed));
  line.senderGotTheAnswers();
  await line.goesOn();
});

it.each([[], [1], [64], [65], [30, 66]])(
  'F5 one byte more than maxJunk closes, split at %j',
  async (...cuts) => {
    await using line = await startLine({ listener: { limits: { maxJunk: 64 } } });
    const good = frame(message({ controlId: 'BEFORE' }));
    await line.sender.writeSplit(
      bytes(good, 'x'.repeat(65), frame(message())),
      cuts.map((at) => at + good.length),
    );
    // What came before is answered first.
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'BEFORE' });
    expect(await line.gw.logged('GW_ERR_FRAME_NO_START')).toMatchObject({ detail: 'it looks like text' });
    await line.sender.closed;
    line.nodeGot([good]);
    line.senderGotTheAnswers();
    await line.endedButLives();
  },
);

it('F5 maxJunk 0 takes no stray byte, but filler', async () => {
  await using line = await startLine({ listener: { limits: { maxJunk: 0 } } });
  await line.sender.write(bytes('\r\n', frame(message())));
  await line.sender.nextAck();
  await line.sender.write('x');
  await line.gw.logged('GW_ERR_FRAME_NO_START');
  line.senderGotTheAnswers();
  await line.endedButLives();
});
