// A route's rules: what breaks them, and where; nothing of a message's content in what is said.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FieldPath, parseFieldPath } from '../../../src/hl7/field-path.ts';
import { readHeader } from '../../../src/hl7/header.ts';
import { invalidPlaces, requireValid, type ValidationRules } from '../../../src/hl7/whole/validation.ts';

const path = (text: string): FieldPath => {
  const parsed = parseFieldPath(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

interface Written {
  readonly segments?: readonly string[];
  readonly fields?: readonly string[];
  readonly tables?: Readonly<Record<string, readonly string[]>>;
  readonly lengths?: Readonly<Record<string, readonly [min: number, max: number]>>;
}

const rules = ({ segments = [], fields = [], tables = {}, lengths = {} }: Written): ValidationRules => ({
  segments,
  fields: fields.map(path),
  tables: Object.entries(tables).map(([text, values]) => ({ path: path(text), values })),
  lengths: Object.entries(lengths).map(([text, [min, max]]) => ({ path: path(text), min, max })),
});

/** Each place as `101 PID[2]-3[1].4.1`. */
function wrong(message: string | Buffer, written: Written): string[] {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  return invalidPlaces(readHeader(bytes), rules(written)).map((place) => {
    const { condition, segment, sequence, field, repetition, component, subcomponent } = place;
    const parts = [component, subcomponent].filter((part) => part !== undefined).map((part) => `.${part}`);
    const at = field === undefined ? '' : `-${field}${repetition === undefined ? '' : `[${repetition}]`}`;
    return `${condition} ${segment}[${sequence}]${at}${parts.join('')}`;
  });
}

const ADT = 'MSH|^~\\&|A|B|||||ADT^A01|1|P|2.5.1\rPID|1||11^^^H&1&ISO~^^^S||DOE^JO||""|X\rPV1|1|I\r';
const ORU = 'MSH|^~\\&|A|B|||||ORU^R01|1|P|2.5.1\rOBX|1|NM|A||5|\rOBX|2||B||6\rOBX|3|TX|||\r';

describe('segments', () => {
  it.each<[string, string[], string[]]>([
    ['all there', ['PID', 'PV1', 'MSH'], []],
    ['one missing', ['PID', 'OBX'], ['100 OBX[1]']],
    ['several', ['EVN', 'OBX'], ['100 EVN[1]', '100 OBX[1]']],
    ['a name that only begins so', ['PI0'], ['100 PI0[1]']],
  ])('%s', (_, segments, expected) => expect(wrong(ADT, { segments })).toEqual(expected));

  it('one that is its name and nothing more is there', () => {
    expect(wrong('MSH|^~\\&|A\rZPI', { segments: ['ZPI'] })).toEqual([]);
  });
});

describe('fields', () => {
  it.each<[string, string, string[], string[]]>([
    ['has a value', ADT, ['PID-3', 'PID-5.2', 'MSH-10', 'MSH-1', 'MSH-2'], []],
    ['is empty', ADT, ['PID-4', 'PID-5.3'], ['101 PID[1]-4', '101 PID[1]-5[1].3']],
    ['is behind the last', ADT, ['PID-30', 'PV1-44.1'], ['101 PID[1]-30', '101 PV1[1]-44[1].1']],
    ['is the explicit null', ADT, ['PID-7'], []],
    ['is there in one repetition of several', ADT, ['PID-3.1', 'PID-3.4.1'], []],
    [
      'is not there in the repetition named',
      ADT,
      ['PID-3[2].1', 'PID-3[2].4.2', 'PID-3[3]'],
      ['101 PID[1]-3[2].1', '101 PID[1]-3[2].4.2', '101 PID[1]-3[3]'],
    ],
    ['is asked for in each segment of its name', ORU, ['OBX-2', 'OBX-5'], ['101 OBX[2]-2', '101 OBX[3]-5']],
    ['is asked for in the segment named', ORU, ['OBX[3]-2', 'OBX[2]-2'], ['101 OBX[2]-2']],
    ['has no segment to be in', ADT, ['OBX-5', 'PV1[2]-2'], []],
    [
      'holds nothing but separators',
      'MSH|^~\\&|A\rPID|^&~^',
      ['PID-1', 'PID-1.1', 'PID-1.1.1'],
      ['101 PID[1]-1', '101 PID[1]-1[1].1', '101 PID[1]-1[1].1.1'],
    ],
    ['holds an escaped separator', 'MSH|^~\\&|A\rPID|\\S\\', ['PID-1', 'PID-1.1', 'PID-1.1.1'], []],
  ])('%s', (_, message, fields, expected) => expect(wrong(message, { fields })).toEqual(expected));
});

describe('tables', () => {
  it.each<[string, string, Record<string, string[]>, string[]]>([
    ['one of them', ADT, { 'PID-8': ['F', 'X'], 'PV1-2': ['I'], 'MSH-9.1': ['ADT'] }, []],
    [
      'none of them',
      ADT,
      { 'PID-8': ['F', 'M'], 'MSH-9.2': ['A02'] },
      ['103 PID[1]-8[1]', '103 MSH[1]-9[1].2'],
    ],
    ['letter case counts', ADT, { 'PID-8': ['x'] }, ['103 PID[1]-8[1]']],
    [
      'an empty one, one that is not there, and the null',
      ADT,
      { 'PID-4': ['F'], 'PID-33': ['F'], 'PID-7': ['F'], 'ZZZ-1': ['F'] },
      [],
    ],
    ['each repetition', ADT, { 'PID-3.4.1': ['H'] }, ['103 PID[1]-3[2].4.1']],
    ['the repetition named', ADT, { 'PID-3[1].4.1': ['H'] }, []],
    ['each segment', ORU, { 'OBX-2': ['NM'] }, ['103 OBX[3]-2[1]']],
    ['the segment named', ORU, { 'OBX[1]-2': ['TX'], 'OBX[2]-2': ['TX'] }, ['103 OBX[1]-2[1]']],
    ['as a person reads it', 'MSH#!@%*#A\rPID#%F%!b', { 'PID-1': ['#^b'] }, []],
  ])('%s', (_, message, tables, expected) => expect(wrong(message, { tables })).toEqual(expected));
});

describe('lengths', () => {
  it.each<[string, string, Record<string, [number, number]>, string[]]>([
    ['within', ADT, { 'PID-5.1': [3, 3], 'MSH-10': [1, 20] }, []],
    ['too long', ADT, { 'PID-5.1': [0, 2] }, ['104 PID[1]-5[1].1']],
    ['too short', ADT, { 'PID-5.1': [4, 9] }, ['102 PID[1]-5[1].1']],
    ['the whole of a repetition', ADT, { 'PID-5': [0, 5] }, ['104 PID[1]-5[1]']],
    ['empty and null have none', ADT, { 'PID-4': [1, 1], 'PID-7': [9, 9] }, []],
    [
      'characters are counted, not bytes and not halves',
      'MSH|^~\\&|A\rPID|Größe山😀',
      { 'PID-1': [7, 7] },
      [],
    ],
    ['escapes count as what they say', 'MSH|^~\\&|A\rPID|a\\T\\b', { 'PID-1': [3, 3] }, []],
  ])('%s', (_, message, lengths, expected) => expect(wrong(message, { lengths })).toEqual(expected));
});

describe('a frame of several messages', () => {
  const one = (id: string, sex: string) => `MSH|^~\\&|A||||||||${id}\rPID|1||||||||${sex}\rPID|2\r`;

  it('each must be valid; places count over the whole', () => {
    const written = { segments: ['PID'], tables: { 'PID-9': ['F'] } };
    expect(wrong(one('1', 'F') + one('2', 'F'), written)).toEqual([]);
    expect(wrong(one('1', 'F') + one('2', 'X'), written)).toEqual(['103 PID[3]-9[1]']);
    expect(wrong(`FHS|^~\\&|\rBHS|^~\\&|\r${one('1', 'F')}MSH|^~\\&|\rBTS|2\r`, written)).toEqual([
      '100 PID[3]',
    ]);
  });

  it('each has its own delimiters', () => {
    const other = 'MSH#!@%*#A\rPID#1#X!Y\r';
    expect(wrong(one('1', 'F') + other, { fields: ['PID-2.2'] })).toEqual([
      '101 PID[1]-2[1].2',
      '101 PID[2]-2[1].2',
    ]);
  });

  it('FHS and BHS without a message are of none', () => {
    expect(wrong('FHS|^~\\&|A\rBHS|^~\\&|A\rBTS|0\r', { segments: ['PID'], fields: ['FHS-4'] })).toEqual([]);
  });
});

describe('bounds', () => {
  it('no more than 50 places are told', () => {
    const message = `MSH|^~\\&|A\r${'OBX|1||\r'.repeat(1_000)}`;
    const places = wrong(message, { fields: ['OBX-3'], segments: ['PID'] });
    expect(places).toHaveLength(50);
    expect(places.slice(0, 3)).toEqual(['100 PID[1]', '101 OBX[1]-3', '101 OBX[2]-3']);
  });

  it('what is thrown is named, holds the places, and nothing of the message', () => {
    const written = {
      segments: ['ZZZ'],
      fields: ['PID-4'],
      tables: { 'PID-5.1': ['X'] },
      lengths: { 'PID-5.2': [5, 5], 'PID-3.1': [0, 1] },
    } as const;
    let thrown: unknown;
    try {
      requireValid(
        readHeader(Buffer.from(ADT.replace('DOE^JO', 'SECRET^NAME').replace('11^', 'SECRETID^'))),
        rules(written),
      );
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'GW_ERR_ROUTE_INVALID', places: { length: 5 } });
    expect(JSON.stringify(thrown) + String(thrown)).not.toMatch(/SECRET|NAME/);
    expect(() => requireValid(readHeader(Buffer.from(ADT)), rules({ segments: ['PID'] }))).not.toThrow();
  });

  it('whatever the message holds, places are of the rules alone', () => {
    const texts = [
      'a required segment is missing',
      'a required field is empty',
      'a value is not in its table',
      'a value has more than 3 characters',
      'a value has less than 2 characters',
    ];
    const all = rules({
      segments: ['PV1'],
      fields: ['PID-1', 'PID-2.2'],
      tables: { 'PID-3': ['A', 'B'] },
      lengths: { 'PID-4.1': [2, 3] },
    });
    const property = fc.property(fc.array(fc.string({ maxLength: 30 }), { maxLength: 4 }), (lines) => {
      const text = ['MSH|^~\\&|A', ...lines.map((line) => `PID|${line.replaceAll(/[\r\n]/g, '')}`)].join(
        '\r',
      );
      for (const { segment, text: words, sequence } of invalidPlaces(readHeader(Buffer.from(text)), all)) {
        expect(['PID', 'PV1']).toContain(segment);
        expect(texts).toContain(words);
        expect(sequence).toBeLessThanOrEqual(Math.max(1, lines.length));
      }
    });
    fc.assert(property, { numRuns: 1_000 });
  });
});
