// F84, F85: when an acknowledgement is taken for the answer to a message, by each rule and with one message out or two.
import { describe, expect, it, test } from 'vitest';
import type { AckCode } from '../../src/hl7/ack.ts';
import { alikeKey, type MatchMode, matchAnswer } from '../../src/hl7/answers.ts';
import { type Header, readHeader } from '../../src/hl7/header.ts';
import { message } from '../helpers/mllp.ts';

interface Asked {
  readonly mode?: MatchMode;
  readonly isOnlyOne?: boolean;
  readonly code?: AckCode;
  readonly isCodeLoose?: boolean;
  readonly version?: string;
}

function headerOf(controlId: string, version = '2.5'): Header {
  const text = message({ controlId: 'CONTROL-ID' }).toString('latin1');
  const [first = '', ...rest] = text.split('\r');
  const fields = first.split('|');
  fields[9] = controlId;
  fields[11] = version;
  return readHeader(Buffer.from([fields.join('|'), ...rest].join('\r'), 'latin1'));
}

function match(msh10: string, msa2: string, asked: Asked = {}): string {
  const { mode = 'lenient', isOnlyOne = true, code = 'AA', isCodeLoose, version } = asked;
  const ack = { code, controlId: msa2, ...(isCodeLoose === true && { isCodeLoose }) };
  return matchAnswer(ack, headerOf(msh10, version), mode, isOnlyOne);
}

const UUID = '0a1b2c3d-0000-4000-8000-00000000abcd';

const ALIKE: readonly (readonly [what: string, msh10: string, msa2: string])[] = [
  ['a blank behind it', 'K1', 'K1 '],
  ['blanks before it', 'K1', '  K1'],
  ['the blanks of MSH-10 left out', ' K1  ', 'K1'],
  ['an empty component more', 'K1', 'K1^'],
  ['a component more', 'K1', 'K1^HOST'],
  ['an empty repetition more', 'K1', 'K1~'],
  ['the first component', 'K1^HOST', 'K1'],
  ['the first repetition', 'K1~K2', 'K1'],
  ['the first subcomponent', 'K1&K2', 'K1'],
  ['cut to 20 characters', UUID, UUID.slice(0, 20)],
  ['cut to 20, the last a blank', `${'A'.repeat(19)} REST`, 'A'.repeat(19)],
  ['upper case', 'abc7', 'ABC7'],
  ['lower case', 'ABC7', 'abc7'],
  ['an escape sequence read', 'A\\T\\B', 'A&B'],
  ['an escape sequence made', 'A&B', 'A\\T\\B'],
  ['several at once', ' abc^HOST', 'ABC '],
];

describe('F84 alike', () => {
  it.each(ALIKE)('%s: taken where no other message is out', (_, msh10, msa2) => {
    expect(match(msh10, msa2)).toBe('alike');
    expect(match(msh10, msa2, { code: 'AE' })).toBe('alike');
  });

  it.each(ALIKE)('%s: never with two messages out, and never by `strict`', (_, msh10, msa2) => {
    for (const code of ['AA', 'AE'] as const) {
      expect(match(msh10, msa2, { isOnlyOne: false, code })).toBe('none');
      expect(match(msh10, msa2, { mode: 'strict', code })).toBe('none');
    }
  });

  it.each([
    ['another', 'K8', 'K9'],
    ['none', 'K10', ''],
    ['blanks', 'K10', '  '],
    ['a shorter one', 'K10', 'K1'],
    ['a longer one', 'K1', 'K10'],
    ['another one’s first component', 'K1^HOST', 'K2'],
    ['another component', 'K1^HOST', 'K1^OTHER'],
    ['cut to 19', UUID, UUID.slice(0, 19)],
    ['cut to 21', UUID, UUID.slice(0, 21)],
    ['a component alone', 'K1^HOST', '^HOST'],
    ['nothing but a delimiter', '^K1', '^'],
  ])('%s: not taken', (_, msh10, msa2) => {
    expect(match(msh10, msa2)).toBe('none');
    expect(match(msh10, msa2, { code: 'CA' })).toBe('none');
  });

  it.each([
    ['2.1', 'alike'],
    ['2.5.1', 'alike'],
    ['2.6', 'alike'],
    ['2.6^DEU', 'alike'],
    ['2.7', 'none'],
    ['2.9.1', 'none'],
    ['2.10', 'none'],
    ['', 'none'],
  ])('20 characters are all that MSH-10 holds in version %j: %s', (version, expected) => {
    expect(match(UUID, UUID.slice(0, 20), { version })).toBe(expected);
  });

  it('of MSA-1 too', () => {
    const loose = { isCodeLoose: true };
    expect(match('K1', 'K1', loose)).toBe('alike');
    expect(match('K1', 'K1 ', loose)).toBe('alike');
    expect(match('K1', 'K2', loose)).toBe('none');
    expect(match('K1', 'K1', { ...loose, isOnlyOne: false })).toBe('none');
    expect(match('K1', 'K1', { ...loose, mode: 'strict' })).toBe('none');
  });

  it('as it should be: taken in any mode, with any number out', () => {
    for (const mode of ['lenient', 'strict', 'position'] as const)
      for (const isOnlyOne of [true, false]) {
        expect(match('K1', 'K1', { mode, isOnlyOne })).toBe('exact');
        // Without MSH-10 there is its place alone.
        expect(match('', 'K1', { mode, isOnlyOne })).toBe('exact');
      }
  });

  test('position: whatever it names', () => {
    for (const isOnlyOne of [true, false]) {
      expect(match('K1', 'K2', { mode: 'position', isOnlyOne })).toBe('position');
      expect(match('K1', '', { mode: 'position', isOnlyOne })).toBe('position');
    }
  });

  test('ids that one MSA-2 could answer have one key', () => {
    const key = (id: string): string => alikeKey(id, headerOf('K1'));
    for (const [, msh10, msa2] of ALIKE) expect(key(msa2)).toBe(key(msh10));
    expect(key('K1')).not.toBe(key('K2'));
  });
});

describe('F85 a negative answer to nobody', () => {
  it.each(['AE', 'AR', 'CE', 'CR'] as const)('%s: of the one message that is out', (code) => {
    expect(match('K1', 'OWN-ID', { code })).toBe('refusal');
    expect(match('K1', '', { code })).toBe('refusal');
    expect(match('K1', 'OWN-ID', { code, isOnlyOne: false })).toBe('none');
    expect(match('K1', 'OWN-ID', { code, mode: 'strict' })).toBe('none');
  });

  it.each(['AA', 'CA'] as const)('%s: never', (code) => {
    expect(match('K1', 'OWN-ID', { code })).toBe('none');
  });
});
