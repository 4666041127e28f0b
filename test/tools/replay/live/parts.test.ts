// The pure parts of a live replay: percentiles, due times, copies with new ids, files and folders.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readHeader } from '../../../../src/hl7/header.ts';
import { LatencyHistogram } from '../../../../src/tools/replay/live/histogram.ts';
import { readLiveMessages } from '../../../../src/tools/replay/live/messages.ts';
import { renewing } from '../../../../src/tools/replay/live/new-ids.ts';
import { dueMs } from '../../../../src/tools/replay/live/schedule.ts';
import { folderWith } from '../../../config/config-folder.ts';

describe('the histogram', () => {
  test('each percentile is within 1.6 % of the exact one, and never below it', () => {
    const ms = fc.double({ min: 0, max: 3_000_000, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(ms, { minLength: 1, maxLength: 200 }),
        fc.constantFrom(1, 50, 90, 99, 100),
        (all, p) => {
          const histogram = new LatencyHistogram();
          for (const one of all) histogram.add(one);
          const sorted = [...all].sort((a, b) => a - b);
          const exact = sorted[Math.max(1, Math.ceil((p / 100) * all.length)) - 1] as number;
          const got = histogram.percentileMs(p);
          // Half a microsecond is what rounding to microseconds may take away.
          expect(got).toBeGreaterThanOrEqual(exact - 0.0005);
          expect(got).toBeLessThanOrEqual(exact * (1 + 1 / 64) + 0.001);
        },
      ),
    );
  });

  test('its rows hold every value once, in order and without a gap between bounds', () => {
    const histogram = new LatencyHistogram();
    for (const ms of [0, 0.001, 0.063, 0.064, 1, 1.5, 900, 10_000_000]) histogram.add(ms);
    const rows = histogram.rows();
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(8);
    for (const { fromMs, toMs } of rows) expect(toMs).toBeGreaterThan(fromMs);
    expect(rows.map(({ fromMs }) => fromMs)).toEqual(
      [...rows.map(({ fromMs }) => fromMs)].sort((a, b) => a - b),
    );
    expect([histogram.minMs, histogram.maxMs, histogram.count]).toEqual([0, 10_000_000, 8]);
  });

  test('without a value everything is 0', () => {
    const empty = new LatencyHistogram();
    expect([empty.percentileMs(99), empty.meanMs, empty.minMs, empty.rows()]).toEqual([0, 0, 0, []]);
  });
});

describe('when messages are due', () => {
  test('at a rate: evenly, from the start', () => {
    const pace = { perSecond: 200, rampMs: 0 };
    expect([0, 1, 200, 12_000].map((n) => dueMs(n, pace))).toEqual([0, 5, 1000, 60_000]);
  });

  test('in a ramp half as many are due as at full rate, and behind it the rate is held', () => {
    const pace = { perSecond: 100, rampMs: 10_000 };
    expect(dueMs(500, pace)).toBeCloseTo(10_000, 6);
    expect(dueMs(600, pace)).toBeCloseTo(11_000, 6);
    expect(dueMs(125, pace)).toBeCloseTo(5_000, 6);
    for (let n = 1; n < 700; n++) expect(dueMs(n, pace)).toBeGreaterThan(dueMs(n - 1, pace));
  });
});

describe('--new-ids', () => {
  const NOW = new Date('2026-11-22T10:11:12.345Z');
  const text = 'MSH|^~\\&|A|B|C|D|20200101||ADT^A01|OLD|P|2.5\rPID|1||7^^^X||M\xfcller\rNTE|1||MSH|x\r';

  test('MSH-7 and MSH-10 are new each time, and no other byte is', () => {
    const bytes = Buffer.from(text, 'latin1');
    const renew = renewing(bytes);
    const [a, b] = [renew(NOW), renew(NOW)].map((copy) => copy.toString('latin1'));
    const shape =
      /^MSH\|\^~\\&\|A\|B\|C\|D\|20261122101112\.345\+0000\|\|ADT\^A01\|(RP[0-9A-Z]{9,18})\|P\|2\.5\r/;
    const ids = [a, b].map((copy) => shape.exec(copy ?? '')?.[1]);
    expect(ids[0]).toBeDefined();
    expect(ids[1]).toBeDefined();
    expect(ids[0]).not.toBe(ids[1]);
    for (const copy of [a, b]) expect(copy?.slice(copy.indexOf('\r'))).toBe(text.slice(text.indexOf('\r')));
  });

  test('each message of a batch; a header that ends before MSH-7 stays as it is', () => {
    const batch = Buffer.from(
      'FHS|^~\\&|A\rBHS|^~\\&\rMSH|^~\\&|A||||1||ADT|X1\rMSH#@~\\&#A####1##ADT#X2#P\rMSH|^~\\&|A\rBTS|3\r',
    );
    const copy = renewing(batch)(NOW).toString('latin1');
    expect(copy).toMatch(
      /^FHS\|\^~\\&\|A\rBHS\|\^~\\&\rMSH\|\^~\\&\|A\|{4}2026[\d.+]+\|\|ADT\|RP\w+\rMSH#@~\\&#A#{4}2026[\d.+]+##ADT#RP\w+#P\rMSH\|\^~\\&\|A\rBTS\|3\r$/,
    );
  });

  test('an empty MSH-10 gets one, behind a byte order mark too', () => {
    const copy = renewing(Buffer.from('\ufeffMSH|^~\\&|A||||||ADT||P\r'))(NOW);
    expect(readHeader(copy).controlId).toMatch(/^RP/);
    expect(copy.subarray(0, 3).toString('hex')).toBe('efbbbf');
  });
});

describe('files and folders', () => {
  const one = (id: string): string => `MSH|^~\\&|A|B||||| ADT|${id}\rPID|1\r`;

  test('of a folder every *.hl7 by name; of a file every message, framed or not', () => {
    const folder = folderWith({
      'b.hl7': one('3').replaceAll('\r', '\n') + one('4').replaceAll('\r', '\n'),
      'a.hl7': `\x0b${one('1')}\x1c\r\x0b${one('2')}\x1c\r`,
      'c.txt': 'nothing',
    });
    mkdirSync(join(folder, 'deeper'));
    const found = readLiveMessages([folder, join(folder, 'b.hl7')]).messages;
    expect(found.map(({ header, number }) => `${header.controlId} ${number}`)).toEqual([
      '1 1',
      '2 2',
      '3 1',
      '4 2',
      '3 1',
      '4 2',
    ]);
    expect(new Set(found.map(({ sender }) => sender))).toEqual(new Set(['A\nB']));
  });

  test('an empty folder, a missing file and a file that is no HL7 are named', () => {
    const folder = folderWith({});
    const named = (place: string): unknown => readLiveMessages([place]).faults.map(({ message }) => message);
    expect(named(folder)).toEqual([expect.stringMatching(/the folder has no \*\.hl7/)]);
    expect(named(join(folder, 'x'))).toEqual([expect.stringMatching(/no such file or folder/)]);
    writeFileSync(join(folder, 'bad.hl7'), 'hello');
    expect(named(folder)).toEqual([expect.stringMatching(/bad\.hl7: no HL7 message/)]);
  });
});
