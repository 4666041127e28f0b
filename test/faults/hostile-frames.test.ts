// F123: frames that are made to cost memory, where they are split or validated: the thread that reads them needs a small
// multiple of them, and other messages go on.
import { describe, expect, it } from 'vitest';
import type { ParseTask } from '../../src/hl7/parse-tasks/table.ts';
import { performWithin } from './small-worker.ts';

const MIB = 1024 * 1024;
const HEAD = 'MSH|^~\\&|A|F|B|F|20240102030405||ORU^R01|1|P|2.5\r';
/** Reads nothing but their header: enough for a thread without any work. */
const IDLE_HEAP_MB = 24;
const LONG = { timeout: 240_000 } as const;

function shared(text: string): { memory: SharedArrayBuffer; offset: number; length: number } {
  const memory = new SharedArrayBuffer(text.length);
  Buffer.from(memory).write(text, 'latin1');
  return { memory, offset: 0, length: text.length };
}

function split(text: string): ParseTask {
  return { kind: 'split', input: { payload: shared(text), charset: undefined, maxMessages: 1000 } };
}

function validate(text: string): ParseTask {
  const rules = { segments: ['PID'], fields: [], tables: [], lengths: [] };
  return { kind: 'validate', input: { payload: shared(text), charset: undefined, rules } };
}

const times = (text: string, bytes: number): string => text.repeat(Math.ceil(bytes / text.length));

describe('F123 batch: split', LONG, () => {
  it.each([
    ['MSH and nothing more', HEAD + times('MSH|\r', 15 * MIB), 'more than limits.maxBatch messages'],
    ['whole headers', times(HEAD, 15 * MIB), 'more than limits.maxBatch messages'],
    [
      'envelopes without messages',
      HEAD + times('BTS\rBHS|^~\\&\r', 15 * MIB) + HEAD,
      'more envelopes than messages',
    ],
    ['trailers', HEAD + times('BTS|0\r', 15 * MIB) + HEAD, 'more envelopes than messages'],
    ['MSH in one line', times('MSH|', 15 * MIB), 'GW_ERR_HEADER_DELIMITERS'],
  ])('15 MiB of %s', async (_, text, why) => {
    const output = await performWithin(IDLE_HEAP_MB, split(text));
    expect(JSON.stringify(output)).toContain(why);
  });
});

describe('F123 validate', LONG, () => {
  it.each([
    ['results', HEAD + times('OBX|1|NM|GLU^Glucose^L||5.4|mmol/L|3.9-5.8|N|||F\r', MIB), 'missing'],
    ['empty fields', `${HEAD}OBX|${'|'.repeat(MIB - 100_000)}\r`, 'missing'],
    ['short segments', HEAD + times('OBX|\r', MIB / 4), 'missing'],
    ['more segments than are read', HEAD + times('OBX|\r', MIB), 'GW_ERR_PARSE_SIZE'],
  ])('2 messages of 1 MiB of %s in one frame', async (_, message, why) => {
    const output = await performWithin(IDLE_HEAP_MB + 96, validate(message.repeat(2)));
    expect(JSON.stringify(output)).toContain(why);
  });
});

it(
  'F123 a frame with the headers of very many different senders is refused where each is to be allowed',
  LONG,
  async () => {
    const senders = Array.from({ length: 200_000 }, (_, i) => `MSH|^~\\&|S${i}|F|B|F|||ADT|1|P|2\r`).join('');
    const question = { path: 'MSH-3', keep: undefined, regexes: [] };
    const asked = { id: 123_000, ofRouting: [question], ofEach: [question], further: true };
    const output = await performWithin(64, {
      kind: 'fields',
      input: { payload: shared(senders), charset: undefined, asked },
    });
    expect(output).toMatchObject({ refusal: 'GW_ERR_PARSE_SIZE' });
  },
);
