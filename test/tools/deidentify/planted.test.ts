// Identifiers planted at random, in any field, part, repetition, charset and escape: none is left, and the structure stays.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deidentifier } from '../../../src/tools/deidentify/deidentify.ts';
import { knownSegments } from '../../../src/tools/deidentify/tables/field-rules.ts';
import { shapeOf, valuesOf } from './structure.ts';

const letters = (chars: string, min: number, max: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...chars), minLength: min, maxLength: max });
// Consonants that no pseudonym has, so that none is one by chance.
const family = letters('QWXYCHJ', 5, 9);
const accented = letters('ÄÖÜØÉÑ', 4, 8);
const cased = (word: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(word, fc.boolean()).map(([text, lower]) => (lower ? text.toLowerCase() : text));
const id = fc.integer({ min: 10_000_000, max: 999_999_999 }).map(String);

interface Person {
  readonly family: string;
  readonly given: string;
  readonly id: string;
  readonly phone: string;
}
const person: fc.Arbitrary<Person> = fc.record({
  family: fc.oneof(family, accented),
  given: family,
  id,
  phone: id,
});

interface Plant {
  readonly segment: string;
  readonly field: number;
  readonly what: keyof Person;
  readonly written: 'plain' | 'lower' | 'hex' | 'partly hex' | 'in text';
  readonly place: 'field' | 'component' | 'subcomponent' | 'repetition';
  readonly valueType: string;
}
/** A header's fields say where a message goes, and stay; so do the ids that answers are matched by. */
const STAYS = new Set([
  'MSH',
  'FHS',
  'BHS',
  'MSA-1',
  'MSA-2',
  'MFE-2',
  'MFA-2',
  'QAK-1',
  'QPD-2',
  'QID-1',
  'QRD-4',
  'SFT-6',
]);
const SEGMENTS = [
  ...knownSegments().filter((name) => !STAYS.has(name) && !/^[BF]TS$/.test(name)),
  'ZZZ',
  'QQQ',
];
const plant: fc.Arbitrary<Plant> = fc.record({
  segment: fc.constantFrom(...SEGMENTS),
  field: fc.integer({ min: 1, max: 50 }),
  what: fc.constantFrom('family', 'given', 'id', 'phone'),
  written: fc.constantFrom('plain', 'lower', 'hex', 'partly hex', 'in text'),
  place: fc.constantFrom('field', 'component', 'subcomponent', 'repetition'),
  valueType: fc.constantFrom('ST', 'TX', 'CE', 'NM', 'XPN', 'CX', 'ED', 'RP', 'SN', 'ZZ', ''),
});

const CHARSETS = [
  ['', 'utf8'],
  ['UNICODE UTF-8', 'utf8'],
  ['8859/1', 'latin1'],
] as const;
const DELIMITERS = ['|^~\\&', '|@~\\&', '#!@%*', '^~|\\&'] as const;

function written(value: string, how: Plant['written'], encoding: 'utf8' | 'latin1'): string {
  const hex = (text: string): string => `\\X${Buffer.from(text, encoding).toString('hex').toUpperCase()}\\`;
  switch (how) {
    case 'plain':
      return value;
    case 'lower':
      return value.toLowerCase();
    case 'hex':
      return hex(value);
    case 'partly hex':
      return value.slice(0, 2) + hex(value.slice(2, 3)) + value.slice(3);
    case 'in text':
      return `See ${value}, today`;
  }
}

function placed(value: string, { place, segment, field, valueType }: Plant): string {
  const parts = {
    field: value,
    component: `A^^${value}`,
    subcomponent: `A^B&${value}`,
    repetition: `A~B~${value}`,
  };
  const before =
    segment === 'OBX' && field > 2 ? `1|${valueType}|${'|'.repeat(field - 3)}` : '|'.repeat(field - 1);
  return `${segment}|${before}${parts[place]}`;
}

test('whatever is planted where, it is gone, and the structure is not', () => {
  fc.assert(
    fc.property(
      person,
      fc.array(plant, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(...CHARSETS),
      fc.constantFrom(...DELIMITERS),
      cased(family),
      (who, plants, [declared, encoding], delimiters, second) => {
        const kept = plants.filter(({ segment, field }) => !STAYS.has(`${segment}-${field}`));
        const lines = kept.map((one) => placed(written(who[one.what], one.written, encoding), one));
        const pid = `PID|1||${who.id}^^^NORTH^MR||${who.family}^${who.given}^${second}||19610203|F|||||${who.phone}`;
        const standard = [
          `MSH|^~\\&|A|B|C|D|20261103||ADT^A01|1|P|2.5||||||${declared}`,
          ...lines,
          pid,
          '',
        ].join('\r');
        const text = standard.replace(/[|^~\\&]/g, (char) => delimiters.charAt('|^~\\&'.indexOf(char)));
        const deidentifier = new Deidentifier({ key: Buffer.alloc(32, 3), keepSegments: ['ZZZ'] });
        const out = deidentifier.deidentify(Buffer.from(text, encoding)).toString(encoding);
        expect(shapeOf(out)).toEqual(shapeOf(text));
        const left = valuesOf(out).toUpperCase();
        for (const value of [who.family, who.given, who.id, who.phone, second]) {
          expect(left).not.toContain(value.toUpperCase());
          expect(out.toUpperCase()).not.toContain(Buffer.from(value, encoding).toString('hex').toUpperCase());
        }
        expect(left).not.toContain('19610203');
      },
    ),
    { numRuns: 300 },
  );
});

test('in the fields of people it is gone without a PID that names it', () => {
  const people = [
    'PID-3',
    'PID-5',
    'PID-9',
    'PID-13',
    'PID-19',
    'NK1-2',
    'NK1-4',
    'PV1-7',
    'PV1-19',
    'MRG-1',
    'GT1-3',
    'GT1-12',
  ];
  const more = [
    'IN1-16',
    'IN1-36',
    'OBR-16',
    'OBR-32',
    'OBX-16',
    'ORC-12',
    'STF-3',
    'TXA-9',
    'SCH-16',
    'AIP-3',
    'NTE-3',
    'OBX-5',
    'XYZ-4',
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...people, ...more),
      family,
      fc.constantFrom('plain', 'lower', 'hex', 'partly hex', 'in text'),
      fc.constantFrom('field', 'component', 'subcomponent', 'repetition'),
      (path, value, how, place) => {
        const [segment = '', n] = path.split('-');
        const line = placed(written(value, how, 'utf8'), {
          segment,
          field: Number(n),
          what: 'family',
          written: how,
          place,
          valueType: 'TX',
        });
        // Components that name a type or a system are codes, in which one word cannot be told from another.
        if (place !== 'field' && !['NTE-3', 'OBX-5', 'XYZ-4'].includes(path)) return;
        const out = new Deidentifier({ key: Buffer.alloc(32, 3) })
          .deidentify(Buffer.from(`MSH|^~\\&|A|B|C|D|20261103||ADT^A01|1|P|2.5\r${line}\r`))
          .toString();
        expect(valuesOf(out).toUpperCase()).not.toContain(value);
      },
    ),
    { numRuns: 200 },
  );
});
