// Faults 9 to 15: start and end blocks where they do not belong, at every split. Nothing is ever merged or smuggled in.
import { expect, it } from 'vitest';
import { everySplit, frame, message, msaOf } from '../helpers/mllp.ts';
import { bytes, CR, END, nakOf, START, startLine } from './line.ts';

/** Short, so that a test can go through all its splits. */
const short = (controlId: string): Buffer =>
  Buffer.from(`MSH|^~\\&|A|B|C|D|20260101||ADT^A01|${controlId}|P|2.5.1\rPID|1\r`);

const cutOff = bytes(START, short('FIRST').subarray(0, -12));

it('F9 a frame cut off by the start of the next is dropped unanswered, the next is processed, at any split', async () => {
  await using line = await startLine();
  const second = frame(short('SECOND'));
  let sent = 0;
  for (const [head] of everySplit(bytes(cutOff, second))) {
    await line.sender.writeSplit(bytes(cutOff, second), [head.length]);
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'SECOND' });
    sent++;
  }
  line.nodeGot(Array.from({ length: sent }, () => second));
  line.senderGotTheAnswers();
  expect(line.gw.faults).toEqual(Array.from({ length: sent }, () => 'GW_ERR_FRAME_CUT_OFF'));
  await line.goesOn();
});

it.each([
  ['after a 1C without CR', bytes(START, short('FIRST'), END)],
  ['several times over', bytes(cutOff, cutOff, cutOff)],
  ['after another start block', bytes(START, 'MSH|^~\\&|A', START, 'x')],
  ['right after another start block', bytes(START, 'MSH|^~\\&|A', START)],
  ['within the letters of another', bytes(START, 'MSH|^~\\&|A', START, 'MS')],
])('F9 cut off %s', async (_, before) => {
  await using line = await startLine();
  const second = frame(short('SECOND'));
  await line.sender.writeSplit(bytes(before, second), [...bytes(before, second).keys()]);
  await line.sender.write(bytes(before, second));
  await line.sender.nextAcks(2);
  line.nodeGot([second, second]);
  line.senderGotTheAnswers();
  expect(new Set(line.gw.codes)).toEqual(new Set(['GW_ERR_FRAME_CUT_OFF']));
  await line.goesOn();
});

it('F10 a start block that begins no message refuses the frame, at any split', async () => {
  await using line = await startLine();
  const broken = bytes(START, short('BROKEN').subarray(0, -2), START, 'MSx\r', END, CR);
  const good = frame(short('GOOD'));
  let sent = 0;
  for (const [head] of everySplit(bytes(broken, good))) {
    await line.sender.writeSplit(bytes(broken, good), [head.length]);
    const error = 'GW_ERR_FRAME_START_BLOCK';
    expect(nakOf(await line.sender.nextAck())).toEqual({ code: 'AR', controlId: 'BROKEN', error });
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'GOOD' });
    sent++;
  }
  line.nodeGot(Array.from({ length: sent }, () => good));
  expect(line.gw.faults).toEqual(Array.from({ length: sent }, () => 'GW_ERR_FRAME_START_BLOCK'));
  await line.goesOn();
});

it.each(['AE', 'CR', 'CE'])('F10 the frame is refused with onRejected %s', async (onRejected) => {
  await using line = await startLine({ listener: { onRejected } });
  await line.sender.send(bytes(short('BROKEN'), START, 'x'));
  expect(nakOf(await line.sender.nextAck())).toMatchObject({
    code: `A${onRejected.charAt(1)}`,
    controlId: 'BROKEN',
  });
  line.nodeGot([]);
  await line.goesOn();
});

it('F10 where onRejected is close, and where there is no header, nothing behind it is taken', async () => {
  for (const [onRejected, text] of [
    ['close', short('BROKEN').toString()],
    ['AR', 'PID|1\r'],
  ] as const) {
    await using line = await startLine({ listener: { onRejected } });
    const good = frame(short('GOOD'));
    await line.sender.write(bytes(good, START, text, START, 'x', END, CR, frame(short('BEHIND'))));
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'GOOD' });
    await line.sender.closed;
    line.senderGotTheAnswers();
    line.nodeGot([good]);
    await line.endedButLives();
  }
});

const withStray = bytes(START, short('STRAY'), 'OBX|1|ED|', END, 'x', END, END, 'PID', END, '\n\r', END, CR);

it('F11 1C without CR is content by default and is forwarded as it is, at any split', async () => {
  await using line = await startLine();
  let sent = 0;
  for (const [head] of everySplit(withStray)) {
    await line.sender.writeSplit(withStray, [head.length]);
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'STRAY' });
    sent++;
  }
  line.nodeGot(Array.from({ length: sent }, () => withStray));
  expect(line.gw.codes).toEqual([]);
  await line.goesOn();
});

it('F11 strayEndByte refuse refuses it, at any split', async () => {
  await using line = await startLine({ listener: { framing: { strayEndByte: 'refuse' } } });
  let sent = 0;
  for (const [head] of everySplit(withStray)) {
    await line.sender.writeSplit(withStray, [head.length]);
    const error = 'GW_ERR_FRAME_END_BYTE';
    expect(nakOf(await line.sender.nextAck())).toEqual({ code: 'AR', controlId: 'STRAY', error });
    sent++;
  }
  line.nodeGot([]);
  expect(line.gw.codes).toEqual(Array.from({ length: sent }, () => 'GW_ERR_FRAME_END_BYTE'));
  await line.goesOn();
});

it('F11 a refused frame that is nothing but MSH is answered without its end block', async () => {
  await using line = await startLine({ listener: { framing: { strayEndByte: 'refuse' } } });
  await line.sender.send(bytes(`MSH|^~\\&|A${END.toString()}|B|C|D|20260101||ADT^A01|ONLY|P|2.4`));
  const ack = await line.sender.nextAck();
  expect(ack.toString('latin1').split('\r')[0]).toMatch(/^MSH\|\^~\\&\|C\|D\|A\\X1C\\\|B\|.*\|P\|2\.4$/);
  await line.goesOn();
});

it('F12 what follows 1C 0D within a content is judged anew: no second message is smuggled in', async () => {
  await using line = await startLine();
  const first = bytes(START, short('OUTER'), 'OBX|1|TX|||', END, CR);
  await line.sender.write(bytes(first, short('SMUGGLED'), END, CR, frame(short('NEXT'))));
  await line.sender.nextAcks(2);
  line.nodeGot([first, frame(short('NEXT'))]);
  line.senderGotTheAnswers();
  await line.goesOn();
});

it('F12 what follows without a start block ends the connection with it', async () => {
  await using line = await startLine();
  const first = bytes(START, short('OUTER'), END, CR);
  await line.sender.write(bytes(first, short('SMUGGLED'), END, CR));
  await line.sender.end();
  await line.sender.nextAck();
  const logged = await line.gw.logged('GW_ERR_FRAME_NO_START');
  expect(logged).toMatchObject({ detail: 'it looks like HL7 without MLLP framing' });
  line.nodeGot([first]);
  line.senderGotTheAnswers();
  await line.endedButLives();
});

it('F13 strict: without the final CR a frame is not whole, and is dropped', async () => {
  await using line = await startLine();
  const good = frame(short('GOOD'));
  await line.sender.write(bytes(START, short('BARE'), END, good, START, short('BARE2'), END));
  await line.sender.end();
  await line.sender.closed;
  line.nodeGot([good]);
  line.senderGotTheAnswers();
  expect(line.gw.codes).toEqual(['GW_ERR_FRAME_CUT_OFF', 'GW_ERR_FRAME_TRUNCATED']);
  await line.lives();
});

it('F13 missingCr accept: taken where nothing or a start block follows, and forwarded with its CR', async () => {
  await using line = await startLine({ listener: { framing: { missingCr: 'accept' } } });
  const bare = (id: string): Buffer => bytes(START, short(id), END);
  await line.sender.write(bytes(bare('A'), bare('B'), frame(short('C')), bare('D')));
  await line.sender.nextAcks(4);
  // A CR that comes later belongs to nothing.
  await line.sender.write(bytes(CR, bare('E')));
  await line.sender.nextAck();
  line.nodeGot(['A', 'B', 'C', 'D', 'E'].map((id) => frame(short(id))));
  line.senderGotTheAnswers();
  expect(line.gw.codes).toEqual([]);
  await line.goesOn();
});

it('F14 of two start blocks exactly one is stripped, at any split', async () => {
  await using line = await startLine();
  const good = frame(short('DOUBLE'));
  for (let at = 0; at < 8; at++) {
    await line.sender.writeSplit(bytes(START, good), [at]);
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'DOUBLE' });
  }
  line.nodeGot(Array.from({ length: 8 }, () => good));
  line.senderGotTheAnswers();
  expect(line.gw.codes).toEqual([]);
  await line.goesOn();
});

it('F14 a third one is a fault: the message behind it still stands, other bytes are refused', async () => {
  await using line = await startLine();
  const good = frame(short('THIRD'));
  await line.sender.write(bytes(START, START, good));
  await line.sender.nextAck();
  line.nodeGot([good]);
  expect(line.gw.codes).toEqual(['GW_ERR_FRAME_CUT_OFF']);
  await line.sender.write(bytes(START, START, START, 'PID|1\r', END, CR));
  await line.sender.closed;
  line.nodeGot([good]);
  line.senderGotTheAnswers();
  await line.endedButLives();
});

it('F15 an empty frame is swallowed, at any split, also with two start blocks', async () => {
  await using line = await startLine();
  const good = frame(message({ controlId: 'GOOD' }));
  for (const empty of [bytes(START, END, CR), bytes(START, START, END, CR)]) {
    await line.sender.writeSplit(empty, [...empty.keys()]);
    await line.sender.write(bytes(empty, empty, good, empty));
  }
  await line.sender.nextAcks(2);
  line.nodeGot([good, good]);
  line.senderGotTheAnswers();
  expect(line.gw.codes).toEqual([]);
  await line.goesOn();
});
