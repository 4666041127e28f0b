// Holds each message of fixtures/ to the standard: segments in order, required fields, dates, sequence numbers.
import { describe, expect, test } from 'vitest';
import { readFixtures, typeOf } from './fixture-reader.ts';

const messages = readFixtures().flatMap((fixture) => fixture.messages);

/** Segments in order, by MSH-9.3 or, before 2.3.1, by type. From the abstract message syntaxes of v2.3 to v2.9. */
const ORDER = 'ORC (TQ1 )*';
const RESULT = 'OBR (NTE )*(OBX (NTE )*)*(SPM )*';
const STRUCTURES: Readonly<Record<string, RegExp>> = {
  ADT_A01: /^MSH EVN PID (NK1 )*PV1 (PV2 )?(OBX )*(AL1 )*(DG1 )*(Z.. )*$/,
  ADT_A03: /^MSH EVN PID PV1 (PV2 )?(DG1 )*$/,
  ADT_A05: /^MSH EVN PID (NK1 )*PV1 $/,
  ADT_A39: /^MSH EVN (PID MRG (PV1 )?)+$/,
  ORM_O01: /^MSH (PID (PV1 )?)?(ORC OBR (DG1 )*(OBX )*)+$/,
  OML_O21: new RegExp(`^MSH (PID (PV1 )?)?(${ORDER}OBR (NTE )*(DG1 )*(OBX )*(SPM )*)+$`),
  ORL_O22: /^MSH MSA (PID (ORC (OBR )?)+)?$/,
  ORR_O02: /^MSH MSA (PID )?(ORC (OBR )?)*$/,
  ORU_R01: new RegExp(`^MSH (PID (PV1 )?)?((ORC )?${RESULT})+$`),
  OUL_R22: /^MSH (PID )?(PV1 )?(SPM (OBR (ORC )?(NTE )*(OBX (NTE )*)*)+)+$/,
  SIU_S12: /^MSH SCH (NTE )*(PID (PV1 )?)*(RGS (AIS )*(AIG )*(AIL )*(AIP )*)+$/,
  MDM_T02: /^MSH EVN PID PV1 TXA (OBX )+$/,
  VXU_V04: /^MSH PID (PD1 )?(NK1 )*(PV1 )?(ORC RXA (RXR )?(OBX (NTE )*)*)*$/,
  DFT_P03: /^MSH EVN PID (PV1 )?(FT1 )+$/,
  BAR_P01: /^MSH EVN PID (PV1 (AL1 )*(DG1 )*(GT1 )*(NK1 )*(IN1 )*)+$/,
  RDE_O11: /^MSH (PID (PV1 )?(AL1 )*)?(ORC RXE (NTE )*(TQ1 )+(RXR )+(OBX )*)+$/,
  MFN_M02: /^MSH MFI (MFE STF (PRA )*)+$/,
  QBP_Q21: /^MSH QPD RCP $/,
  QBP_Q11: /^MSH QPD RCP $/,
  RSP_K22: /^MSH MSA QAK QPD (PID )*$/,
  ACK: /^MSH MSA (ERR )*$/,
};
const OLD_STRUCTURES: Readonly<Record<string, string>> = {
  'ADT^A01': 'ADT_A01',
  'ADT^A03': 'ADT_A03',
  'ADT^A08': 'ADT_A01',
  'DFT^P03': 'DFT_P03',
  'ORM^O01': 'ORM_O01',
  'ORR^O02': 'ORR_O02',
  'ORU^R01': 'ORU_R01',
  ACK: 'ACK',
};

/** Fields that the standard requires in every version here. */
const REQUIRED: Readonly<Record<string, readonly number[]>> = {
  MSH: [1, 2, 7, 9, 10, 11, 12],
  EVN: [2],
  PID: [3, 5],
  NK1: [1],
  PV1: [2],
  MRG: [1],
  ORC: [1],
  OBR: [1, 4],
  OBX: [1, 2, 3, 5, 11],
  SPM: [1, 4],
  SCH: [1, 6, 11, 16, 20],
  RGS: [1],
  AIS: [1, 3],
  AIL: [1, 3, 4],
  AIP: [1, 3, 4],
  TXA: [1, 2, 12, 17],
  RXA: [1, 2, 3, 4, 5, 6],
  RXE: [2, 3, 5],
  RXR: [1],
  TQ1: [1],
  FT1: [4, 6, 7],
  GT1: [1, 3, 10],
  IN1: [1, 2, 3],
  DG1: [1, 6],
  AL1: [1, 3],
  MFI: [1, 3, 6],
  MFE: [1, 4],
  STF: [1],
  PRA: [1],
  QPD: [1, 2],
  QAK: [1, 2],
  MSA: [1, 2],
};

describe.each(messages.map((message) => ({ message, title: `${message.file} ${message.field('MSH', 10)}` })))(
  '$title',
  ({ message }) => {
    const old = /^2\.[23]$/.test(message.field('MSH', 12));
    const structure = message.field('MSH', 9).split(message.component)[2] ?? '';

    test('has the segments of its structure, in order', () => {
      // Before 2.3.1 MSH-9 had two components.
      const known = old || structure === '' ? OLD_STRUCTURES[typeOf(message)] : structure;
      if (old) expect(structure).toBe('');
      if (!/^2\.[23]/.test(message.field('MSH', 12))) expect(structure).not.toBe('');
      const names = message.segments.map(({ name }) => `${name} `).join('');
      expect(STRUCTURES[known ?? '']?.test(names), `${known}: ${names}`).toBe(true);
    });

    test('has the required fields', () => {
      for (const { name, fields } of message.segments) {
        for (const n of REQUIRED[name] ?? []) expect(fields[n] ?? '', `${name}-${n}`).not.toBe('');
      }
      for (const { name, fields } of message.segments)
        expect(fields.at(-1), `${name} ends in a separator`).not.toBe('');
    });

    test('has dates as HL7 writes them, sequence numbers from 1, and EVN-1 only where it exists', () => {
      expect(message.field('MSH', 7)).toMatch(/^\d{14}([+-]\d{4})?$/);
      expect(message.field('PID', 7)).toMatch(/^(\d{8})?$/);
      const event = message.field('EVN', 1);
      if (event !== '') expect(event).toBe(typeOf(message).split('^')[1]);
      let expected = 1;
      for (const { name, fields } of message.segments) {
        if (name === 'OBR') expected = 1;
        if (name === 'OBX') expect(fields[1]).toBe(String(expected++));
      }
    });
  },
);
