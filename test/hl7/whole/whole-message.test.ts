// Whole messages: every fixture and any odd message read as the slow reference and as readPath read them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../../src/hl7/header.ts';
import { readWholeMessage } from '../../../src/hl7/whole/whole-message.ts';
import { BOM, readFixtures } from '../../fixture-reader.ts';
import { oddMessages } from '../odd-messages.ts';
import { read } from '../split-reference.ts';
import { expectReference } from './leaves.ts';

const whole = (text: string) => readWholeMessage(readHeader(Buffer.from(text, 'latin1')));

describe('agrees with the slow reference', () => {
  it.each(readFixtures().map((fixture) => [fixture.file, fixture] as const))('%s', (_, fixture) => {
    const { bytes } = fixture;
    const plain = bytes.subarray(0, 3).equals(BOM) ? bytes.subarray(3) : bytes;
    expect(expectReference(readWholeMessage(readHeader(bytes)), plain.toString('latin1'))).toBeGreaterThan(
      50,
    );
  });

  it('on any message', { timeout: 120_000 }, () => {
    let compared = 0;
    const property = fc.property(oddMessages, (message) => {
      compared += expectReference(whole(message), message);
    });
    fc.assert(property, { numRuns: 500 });
    expect(compared).toBeGreaterThan(50_000);
  });
});

describe('agrees with readPath', () => {
  const charsets = [
    '',
    'ISO IR87',
    'BIG-5',
    'GB 18030-2000',
    'KS X 1001',
    'SHIFT_JIS',
    '8859/6',
    'UNICODE UTF-8',
  ];

  it('on any bytes, in any charset', () => {
    const property = fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
      fc.constantFrom(...charsets),
      fc.constantFrom('|^~\\&', '#!@%*', '|^'),
      (parts, charset, delimiters) => {
        const field = delimiters.charAt(0);
        const head = `MSH${[delimiters, ...Array<string>(15).fill('')].join(field)}${field}${charset}`;
        const lines = parts.map((part) => `OBX${field}${Buffer.from(part).toString('latin1')}`);
        const message = Buffer.from([head, ...lines].join('\r'), 'latin1');
        for (const { name, occurrence, fields } of readWholeMessage(readHeader(message)).segments) {
          if (!/^[A-Z][A-Z0-9]{2}$/.test(name)) continue;
          for (const [f, repetitions] of fields.entries())
            for (const [r, components] of repetitions.entries())
              for (const [c, subcomponents] of components.entries())
                for (const [s, value] of subcomponents.entries()) {
                  const path = `${name}[${occurrence}]-${f + 1}[${r + 1}].${c + 1}.${s + 1}`;
                  // A path names fields up to 999.
                  if (f >= 999) continue;
                  const wanted = read(message, path);
                  if (value !== wanted) expect({ path, value }).toEqual({ path, value: wanted });
                }
        }
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});

describe('shapes', () => {
  const fieldsOf = (line: string) => whole(`MSH|^~\\&|A\r${line}`).segments[1]?.fields;

  it.each([
    ['ZZZ', []],
    ['ZZZ|', [[[['']]]]],
    ['ZZZ|a', [[[['a']]]]],
    ['ZZZ||b', [[[['']]], [[['b']]]]],
    ['ZZZ|a~', [[[['a']], [['']]]]],
    ['ZZZ|a^b&c~d', [[[['a'], ['b', 'c']], [['d']]]]],
    ['ZZZ|a&b', [[[['a', 'b']]]]],
    ['ZZZ|&', [[[['', '']]]]],
    ['ZZZ|^', [[[[''], ['']]]]],
    ['ZZZ|~^&', [[[['']], [[''], ['', '']]]]],
    ['ZZZ|\\T\\&\\F\\', [[[['&', '|']]]]],
  ])('%s', (line, fields) => expect(fieldsOf(line)).toEqual(fields));

  it.each([
    ['MSH|', [[[['|']]], [[['']]]]],
    ['MSH|^~\\&', [[[['|']]], [[['^~\\&']]]]],
    ['MSH|^~\\&|', [[[['|']]], [[['^~\\&']]], [[['']]]]],
    ['MSH|^~\\&#|x^y', [[[['|']]], [[['^~\\&#']]], [[['x'], ['y']]]]],
  ])('%s', (line, fields) => expect(whole(line).segments[0]?.fields).toEqual(fields));

  it('a batch without messages is its own segment', () => {
    expect(whole('FHS|^~\\&|A^B\rBTS|0').segments).toEqual([
      { name: 'FHS', occurrence: 1, fields: [[[['|']]], [[['^~\\&']]], [[['A'], ['B']]]] },
      { name: 'BTS', occurrence: 1, fields: [[[['0']]]] },
    ]);
  });
});

describe('bounds', () => {
  const head = 'MSH|^~\\&|A\r';

  it.each([
    ['segments', `${head}${'Z\r'.repeat(100_000)}`],
    ['fields', `${head}OBX${'|'.repeat(1_000_002)}`],
    ['components', `${head}OBX|${'^'.repeat(1_000_001)}`],
    ['subcomponents', `${head}OBX|${'&'.repeat(600_000)}${'~'.repeat(600_000)}`],
  ])('too many %s are refused by name', (_, text) => {
    expect(() => whole(text)).toThrow(expect.objectContaining({ code: 'GW_ERR_PARSE_SIZE' }));
  });

  it('a large message of ordinary shape is read', () => {
    const result = 'OBX|1|NM|GLU^Glucose^L||5.4|mmol/L|3.9-5.8|N|||F|||20261122080000\r';
    const { segments } = whole(head + result.repeat(15_000));
    expect(segments).toHaveLength(15_001);
    expect(segments.at(-1)?.fields[2]).toEqual([[['GLU'], ['Glucose'], ['L']]]);
  });
});
