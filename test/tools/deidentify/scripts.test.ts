// F106: names of every script and length, addresses and postal codes, planted in every field of every segment: nothing of them is
// left, written with accents or without.
import { describe, expect, test } from 'vitest';
import { Deidentifier } from '../../../src/tools/deidentify/deidentify.ts';
import { datatype } from '../../../src/tools/deidentify/tables/datatypes.ts';
import { fieldRule, knownSegments } from '../../../src/tools/deidentify/tables/field-rules.ts';
import { shapeOf, valuesOf } from './structure.ts';

/** What decides where a message goes, what its answer is matched by, and how the rest is read, stays. */
const STAYS = new Set([
  ...['MSA-1', 'MSA-2', 'MFE-2', 'MFA-2', 'QAK-1', 'QPD-2', 'QID-1', 'QRD-4', 'SFT-6'],
  ...['OBX-2', 'ORC-1', 'MFI-3', 'MFE-1'],
]);
const SEGMENTS = [
  ...knownSegments().filter((name) => !/^(?:[BFM]HS|[BF]TS|MSH|PID|NK1)$/.test(name)),
  ...['ZZZ', 'QQQ'],
];
/** The last field that a table names in a segment, and some that none does. */
const FIELDS = new Map(
  SEGMENTS.map((segment) => {
    let last = 0;
    for (let n = 1; n <= 100; n++) if (fieldRule(segment, n) !== datatype('blank')) last = n;
    return [segment, last + 4];
  }),
);

const MSH = 'MSH|^~\\&|ADMIT|NORTH|EHR|NORTH|20261103||ADT^A01|AN1|P|2.5.1||||||UNICODE UTF-8\r';

/** The value in every field: by itself, in a component, a subcomponent and a repetition, or in a text; `turn`: which where. */
function planted(value: string, type: string, turn: number): string {
  const forms = [value, `A^${value}`, `A&${value}^B`, `A~${value}`, `See ${value}, today`];
  return SEGMENTS.map((segment, s) => {
    const fields = Array.from({ length: FIELDS.get(segment) ?? 0 }, (_, i) => {
      if (segment === 'OBX' && i === 1) return type;
      return STAYS.has(`${segment}-${i + 1}`) ? 'AA' : forms[(i + s + turn) % forms.length];
    });
    return `${segment}|${fields.join('|')}`;
  }).join('\r');
}

let turn = 0;

function left(pid: string, value: string, type: string): string {
  const text = `${MSH}${planted(value, type, turn++)}\r${pid}\r`;
  const deidentifier = new Deidentifier({ key: Buffer.alloc(32, 5), keepSegments: ['ZZZ'] });
  const out = deidentifier.deidentify(Buffer.from(text)).toString();
  expect(shapeOf(out).lines).toEqual(shapeOf(text).lines);
  // MSH says what it said.
  expect(out.slice(0, 31)).toBe(text.slice(0, 31));
  return valuesOf(out.slice(out.indexOf('\r'))).toUpperCase();
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(/[^\p{L}\p{M}\p{N}]+/u));

describe.each([
  ['李', '王李明'],
  ['李', '李'],
  ['王小', '患者王小来院'],
  ['김', '김'],
  ['영희', '환자 영희는'],
  ['やま', 'やまさん'],
  ['ヤマダ', 'ﾔﾏﾀﾞ'],
  ['สมชาย', 'คุณสมชายมา'],
])('F106 %s, which is written without spaces, in %s', (name, value) => {
  test.each(['ST', 'TX', 'CWE', 'XPN', 'ZZ', 'ED'])('F106 nothing is left (OBX-2 %s)', (type) => {
    for (const pid of [`PID|1||100001||${name}^X`, `PID|1||100001||X^${name}`, `NK1|1|${name}^X`]) {
      const values = left(pid, value, type);
      for (const char of [value, name]) expect(values).not.toContain(char);
    }
  });
});

describe.each<[name: string, written: readonly string[]]>([
  ['Li', ['Li', 'LI', 'li']],
  ['Ng', ['NG', 'ng']],
  ['Бо', ['Бо', 'БО']],
  ['Müller', ['Müller', 'Muller', 'MUELLER', 'mu\u0308ller']],
  ['Muller', ['Müller']],
  ['Ødegård', ['Odegard', 'Oedegaard', 'ØDEGÅRD']],
  ['Łukasz', ['Lukasz', 'ŁUKASZ']],
  ['Weiß', ['Weiss', 'WEISS', 'weiß']],
  ['José', ['Jose', 'JOSÉ']],
  ['Παπαδόπουλος', ['Παπαδοπουλος', 'ΠΑΠΑΔΟΠΟΥΛΟΣ']],
  ['Соловьёв', ['Соловьев', 'СОЛОВЬЁВ']],
  ["O'Brien", ['OBrien', "O'BRIEN"]],
])('F106 %s, however it is written', (name, written) => {
  test.each(['ST', 'TX', 'CWE', 'XCN', 'ZZ'])('F106 nothing is left (OBX-2 %s)', (type) => {
    for (const value of written) {
      const found = words(left(`PID|1||100001||${name}^Q`, value, type));
      for (const word of words(value.toUpperCase()))
        if (word.length > 1) expect(found.has(word), `${name} as ${value}: ${word}`).toBe(false);
    }
  });
});

describe.each<[part: string, address: string, written: readonly string[]]>([
  ['a street', '12 Nightshade Lane', ['12 Nightshade Lane', 'Nightshade', 'NIGHTSHADE LANE']],
  ['its subcomponents', '12 Nightshade Lane&Nightshade Lane&12', ['Nightshade']],
  ['a street of a language', 'Hauptstraße 5', ['Hauptstrasse 5', 'HAUPTSTRASSE']],
  ['a town', '^^Tunbridge Wells', ['Tunbridge Wells', 'tunbridge']],
  ['a short town', '^^Ulm', ['Ulm', 'ULM']],
  ['a postal code', '^^^^TN4 8AB', ['TN4 8AB', 'TN48AB']],
  ['a postal code in one', '^^^^TN48AB', ['TN4 8AB', 'TN48AB']],
  ['a postal code of digits', '^^^^10117', ['10117']],
  ['a postal code of four', '^^^^8001', ['8001']],
  ['a street and a town in Han', '南京西路^^上海', ['南京西路', '上海']],
])('F106 %s', (_, address, written) => {
  test.each(['ST', 'TX', 'CWE', 'XAD', 'ZZ'])('F106 nothing is left (OBX-2 %s)', (type) => {
    for (const value of written)
      expect(left(`PID|1||100001||A^B||||||${address}`, value, type), value).not.toContain(
        value.toUpperCase(),
      );
  });
});

test('F106 what all addresses are made of, and codes that say how the rest is read, stay', () => {
  const deidentifier = new Deidentifier({ key: Buffer.alloc(32, 5) });
  const text =
    `${MSH}PID|1||100001||Ed^Ca||||||1 North Street\rPV1|1|I|NORTH^12^1\rORC|CA\rOBX|1|ED|A||LAB^AP^PDF^Base64^QUJD\r` +
    'DG1|1||J18^Pneumonia^I10\r';
  const out = deidentifier.deidentify(Buffer.from(text)).toString();
  expect(out).toContain(
    '\rPV1|1|I|NORTH^12^1\rORC|CA\rOBX|1|ED|A||LAB^AP^PDF^Base64^QUJD\rDG1|1||J18^Pneumonia^I10\r',
  );
});
