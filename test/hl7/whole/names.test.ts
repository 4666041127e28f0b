// Names of segments and fields, and the JSON view that carries them.
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../../src/hl7/header.ts';
import { fieldName, namedSegments, segmentTitle } from '../../../src/hl7/whole/field-names.ts';
import { jsonView } from '../../../src/hl7/whole/json-view.ts';
import { readWholeMessage } from '../../../src/hl7/whole/whole-message.ts';
import { readFixtures } from '../../fixture-reader.ts';

describe('names', () => {
  it.each([
    ['MSH', 1, 'Field Separator'],
    ['MSH', 10, 'Message Control ID'],
    ['MSH', 18, 'Character Set'],
    ['EVN', 2, 'Recorded Date/Time'],
    ['PID', 3, 'Patient Identifier List'],
    ['PID', 8, 'Administrative Sex'],
    ['PID', 30, 'Patient Death Indicator'],
    ['PD1', 4, 'Patient Primary Care Provider Name & ID No.'],
    ['NK1', 3, 'Relationship'],
    ['PV1', 2, 'Patient Class'],
    ['PV1', 19, 'Visit Number'],
    ['PV1', 44, 'Admit Date/Time'],
    ['PV2', 3, 'Admit Reason'],
    ['ORC', 12, 'Ordering Provider'],
    ['OBR', 4, 'Universal Service Identifier'],
    ['OBR', 25, 'Result Status'],
    ['OBX', 5, 'Observation Value'],
    ['OBX', 11, 'Observation Result Status'],
    ['NTE', 3, 'Comment'],
    ['AL1', 3, 'Allergen Code/Mnemonic/Description'],
    ['DG1', 6, 'Diagnosis Type'],
    ['IN1', 36, 'Policy Number'],
    ['IN1', 49, "Insured's ID Number"],
    ['MSA', 2, 'Message Control ID'],
    ['ERR', 2, 'Error Location'],
    ['ERR', 8, 'User Message'],
    ['TXA', 12, 'Unique Document Number'],
    ['TXA', 22, 'Authentication Person, Time Stamp'],
    ['SCH', 25, 'Filler Status Code'],
    ['RXA', 5, 'Administered Code'],
    ['RXA', 20, 'Completion Status'],
    ['RXE', 2, 'Give Code'],
    ['FT1', 6, 'Transaction Type'],
    ['QPD', 2, 'Query Tag'],
    ['MRG', 1, 'Prior Patient Identifier List'],
    ['SPM', 4, 'Specimen Type'],
    ['TQ1', 9, 'Priority'],
    ['FHS', 11, 'File Control ID'],
    ['BHS', 12, 'Reference Batch Control ID'],
  ])('%s-%d is %s', (segment, field, name) => expect(fieldName(segment, field)).toBe(name));

  it('there are none beyond the last, before the first, and of Z segments', () => {
    expect([fieldName('MSA', 9), fieldName('PID', 0), fieldName('ZPI', 1), segmentTitle('ZPI')]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('each is one line, and no field of a segment is named twice but where the standard does so', () => {
    const twice: string[] = [];
    for (const segment of namedSegments()) {
      expect(segment).toMatch(/^[A-Z][A-Z0-9]{2}$/);
      expect(segmentTitle(segment)).toMatch(/^\S.*\S$/);
      const names: string[] = [];
      for (let n = 1; fieldName(segment, n) !== undefined; n++) names.push(fieldName(segment, n) ?? '');
      for (const name of names) expect(name).toMatch(/^[^|\n\s][^|\n]*[^|\n\s]$/);
      if (new Set(names).size !== names.length) twice.push(segment);
    }
    expect(twice).toEqual([]);
  });

  it('every standard segment of the fixtures has them, as many as it has fields', () => {
    const nameless = new Set<string>();
    for (const { bytes } of readFixtures()) {
      for (const { name, fields } of readWholeMessage(readHeader(bytes)).segments) {
        fields.forEach((_, i) => {
          // QPD's parameters are the query's own.
          if (name !== 'QPD' && fieldName(name, i + 1) === undefined) nameless.add(name);
        });
      }
    }
    expect([...nameless].sort()).toEqual(['ZPI', 'ZPV']);
  });
});

describe('the JSON view', () => {
  const view = (text: string) => jsonView(readWholeMessage(readHeader(Buffer.from(text))));

  it('has each field that is not empty, by path and name, in all its parts', () => {
    expect(view('MSH|^~\\&|A\rPID|||1^^^H&1.2~2||^~&\rOBX|1\rOBX||a\\F\\b\rZPI|x\rZPV\r')).toEqual([
      {
        segment: 'MSH',
        title: 'Message Header',
        fields: [
          { path: 'MSH-1', name: 'Field Separator', value: [[['|']]] },
          { path: 'MSH-2', name: 'Encoding Characters', value: [[['^~\\&']]] },
          { path: 'MSH-3', name: 'Sending Application', value: [[['A']]] },
        ],
      },
      {
        segment: 'PID',
        title: 'Patient Identification',
        fields: [
          {
            path: 'PID-3',
            name: 'Patient Identifier List',
            value: [[['1'], [''], [''], ['H', '1.2']], [['2']]],
          },
        ],
      },
      {
        segment: 'OBX',
        title: 'Observation/Result',
        fields: [{ path: 'OBX-1', name: 'Set ID - OBX', value: [[['1']]] }],
      },
      {
        segment: 'OBX',
        title: 'Observation/Result',
        fields: [{ path: 'OBX[2]-2', name: 'Value Type', value: [[['a|b']]] }],
      },
      { segment: 'ZPI', fields: [{ path: 'ZPI-1', value: [[['x']]] }] },
      { segment: 'ZPV', fields: [] },
    ]);
  });

  it.each(readFixtures().map(({ file, bytes }) => [file, bytes] as const))(
    '%s: has every field, and its paths read the same',
    (_, bytes) => {
      const whole = readWholeMessage(readHeader(bytes));
      const shown = jsonView(whole).flatMap(({ fields }) => fields.map(({ value }) => value));
      const all = whole.segments.flatMap(({ fields }) => fields);
      expect(shown).toEqual(all.filter((field) => /[^[\]",]/.test(JSON.stringify(field))));
    },
  );
});
