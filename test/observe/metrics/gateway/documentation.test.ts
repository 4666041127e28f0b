// docs/metrics.md, the catalogue and a running gateway have the same metrics with the same types, labels and words.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { METRICS, type MetricInfo } from '../../../../src/observe/metrics/catalogue.ts';
import { MESSAGE_OUTCOMES } from '../../../../src/observe/metrics/gateway/message-counts.ts';
import { type EverySeries, startEverySeries } from './every-series.ts';
import { type Scrape, scrape } from './scrape.ts';

const page = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8');
const catalogue = new Map<string, MetricInfo>(Object.entries(METRICS));

let running: Scrape;
let series: EverySeries | undefined;

beforeAll(async () => {
  series = await startEverySeries();
  await series.round();
  running = await scrape(series.gw);
});
afterAll(() => series?.[Symbol.asyncDispose]());

/** Without what a histogram's samples have behind their name. */
function familyOf(name: string): string {
  return catalogue.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
}

describe('docs/metrics.md', () => {
  const rows = [
    ...page.matchAll(/^\| `([a-z][a-z0-9_]+)` \| (counter|gauge|histogram) \| (.+?) \| (.+) \|$/gm),
  ].map(([, name = '', kind = '', labels = '', help = '']) => ({
    name,
    kind,
    labels: labels === 'none' ? [] : labels.split(', ').map((one) => one.replaceAll('`', '')),
    help,
  }));

  test('documents each metric once, with its type, labels and words, and no other', () => {
    const wanted = [...catalogue].map(([name, { kind, labels, help }]) => ({ name, kind, labels, help }));
    const byName = (a: { name: string }, b: { name: string }): number => a.name.localeCompare(b.name);
    expect(rows.toSorted(byName)).toEqual(wanted.toSorted(byName));
  });

  test('documents each outcome', () => {
    const outcomes = [...page.matchAll(/^\| `([a-z]+)` \| [^|]+ \|$/gm)].map(([, name]) => name);
    expect(outcomes).toEqual([...MESSAGE_OUTCOMES]);
  });
});

describe('a running gateway', () => {
  test('has every metric of the catalogue, described once, and no other', () => {
    expect([...running.types.keys()].toSorted()).toEqual([...catalogue.keys()].toSorted());
    for (const [name, { kind, help }] of catalogue) {
      expect(running.types.get(name), name).toBe(kind);
      expect(running.helps.get(name), name).toBe(help);
    }
  });

  test('has a sample of each, with exactly its labels', () => {
    const seen = new Set(running.samples.map(({ name }) => familyOf(name)));
    expect([...catalogue.keys()].filter((name) => !seen.has(name))).toEqual([]);
    for (const { name, labels } of running.samples) {
      const own = Object.keys(labels).filter((label) => !(label === 'le' && name.endsWith('_bucket')));
      expect(own.toSorted(), name).toEqual(catalogue.get(familyOf(name))?.labels.toSorted());
    }
  });

  test('writes _total exactly once, behind counters and nothing else', () => {
    for (const [name, kind] of running.types) {
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      expect(name, name).not.toMatch(/_total.*_total/);
    }
  });
});
