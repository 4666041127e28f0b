// What a recording refuses to write, and what it is made of on disk.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Deidentifier } from '../../../src/tools/deidentify/deidentify.ts';
import type { Recorded } from '../../../src/tools/record/exchange.ts';
import { InOrder } from '../../../src/tools/record/in-order.ts';
import { Recording } from '../../../src/tools/record/recording.ts';
import { readLiveMessages } from '../../../src/tools/replay/live/messages.ts';
import { folderWith } from '../../config/config-folder.ts';
import { message } from '../../helpers/mllp.ts';

const recorded = (bytes: Buffer | string): Recorded => ({
  connection: 1,
  timeMs: 0,
  message: Buffer.from(bytes),
});

test('what could not be read back, or not be de-identified, is left out and counted', () => {
  const text = message({ controlId: 'A1' }).toString('latin1');
  for (const [raw, left] of [
    [true, 2],
    [false, 3],
  ] as const) {
    const folder = join(folderWith({}), 'out');
    const deidentifier = raw ? undefined : new Deidentifier({ key: Buffer.alloc(32) });
    const recording = new Recording({ folder, deidentifier, chunks: false });
    recording.add(recorded(text));
    // Over HTTP a body may hold what ends a frame, and what begins one.
    recording.add(recorded(`${text}\x1c\rMSH|^~\\&|B\r`));
    recording.add(recorded(`${text}\x0b`));
    recording.add(recorded('MSH0^~\\&0 no delimiter'));
    recording.finish({});
    expect([recording.messages, recording.leftOut]).toEqual([4 - left, left]);
    const found = readFileSync(join(folder, 'messages-0001.hl7'), 'latin1');
    expect(found.split('\x0b')).toHaveLength(5 - left);
    expect(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'))).toMatchObject({
      raw,
      leftOut: left,
    });
  }
});

test('a new file where one is full, and all of them are read in order', () => {
  const folder = join(folderWith({}), 'out');
  const maxFileBytes = 64 * 1024;
  const recording = new Recording({ folder, deidentifier: undefined, chunks: false, maxFileBytes });
  const size = 25 * 1024;
  for (let i = 0; i < 3; i++) recording.add(recorded(message({ controlId: `A${i}`, size })));
  recording.finish({});
  expect(readdirSync(folder).filter((name) => name.endsWith('.hl7'))).toEqual([
    'messages-0001.hl7',
    'messages-0002.hl7',
  ]);
  expect(readLiveMessages([folder]).messages.map(({ header }) => header.controlId)).toEqual([
    'A0',
    'A1',
    'A2',
  ]);
});

test('messages go out as they came; one that is never answered does not hold up the rest for ever', () => {
  const out: string[] = [];
  const order = new InOrder((one) => out.push(`${one.message} ${one.code ?? '-'}`));
  const [a, b] = ['a', 'b'].map((text) => order.place(recorded(text)));
  b?.({ ...recorded('b'), code: 'AA' });
  expect(out).toEqual([]);
  a?.({ ...recorded('a'), code: 'AE' });
  expect(out).toEqual(['a AE', 'b AA']);
  for (let i = 0; i < 10_001; i++) order.place(recorded(`m${i}`));
  expect(out.slice(2)).toEqual(['m0 -']);
  order.end();
  expect(out).toHaveLength(10_003);
});
