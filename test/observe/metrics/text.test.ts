// Metrics as text: both formats say the same of the same counts, escape what has to be, and go to who asks for them.
import { describe, expect, test } from 'vitest';
import { counted, histograms, number, numbers } from '../../../src/observe/metrics/family.ts';
import { BucketHistogram } from '../../../src/observe/metrics/histogram.ts';
import { formatFor, metricsText } from '../../../src/observe/metrics/text.ts';
import { Scrape } from './gateway/scrape.ts';

function histogram(...values: readonly (readonly [number, string?])[]): BucketHistogram {
  const made = new BucketHistogram();
  for (const [value, traceId] of values) made.record(value, traceId);
  return made;
}

const strange = 'CN="a\\b", O=two\nlines';
const families = [
  numbers('hl7_gateway_certificate_expiry_seconds', [
    { labels: { where: 'listeners.in', subject: strange }, value: -3.5 },
  ]),
  counted('hl7_gateway_retries_total', 'class', { not_sent: 3, ambiguous: 0 }),
  number('hl7_gateway_parse_inline_limit_bytes', Number.POSITIVE_INFINITY),
  histograms('hl7_gateway_ack_seconds', [
    {
      labels: { pool: 'p', node: 'n' },
      histogram: histogram([0.0001, 'a'], [0.00011, 'b'], [30], [30.1, 'c'], [1e-9]),
    },
  ]),
];

const prometheus = new Scrape(metricsText(families, 'prometheus'));
const openmetrics = new Scrape(metricsText(families, 'openmetrics'));

test('both have the same samples', () => {
  const said = ({ samples }: Scrape): unknown[] =>
    samples
      .map(({ name, labels, value }) =>
        JSON.stringify([name, { ...labels, le: Number(labels.le) }, String(value)]),
      )
      .toSorted();
  expect(said(prometheus)).toEqual(said(openmetrics));
  expect(said(prometheus)).toHaveLength(4 + 18 + 2);
});

test.each([prometheus, openmetrics])('values, labels and buckets', (scraped) => {
  expect(scraped.all('hl7_gateway_certificate_expiry_seconds')).toEqual([
    expect.objectContaining({ labels: { where: 'listeners.in', subject: strange }, value: -3.5 }),
  ]);
  expect(scraped.value('hl7_gateway_retries_total', { class: 'not_sent' })).toBe(3);
  expect(scraped.value('hl7_gateway_parse_inline_limit_bytes')).toBe(Number.POSITIVE_INFINITY);
  const cumulative = scraped.all('hl7_gateway_ack_seconds_bucket').map(({ value }) => value);
  // A bound is within its bucket.
  expect(cumulative).toEqual([2, ...new Array(15).fill(3), 4, 5]);
  expect(scraped.value('hl7_gateway_ack_seconds_count')).toBe(5);
  expect(scraped.value('hl7_gateway_ack_seconds_sum')).toBeCloseTo(60.10021);
});

test('exemplars stand in OpenMetrics only, at their buckets', () => {
  const of = ({ samples }: Scrape) =>
    samples.flatMap(({ labels, exemplar }) =>
      exemplar ? [[labels.le, exemplar.traceId, exemplar.value]] : [],
    );
  expect(of(prometheus)).toEqual([]);
  expect(of(openmetrics)).toEqual([
    ['0.0001', 'a', 0.0001],
    ['0.00025', 'b', 0.00011],
    ['+Inf', 'c', 30.1],
  ]);
});

test('OpenMetrics names the family of a counter without _total, and writes bounds as 1.0', () => {
  const text = metricsText(families, 'openmetrics');
  expect(text).toContain('# TYPE hl7_gateway_retries counter\n');
  expect(text).toContain('le="1.0"');
  expect(text).not.toContain('le="1"');
  expect(text.endsWith('\n# EOF\n')).toBe(true);
});

describe('who asks for', () => {
  test.each([
    ['', 'prometheus'],
    ['*/*', 'prometheus'],
    ['text/plain', 'prometheus'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'prometheus'],
    ['application/openmetrics-text', 'openmetrics'],
    ['Application/OpenMetrics-Text; version=1.0.0', 'openmetrics'],
    // Prometheus 2 and 3.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    ['text/plain;version=0.0.4;q=0.6,application/openmetrics-text;q=0.3', 'prometheus'],
    ['application/openmetrics-text;q=0', 'prometheus'],
    ['application/vnd.google.protobuf', 'prometheus'],
  ] as const)('%s gets %s', (accept, format) => expect(formatFor(accept)).toBe(format));
});
