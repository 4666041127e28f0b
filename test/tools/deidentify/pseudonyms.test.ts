// Pseudonyms by themselves: never the original, the same for the same value however it is written, by the key alone.
import { expect, test } from 'vitest';
import { Deidentifier } from '../../../src/tools/deidentify/deidentify.ts';
import { KnownValues } from '../../../src/tools/deidentify/known-values.ts';
import { shiftDate } from '../../../src/tools/deidentify/leaf.ts';
import { Pseudonyms, randomKey } from '../../../src/tools/deidentify/pseudonyms.ts';

const KEYS = Array.from({ length: 20 }, (_, i) => Buffer.alloc(32, i));

test('never the original, of initials and short numbers neither', () => {
  for (const key of KEYS) {
    const made = new Pseudonyms(key);
    for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') {
      expect(made.word(letter)).toMatch(/^[A-Z]$/);
      expect(made.word(letter)).not.toBe(letter);
    }
    for (let n = 0; n < 10; n++) expect(made.digits(String(n))).not.toBe(String(n));
    for (const id of ['AN-12', '7001', '900001']) expect(made.id(id)).not.toContain(id);
  }
  expect(new Pseudonyms(randomKey()).digits('--')).toBe('X');
});

test('identifiers keep their form, and short ones get more digits', () => {
  const made = new Pseudonyms(KEYS[1] as Buffer);
  expect(made.id('SX-77.b/12345')).toMatch(/^[A-Z]{2}-\d\d\.[a-z]\/\d{5}$/);
  expect(made.id('12')).toMatch(/^\d{8}$/);
  expect(made.id('Ärztin')).toMatch(/^[A-Z][a-z]{5}[A-Z]{2}$/);
  expect(made.digits('(555)555-0110')).toMatch(/^\(\d{3}\)\d{3}-\d{4}$/);
});

test('case, spaces and the form of accents make no other person', () => {
  const made = new Pseudonyms(KEYS[2] as Buffer);
  expect(made.word('Müller ').toUpperCase()).toBe(made.word('MU\u0308LLER'));
  expect(made.word('MÜLLER')).not.toBe(made.word('MULLER'));
});

test('no two of ten thousand people share a name, an identifier or all their dates', () => {
  const made = new Pseudonyms(KEYS[3] as Buffer);
  const people = Array.from({ length: 10_000 }, (_, i) => `P${i}`);
  expect(new Set(people.map((one) => made.word(one))).size).toBeGreaterThan(9_990);
  expect(new Set(people.map((one) => made.id(`10${one}`))).size).toBeGreaterThan(9_980);
  const days = people.map((one) => made.shiftDays(one));
  expect([Math.max(...days), Math.min(...days)]).toEqual([-7, -371]);
});

test('dates over the ends of months and years, and beyond what four digits hold', () => {
  expect(shiftDate('20240301', -1)).toBe('20240229');
  expect(shiftDate('20250101120000-0500', -1)).toBe('20241231120000-0500');
  expect(shiftDate('202501', -20)).toBe('202412');
  expect(shiftDate('00010101', -7)).toBeUndefined();
  expect(shiftDate('20251301', -7)).toBeUndefined();
  expect(shiftDate('2025-01-01', -7)).toBeUndefined();
});

test('a name is known however it was written', () => {
  const known = new KnownValues();
  known.addName('smith-jones');
  known.addId(' ab12345 ');
  expect([
    known.hasName('See SMITH'),
    known.hasName('Smithy'),
    known.hasId('xAB12345x'),
    known.hasId('AB1234'),
  ]).toEqual([true, false, true, false]);
});

test('a pseudonym writes no delimiter of its message', () => {
  const text =
    'MSH|-~\\.|A|B|C|D|2026||ADT-A01|1|P|2.5\rPID|1||AB/12345---N||A-B||||||||-NET-Internet-ada@x\r';
  const out = new Deidentifier({ key: KEYS[4] as Buffer }).deidentify(Buffer.from(text)).toString();
  const [, , , id, , , , , , , , , , phone] = out.split('\r')[1]?.split('|') ?? [];
  expect(id).toMatch(/^[A-Z]{2}\/\d{5}---N$/);
  expect(phone).toMatch(/^-NET-Internet-[a-z]+@exampleorg$/);
});
