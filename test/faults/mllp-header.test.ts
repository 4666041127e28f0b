// Faults 20 to 24: a first segment that is no header, one that lacks something, and several of them in one frame.
import { expect, it } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { frame, message, msaOf } from '../helpers/mllp.ts';
import { gate } from '../helpers/until.ts';
import { bytes, nakOf, startLine } from './line.ts';

const HEADLESS = [
  'PID|1\rMSH|^~\\&|A',
  'hello',
  'M',
  'MSH',
  'msh|^~\\&|A',
  'MSHX',
  '\r\r',
  ' MSH|^~\\&|A',
  'FHS',
  '{"MSH":1}',
  '\0\0\0',
  '\xef\xbb\xbf',
  '\xff\xfe',
];

it.each(HEADLESS)('F20 a frame of %j has no header to answer: closed, never forwarded', async (payload) => {
  await using line = await startLine();
  await line.sender.send(bytes(payload));
  await line.sender.closed;
  expect(line.sender.received.length).toBe(0);
  expect(line.gw.codes).toHaveLength(1);
  expect(line.gw.codes[0]).toMatch(/^GW_ERR_HEADER_(MSH|DELIMITERS)$/);
  line.nodeGot([]);
  await line.endedButLives();
});

it.each([1, 4])(
  'F20 what came before is answered, what comes behind is not taken, pipelining %d',
  async (pipelining) => {
    const hold = gate();
    await using line = await startLine({
      script: answers.after(hold),
      pool: { connections: { max: 1, pipelining } },
    });
    const good = ['A', 'B'].map((controlId) => message({ controlId }));
    await line.sender.sendTogether([...good, bytes('PID|1\r'), message({ controlId: 'BEHIND' })]);
    await line.gw.logged('GW_ERR_HEADER_MSH');
    // In a read of its own, too: its answer could never be sent, so its sender would send it again.
    await line.sender.send(message({ controlId: 'LATER' }));
    hold.open();
    expect((await line.sender.nextAcks(2)).map((ack) => msaOf(ack)?.controlId)).toEqual(['A', 'B']);
    await line.sender.closed;
    expect(line.sender.acks).toHaveLength(2);
    line.nodeGot(good.map(frame));
    await line.endedButLives();
  },
);

const WITHOUT_ID = 'MSH|^~\\&|A|B|C|D|20260101||ADT^A01||P|2.5.1\rPID|1\r';

it.each([WITHOUT_ID, 'MSH|^~\\&|A|B|C|D|20260101||ADT^A01', 'MSH|^~\\&'])(
  'F21 without MSH-10 (%j) a message is refused with an empty MSA-2',
  async (text) => {
    await using line = await startLine();
    await line.sender.send(text);
    const error = 'GW_ERR_HEADER_CONTROL_ID';
    const ack = await line.sender.nextAck();
    // Without MSH-12 the answer is of v2.5, which has ERR-7 as well.
    expect(nakOf(ack)).toEqual({ code: 'AR', controlId: '', error });
    expect(ack.toString()).toContain('ERR||MSH^1^10|101^Required field missing^HL70357|E');
    expect(line.gw.codes).toEqual([error]);
    line.nodeGot([]);
    await line.goesOn();
  },
);

it.each(['AE', 'CE', 'CR', 'close'])('F21 refused with onRejected %s', async (onRejected) => {
  await using line = await startLine({ listener: { onRejected } });
  await line.sender.send(WITHOUT_ID);
  if (onRejected === 'close') {
    await line.endedButLives();
    expect(line.sender.received.length).toBe(0);
  } else {
    const code = `A${onRejected.charAt(1)}`;
    expect(nakOf(await line.sender.nextAck())).toMatchObject({ code, controlId: '' });
    await line.goesOn();
  }
});

it.each([answers.aa(), answers.aa({ controlId: '' }), answers.ae({ controlId: 'ANY' })])(
  'F21 missingControlId forward takes what the node answers (%#)',
  async (script) => {
    await using line = await startLine({ script, listener: { missingControlId: 'forward' } });
    const ack = await line.sender.exchange(WITHOUT_ID);
    line.nodeGot([frame(WITHOUT_ID)]);
    expect(['AA', 'AE']).toContain(msaOf(ack)?.code);
    expect(line.gw.codes).toEqual([]);
    await line.atRest();
  },
);

it('F22 a header without an end: the answer holds nothing but its own segments', async () => {
  await using line = await startLine({ routes: [{ when: { 'MSH-9.1': 'NONE' }, to: 'pool' }] });
  for (const text of [
    'MSH|^~\\&|A|B|C|D|20260101||ADT^A01|X1|P|2.5.1',
    'MSH|^~\\&|A|B|C|D|20260101||ADT^A01|X1',
  ]) {
    const ack = await line.sender.exchange(text);
    const segments = ack.toString('latin1').split('\r');
    expect(segments.map((segment) => segment.slice(0, 4))).toEqual(['MSH|', 'MSA|', 'ERR|', '']);
    // F92: P and a version where the message has none.
    expect(segments[0]).toMatch(text.endsWith('2.5.1') ? /\|P\|2\.5\.1$/ : /\|GW[0-9A-Z]+\|P\|2\.5$/);
    expect(msaOf(ack)).toEqual({ code: 'AR', controlId: 'X1' });
  }
  line.nodeGot([]);
  await line.atRest();
});

it('F22 a header without an end is routed as any other', async () => {
  await using line = await startLine({ routes: [{ when: { 'MSH-12': '2.5.1' }, to: 'pool' }] });
  const framed = frame('MSH|^~\\&|A|B|C|D|20260101||ADT^A01|X1|P|2.5.1');
  await line.sender.write(framed);
  expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'X1' });
  line.nodeGot([framed]);
  line.senderGotTheAnswers();
});

const EVIL = `a\x00b\x01c\x1bd\x1ce\x07f\x7fg&h~i"j\\k`;

it('F23 control bytes in MSH-3 to MSH-10 are escaped in an answer and in the log, and forwarded as they are', async () => {
  await using line = await startLine({
    routes: [
      { when: { 'MSH-5': 'NONE' }, reject: { text: 'no' } },
      { when: { 'MSH-11': 'P' }, to: 'pool' },
    ],
  });
  const evil = (processing: string): string =>
    `MSH|^~\\&|${EVIL}|${EVIL}|${EVIL}|${EVIL}|${EVIL}|${EVIL}|${EVIL}^${EVIL}|${EVIL}|${processing}|2.5.1\r`;
  await line.sender.send(bytes(evil('T')));
  const nak = (await line.sender.nextAck()).toString('latin1');
  expect(nak).not.toMatch(/[\x00-\x0c\x0e-\x1f\x7f]/);
  const escaped = 'a\\X00\\b\\X01\\c\\X1B\\d\\X1C\\e\\X07\\f\\X7F\\g&h~i"j\\k';
  const [msh = '', msa = '', err = ''] = nak.split('\r');
  expect(msh.split('|').slice(2, 6)).toEqual([escaped, escaped, escaped, escaped]);
  expect(msa.split('|').slice(1, 3)).toEqual(['AR', escaped]);
  expect(err).toContain('GW_ERR_ROUTE_NONE');
  await line.sender.send(bytes(evil('P')));
  await line.gw.logged('GW_ERR_ROUTE_NONE');
  await line.node.received(1);
  line.nodeGot([frame(bytes(evil('P')))]);
  await line.sender.nextAck();
  await line.atRest();
  // As the log's reader sees it: JSON's own escapes undone.
  for (const entry of line.gw.log) {
    for (const value of Object.values(entry)) expect(String(value)).not.toMatch(/[\x00-\x1f\x7f-\xff]/);
  }
});

const ONE = 'MSH|^~\\&|A|B|C|D|20260101||ADT^A01|ONE|P|2.5.1\rPID|1\r';
const TWO = 'MSH|^~\\&|A|B|C|D|20260101||ORU^R01|TWO|P|2.5.1\rPID|2\r';
const BATCHES = [
  ['several MSH', `${ONE}${TWO}`],
  ['several MSH behind LF', `${ONE}${TWO}`.replaceAll('\r', '\n')],
  ['a batch', `BHS|^~\\&|A\r${ONE}${TWO}BTS|2\r`],
  ['a file', `FHS|^~\\&|A\rBHS|^~\\&|A\r${ONE}${TWO}BTS|2\rFTS|1\r`],
] as const;

it.each(BATCHES)('F24 %s in one frame is one unit, routed by the first header', async (_, text) => {
  await using line = await startLine({ routes: [{ when: { 'MSH-9.1': 'ADT' }, to: 'pool' }] });
  await line.sender.send(text);
  await line.sender.nextAck();
  line.nodeGot([frame(text)]);
  line.senderGotTheAnswers();
  expect(line.gw.codes).toEqual([]);
  await line.goesOn();
});

it.each(BATCHES)('F24 %s is refused where batch is refuse, under the first MSH-10', async (_, text) => {
  await using line = await startLine({ listener: { batch: 'refuse' } });
  const error = 'GW_ERR_HEADER_BATCH';
  expect(nakOf(await line.sender.exchange(text))).toEqual({ code: 'AR', controlId: 'ONE', error });
  line.nodeGot([]);
  expect(line.gw.codes).toEqual([error]);
  await line.goesOn();
});

it('F24 MSH within a field is no second message', async () => {
  await using line = await startLine({ listener: { batch: 'refuse' } });
  const framed = frame(`${ONE}NTE|1||MSH|^~\\&\\.br\\MSH|\r`);
  await line.sender.write(framed);
  await line.sender.nextAck();
  line.nodeGot([framed]);
  line.senderGotTheAnswers();
});
