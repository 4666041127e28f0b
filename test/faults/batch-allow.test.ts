// F122: `allow` is asked also of what FHS-3/4 and BHS-3/4 say of the sender, over MLLP and HTTP, whole and split, read on the
// event loop and by a worker: a sender that may speak for itself alone wraps nothing in somebody else's name.
import { describe, expect, it } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { post, toMllp } from '../http-hl7/room.ts';
import { one, SPLIT } from './batch-room.ts';
import { startLine } from './line.ts';

const allow = [
  { source: '127.0.0.1', 'MSH-3': 'SENDAPP', 'MSH-4': ['SENDFAC', 'NORTH'] },
  { source: '127.0.0.1', 'MSH-3': 'LAB^1.2.3^ISO' },
];

const envelope = (fhs: string, bhs: string, ...messages: readonly string[]): string =>
  `FHS|^~\\&|${fhs}|R|F\rBHS${bhs}|R|F\r${messages.join('')}BTS|1\rFTS|1\r`;
const own = 'SENDAPP|SENDFAC';

/** Long enough to be read by a worker. */
const padded = (text: string): string => `${text}NTE|1||${'x'.repeat(100_000)}\r`;

const REFUSED: readonly (readonly [string, string])[] = [
  ['FHS-3', envelope('WARD|SENDFAC', `|^~\\&|${own}`, one('M1'))],
  ['FHS-4', envelope('SENDAPP|SOUTH', `|^~\\&|${own}`, one('M1'))],
  ['FHS-4 alone', envelope('|SOUTH', `|^~\\&|${own}`, one('M1'))],
  ['BHS-3', envelope(own, '|^~\\&|WARD|SENDFAC', one('M1'))],
  ['BHS-4', envelope(own, '|^~\\&|SENDAPP|SOUTH', one('M1'))],
  ['BHS-3 in other delimiters', envelope(own, '#@~\\&#WARD#SENDFAC', one('M1'))],
  [
    'BHS-3 of a second batch',
    `${envelope(own, `|^~\\&|${own}`, one('M1')).slice(0, -6)}BHS|^~\\&|WARD\r${one('M2')}BTS|1\rFTS|1\r`,
  ],
  ['BHS-3 without a file', `BHS|^~\\&|WARD\r${one('M1')}BTS|1\r`],
  ['BHS-3 of a message that is too long to be read here', envelope(own, '|^~\\&|WARD', padded(one('M1')))],
];

const TAKEN: readonly (readonly [string, string])[] = [
  ['its own name', envelope(own, `|^~\\&|${own}`, one('M1'))],
  ['no name', envelope('|', '|^~\\&||', one('M1'))],
  ['another of its names', envelope('SENDAPP|NORTH', '|^~\\&|LAB^1.2.3^ISO|X', one('M1'))],
  ['its own name, long', envelope(own, `|^~\\&|${own}`, padded(one('M1')))],
  ['BHS within a value', `${one('M1')}NTE|1||BHS|^~\\&|WARD\r`],
];

const codeOf = (text: Buffer): string | undefined => /MSA\|(\w\w)/.exec(text.toString('latin1'))?.[1];

describe.each([
  ['whole', { batch: 'whole' }],
  ['split', SPLIT],
])('batch: %s', (_, batch) => {
  it('F122 MLLP: a batch in the name of another is refused, and no node has anything of it', async () => {
    await using line = await startLine({ listener: { ...batch, allow }, script: answers.aa() });
    for (const [what, payload] of REFUSED)
      expect([what, codeOf(await line.sender.exchange(payload))]).toEqual([what, 'AR']);
    expect(new Set(line.gw.codes)).toEqual(new Set(['GW_ERR_SENDER_NOT_ALLOWED']));
    line.nodeGot([]);
    for (const [what, payload] of TAKEN)
      expect([what, codeOf(await line.sender.exchange(payload))]).toEqual([what, 'AA']);
  });

  it('F122 HTTP: a batch in the name of another is refused, and no node has anything of it', async () => {
    await using room = await toMllp({ listener: { ...batch, allow } });
    for (const [what, payload] of REFUSED) {
      const { body } = await room.ask(post(Buffer.from(payload, 'latin1')));
      expect([what, codeOf(body)]).toEqual([what, 'AR']);
    }
    expect(room.node.controlIds).toEqual([]);
    for (const [what, payload] of TAKEN) {
      const { body } = await room.ask(post(Buffer.from(payload, 'latin1')));
      expect([what, codeOf(body)]).toEqual([what, 'AA']);
    }
  });
});

it('F122 a condition on a part of the name, and on the message, is asked of the envelope with its message', async () => {
  const rules = [{ source: '127.0.0.1', 'MSH-3.1': 'SENDAPP', 'MSH-9.1': 'ADT' }];
  await using line = await startLine({ listener: { allow: rules }, script: answers.aa() });
  const adt = message({ controlId: 'M1', type: 'ADT^A01' }).toString('latin1');
  expect(msaOf(await line.sender.exchange(`BHS|^~\\&|SENDAPP^1\r${adt}BTS|1\r`))?.code).toBe('AA');
  expect(msaOf(await line.sender.exchange(`BHS|^~\\&|OTHER^1\r${adt}BTS|1\r`))?.code).toBe('AR');
});
