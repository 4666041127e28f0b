// Messages for fast-check: odd delimiters, odd names, escapes whole and broken, every separator between segments.
import fc from 'fast-check';

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
/** One character for each byte. */
export const oddMessages = fc
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
