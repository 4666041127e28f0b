// What reading a message whole costs, by size: the adapter beside hl7-standard alone and beside one field path, the rules
// of a route, conversion to UTF-8, a batch cut. CPU of one thread; median of rounds. `node bench/whole-message.ts`
import { pathToFileURL } from 'node:url';
import HL7 from 'hl7-standard';
import { splitBatch } from '../src/hl7/batch.ts';
import { parseFieldPath, readPath } from '../src/hl7/field-path.ts';
import { readHeader } from '../src/hl7/header.ts';
import { transcodeToUtf8 } from '../src/hl7/transcode.ts';
import { invalidPlaces, type ValidationRules } from '../src/hl7/whole/validation.ts';
import { readWholeMessage } from '../src/hl7/whole/whole-message.ts';

const HEAD = 'MSH|^~\\&|LAB|NORTH|EHR|NORTH|20260101||ORU^R01^ORU_R01|ID-1|P|2.5.1||||||8859/1\r';
const PID = 'PID|1||900001^^^NORTH^MR||SAMPLE^ADA||19800101|F|||1 Elm Street^^Testville^^10001\r';
const OBX = 'OBX|1|NM|GLU^Glucose^L||5.4|mmol/L|3.9-5.8|N|||F|||20261122080000||7001^H\xe4lwell\r';
const ROUNDS = 9;
const ROUND_MS = 60;

const path = (text: string) => {
  const parsed = parseFieldPath(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

const RULES: ValidationRules = {
  segments: ['PID', 'OBX'],
  fields: [path('PID-3.1'), path('OBX-3.1')],
  tables: [{ path: path('OBX-11'), values: ['F', 'P'] }],
  lengths: [{ path: path('PID-3.1'), min: 1, max: 20 }],
};

function ofSize(bytes: number): Buffer {
  const count = Math.max(1, Math.round((bytes - HEAD.length - PID.length) / OBX.length));
  return Buffer.from(HEAD + PID + OBX.repeat(count), 'latin1');
}

/** Microseconds of this thread's CPU for one call: what else the machine does is not in it. */
function cost(work: () => unknown): number {
  const cpu = (): number => {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  };
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = cpu();
    let calls = 0;
    let now = began;
    while (now - began < ROUND_MS * 1000) {
      work();
      calls++;
      now = cpu();
    }
    times.push((now - began) / calls);
  }
  return times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

function measure(): void {
  const rows = [600, 1_000, 10_000, 100_000, 1_000_000].map((size) => {
    const bytes = ofSize(size);
    const text = bytes.toString('latin1');
    const header = readHeader(bytes);
    const batch = Buffer.concat([bytes, bytes]);
    const last = path(`OBX[${text.split('\rOBX').length - 1}]-5`);
    return {
      bytes: bytes.length,
      'last OBX-5': cost(() => readPath(header, last)),
      'hl7-standard': cost(() => new HL7(text).transform(undefined, true)),
      'adapter (JSON view, differences)': cost(() => readWholeMessage(header)),
      validate: cost(() => invalidPlaces(header, RULES)),
      'to UTF-8': cost(() => transcodeToUtf8(header, bytes)),
      'batch of two, cut': cost(() => splitBatch(readHeader(batch), 1000)),
    };
  });
  console.log('microseconds');
  console.table(
    rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([key, value]) => [key, Math.round(value * 10) / 10])),
    ),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) measure();
