// Any path of any message: agrees with a slow reference, never throws.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, reference } from './split-reference.ts';

const DELIMITERS = [
  '|^~\\&',
  '|^~\\&#',
  '#!@%*',
  '@~&#\\',
  '|~^\\&',
  '|&^\\~',
  '|^^\\&',
  '|^~',
  '|^',
  '|',
  '$*~/!',
];

const binary = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** These stand for the message's own field, component, repetition, escape and subcomponent character. */
const [F, C, R, E, S] = ['\x01', '\x02', '\x03', '\x04', '\x05'] as const;
const CODES = [
  'F',
  'S',
  'T',
  'R',
  'E',
  'P',
  'H',
  'N',
  'X41cAa9',
  'XE9',
  'X',
  'Xa',
  '.br',
  '.sp',
  'Zq',
  `a${C}b`,
];
const piece = fc.constantFrom(
  ...[F, F, F, C, C, R, R, S, S, E, 'a', 'b', 'PID', '^', '~', '&', '#', 'x'.repeat(80)],
  ...CODES.map((code) => E + code + E),
  ...[binary('é'), binary('山'), '\xe9'],
);
const content = fc
  .array(piece, { minLength: 2, maxLength: 24, size: 'max' })
  .map((pieces) => pieces.join(''));
const messages = fc
  .record({
    delimiters: fc.constantFrom(...DELIMITERS),
    separator: fc.constantFrom('\r', '\n', '\r\n'),
    header: fc.array(content, { maxLength: 4 }),
    charset: fc.constantFrom(undefined, 'UNICODE UTF-8', '8859/7'),
    segments: fc.array(
      fc.tuple(fc.constantFrom('PID', 'PID', 'OBX', 'OBX', 'FHS', 'MSH', 'PI', ''), content),
      { minLength: 3, maxLength: 10, size: 'max' },
    ),
  })
  .map(({ delimiters, separator, header, charset, segments }) => {
    const field = delimiters.charAt(0);
    const own = (text: string): string =>
      text.replaceAll(/[\x01-\x05]/g, (stand) => delimiters.charAt(stand.charCodeAt(0) - 1));
    const clean = header.map((text) => own(text).replaceAll(field, ''));
    const fields =
      charset === undefined ? clean : [...clean, ...Array<string>(15 - clean.length).fill(''), charset];
    // A header that is nothing but `MSH|` has no MSH-2 to end.
    const first = `${['MSH', delimiters.slice(1), ...fields].join(field)}${field}`;
    const lines = segments.map(([name, text]) => (text === '' ? name : name + field + own(text)));
    return [first, ...lines].join(separator);
  });
const index = fc.constantFrom(undefined, undefined, undefined, 1, 2, 3);
const paths = fc
  .record({
    segment: fc.constantFrom('MSH', 'PID', 'PID', 'OBX', 'FHS'),
    occurrence: index,
    field: fc.constantFrom(1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 18, 19),
    repetition: index,
    component: index,
    subcomponent: index,
  })
  .map((p) => {
    const bracket = (n: number | undefined): string => (n === undefined ? '' : `[${n}]`);
    const deep =
      p.component === undefined
        ? ''
        : `.${p.component}${p.subcomponent === undefined ? '' : `.${p.subcomponent}`}`;
    return `${p.segment}${bracket(p.occurrence)}-${p.field}${bracket(p.repetition)}${deep}`;
  });

describe('any message', () => {
  it('reads as the slow reference reads it', () => {
    let present = 0;
    const property = fc.property(messages, paths, (message, path) => {
      const value = read(Buffer.from(message, 'latin1'), path);
      if (value !== undefined) present++;
      expect(value).toBe(reference(message, path));
    });
    fc.assert(property, { numRuns: 10_000 });
    // That the two agree must not be because neither finds anything.
    expect(present).toBeGreaterThan(1_000);
  });

  it('throws for no bytes behind a header', () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('', '8859/1', 'ISO IR87', 'BIG-5', 'GB 18030-2000'),
      paths,
      (bytes, charset, path) => {
        const message = Buffer.concat([Buffer.from(`MSH|^~\\&|A|||||||||||||||${charset}\rPID|`), bytes]);
        expect(() => read(message, path)).not.toThrow();
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });
});
