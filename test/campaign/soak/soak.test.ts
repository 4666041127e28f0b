// F125: the soak's verdict, its picture and its receipts. The soak itself is `npm run soak`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { plotSvg } from './plot.ts';
import { idOf, Marks, receiptsOf, recordOf } from './receipts.ts';
import { type Sample, type Totals, verdictOf } from './verdict.ts';

const MIB = 1024 * 1024;
const WELL: Totals = { messages: 9, acknowledged: 9, lost: 0, misattributed: 0, unanswered: 0, failures: [] };
const samples = (over: (i: number) => Partial<Sample> = () => ({})): Sample[] =>
  Array.from({ length: 80 }, (_, i) => ({
    t: i,
    rss: 150 * MIB,
    descriptors: 60,
    p99: 9,
    answers: 9,
    ...over(i),
  }));

describe('F125 the verdict', () => {
  test('is good where all is flat, whatever the start and a single peak are', () => {
    expect(verdictOf(samples(), WELL)).toEqual([]);
    const rises = samples((i) => ({ rss: (i < 10 ? 90 + i * 6 : i === 70 ? 400 : 150) * MIB }));
    expect(verdictOf(rises, WELL)).toEqual([]);
  });

  test('names what grows', () => {
    expect(
      verdictOf(
        samples((i) => ({ rss: (150 + i) * MIB })),
        WELL,
      ),
    ).toEqual(['RSS grew by 40.0 MiB']);
    expect(
      verdictOf(
        samples((i) => ({ descriptors: 60 + i })),
        WELL,
      ),
    ).toEqual(['descriptors grew by 40']);
  });

  test('names what was lost, misattributed, unanswered or said', () => {
    for (const what of ['lost', 'misattributed', 'unanswered'] as const)
      expect(verdictOf(samples(), { ...WELL, [what]: 1 })).toEqual([`${what}: 1`]);
    expect(verdictOf(samples(), { ...WELL, failures: ['on stderr: x'] })).toEqual(['on stderr: x']);
  });
});

test('F125 receipts: what a sender was told of and no node has is missing; what came twice is counted', () => {
  const folder = mkdtempSync(join(tmpdir(), 'soak-test-'));
  try {
    const file = join(folder, 'node.bin');
    const ids = [idOf(3, 0), idOf(3, 70_000), idOf(3, 0), idOf(4, 1)];
    // The last record was being written when the node was killed.
    writeFileSync(file, Buffer.concat([...ids.map(recordOf), Buffer.from('cut')]));
    const { bySender, again } = receiptsOf([file]);
    expect([again, bySender.get(3)?.count, bySender.get(4)?.count]).toEqual([1, 2, 1]);
    const told = new Marks();
    for (const n of [0, 1, 70_000]) told.mark(n);
    expect(told.missingIn(bySender.get(3))).toBe(1);
    expect(told.missingIn(undefined)).toBe(3);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('F125 the picture: every panel and mark, nothing from elsewhere, no text that is markup', () => {
  const svg = plotSvg({
    title: 'a <b> & "c"',
    notes: ['one'],
    times: [0, 60, 120],
    panels: [
      { title: 'RSS', values: [1, 2, 3] },
      { title: 'p99', values: [0, 10, 1_000], logarithmic: true },
    ],
    marks: [{ t: 30, kind: 'reload' }],
  });
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(svg).toContain('a &lt;b&gt; &amp; &quot;c&quot;');
  expect(svg).toContain('| reload');
  expect(svg).not.toMatch(/NaN|Infinity|href|url\(|<script|<image/);
  expect(svg.match(/http/g)).toHaveLength(1);
});
