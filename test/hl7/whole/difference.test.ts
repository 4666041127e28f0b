// Differences of two messages: where they are, both values, and what is no difference.
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../../src/hl7/header.ts';
import { differences } from '../../../src/hl7/whole/difference.ts';
import { readWholeMessage } from '../../../src/hl7/whole/whole-message.ts';
import { readFixtures } from '../../fixture-reader.ts';

const whole = (text: string) => readWholeMessage(readHeader(Buffer.from(text)));
const MSH = 'MSH|^~\\&|APP|FAC|||20260101||ADT^A01|ID-1|P|2.5.1';

/** As `path: left → right`. */
function compare(left: string, right: string, ignore?: readonly string[]): string[] {
  const found = differences(whole(left), whole(right), ignore && { ignore });
  return found.map((one) => `${one.path}: ${one.left ?? '-'} → ${one.right ?? '-'}`);
}

describe('the piece that differs', () => {
  it.each<[string, string, string[]]>([
    ['PID|1|A', 'PID|1|A', []],
    ['PID|1|A', 'PID|1|B', ['PID-2: A → B']],
    ['PID|1', 'PID|1|B', ['PID-2: - → B']],
    ['PID|1|B|C', 'PID|1', ['PID-2: B → -', 'PID-3: C → -']],
    ['PID|A^B^C', 'PID|A^X^C', ['PID-1.2: B → X']],
    ['PID|A', 'PID|A^X', ['PID-1.2: - → X']],
    ['PID|A~B^C', 'PID|A~B^D', ['PID-1[2].2: C → D']],
    ['PID|A', 'PID|A~B', ['PID-1[2]: - → B']],
    ['PID|A&B', 'PID|A&C', ['PID-1.1.2: B → C']],
    ['PID|A^B&C~D', 'PID|A^B&X~Y', ['PID-1[1].2.2: C → X', 'PID-1[2]: D → Y']],
    ['OBX|1\rOBX|2', 'OBX|1\rOBX|3', ['OBX[2]-1: 2 → 3']],
    ['OBX|1\rOBX|2', 'OBX|1', ['OBX[2]: 2 → -']],
    ['OBX|1', 'OBX|1\rZPI|a^b~c', ['ZPI: - → a^b~c']],
    ['ZPI', 'PID', ['ZPI:  → -', 'PID: - → ']],
    ['OBX|1\rNTE|n\rOBX|2', 'OBX|1\rOBX|2\rNTE|n', ['segments: MSH OBX NTE OBX → MSH OBX OBX NTE']],
  ])('%j, %j', (left, right, expected) => {
    expect(compare(`${MSH}\r${left}`, `${MSH}\r${right}`)).toEqual(expected);
  });
});

describe('no difference', () => {
  it.each([
    ['ends of lines', `${MSH}\rPID|1\r`, `${MSH}\r\nPID|1`],
    ['separators that end a segment, field or component', `${MSH}\rPID|1||A^^~|||`, `${MSH}\rPID|1||A`],
    ['escapes', `${MSH}\rNTE|a\\X42\\c`, `${MSH}\rNTE|aBc`],
    ['the date and the control id', MSH, MSH.replace('20260101', '20270101').replace('ID-1', 'ID-2')],
  ])('%s', (_, left, right) => expect(compare(left, right)).toEqual([]));

  it('delimiters, but for those that say so', () => {
    const other = 'MSH#!@%*#APP#FAC###20260101##ADT!A01#ID-1#P#2.5.1\rPID#1#A!B@C*D';
    expect(compare(`${MSH}\rPID|1|A^B~C&D`, other)).toEqual(['MSH-1: | → #', 'MSH-2: ^~\\& → !@%*']);
  });

  it('what is told to be ignored, and only that', () => {
    const other = MSH.replace('20260101', '20270101').replace('ID-1', 'ID-2').replace('FAC', 'FAD');
    expect(compare(MSH, other, [])).toEqual([
      'MSH-4: FAC → FAD',
      'MSH-7: 20260101 → 20270101',
      'MSH-10: ID-1 → ID-2',
    ]);
    expect(compare(MSH, other, ['MSH-10', 'MSH-4'])).toEqual(['MSH-7: 20260101 → 20270101']);
    expect(compare(`${MSH}\rOBX|1|a\rOBX|2|b`, `${MSH}\rOBX|1|x\rOBX|2|y`, ['OBX-2'])).toEqual([]);
  });

  it.each(readFixtures().map(({ file, bytes }) => [file, bytes] as const))(
    'between %s and itself',
    (_, bytes) => {
      const message = readWholeMessage(readHeader(bytes));
      expect(differences(message, message, { ignore: [] })).toEqual([]);
      // Every field is looked at: another message differs in every one that it does not have.
      const bare = whole('MSH|^~\\&');
      expect(differences(message, bare, { ignore: [] }).length).toBeGreaterThanOrEqual(
        message.segments.length,
      );
    },
  );
});
