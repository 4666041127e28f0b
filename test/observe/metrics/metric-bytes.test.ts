// What is written beside what opentelemetry-js' own serialiser writes of the same metrics, both read by a third hand; and
// the exemplars, which that one leaves out.
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Family, histograms, numbers } from '../../../src/observe/metrics/family.ts';
import { BucketHistogram } from '../../../src/observe/metrics/histogram.ts';
import { metricBytes } from '../../../src/observe/metrics/metric-bytes.ts';
import { resourceMetrics } from '../../../src/observe/metrics/metric-data.ts';
import { anyCharacter } from '../../helpers/any-text.ts';
import { decodeMetrics } from '../../helpers/otlp-metrics-collector.ts';

const labels = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,9}$/),
  fc.string({ unit: anyCharacter, maxLength: 150 }),
  {
    maxKeys: 4,
  },
);
const sample = fc.record({ labels, value: fc.double({ noNaN: true }) });
const durations = fc.array(fc.double({ min: 0, max: 60, noNaN: true }), { maxLength: 40 });
const family: fc.Arbitrary<Family> = fc.oneof(
  fc.array(sample, { maxLength: 4 }).map((samples) => numbers('hl7_gateway_messages_total', samples)),
  fc.array(sample, { maxLength: 4 }).map((samples) => numbers('hl7_gateway_node_up', samples)),
  fc.array(fc.record({ labels, durations }), { maxLength: 3 }).map((all) =>
    histograms(
      'hl7_gateway_ack_seconds',
      all.map((one) => {
        const histogram = new BucketHistogram();
        for (const duration of one.durations) histogram.record(duration);
        return { labels: one.labels, histogram };
      }),
    ),
  ),
);

const RESOURCE = resourceFromAttributes({
  'service.name': 'x',
  'process.pid': 12,
  ['long'.repeat(40)]: true,
});

test('any metrics read as opentelemetry-js would have sent them', () => {
  fc.assert(
    fc.property(fc.array(family, { maxLength: 4 }), (families) => {
      const metrics = { ...resourceMetrics(families, true), resource: RESOURCE };
      const theirs = ProtobufMetricsSerializer.serializeRequest(metrics);
      expect(decodeMetrics(metricBytes(metrics))).toEqual(decodeMetrics(theirs as Uint8Array));
    }),
  );
});

test('counts beyond 32 bits are whole', () => {
  const histogram = new BucketHistogram([1]);
  Object.assign(histogram, { count: 2 ** 40 + 5, counts: [2 ** 40, 5] });
  const metrics = resourceMetrics([histograms('hl7_gateway_ack_seconds', [{ labels: {}, histogram }])], true);
  expect(JSON.stringify(decodeMetrics(metricBytes(metrics)))).toContain(
    `"count":"${2 ** 40 + 5}","bucketCounts":["${2 ** 40}","5"]`,
  );
});

test('a bucket whose last message had a trace has it as its exemplar', () => {
  const histogram = new BucketHistogram([1, 10]);
  const [first, second, third] = ['a1', 'b2', 'c3'].map((digits) => digits.repeat(16)) as [
    string,
    string,
    string,
  ];
  histogram.record(0.5, first);
  histogram.record(0.75, second);
  histogram.record(0.8);
  histogram.record(20, third);
  const metrics = resourceMetrics([histograms('hl7_gateway_ack_seconds', [{ labels: {}, histogram }])], true);
  const { exemplars } = pointOf(decodeMetrics(metricBytes(metrics)));
  expect(exemplars?.map(({ traceId, asDouble }) => [Buffer.from(traceId).toString('hex'), asDouble])).toEqual(
    [
      [second, 0.75],
      [third, 20],
    ],
  );
  for (const { timeUnixNano } of exemplars ?? [])
    expect(Number(timeUnixNano) / 1e6).toBeCloseTo(Date.now(), -5);
});

interface Point {
  readonly exemplars?: readonly {
    readonly traceId: Uint8Array;
    readonly asDouble: number;
    readonly timeUnixNano: string;
  }[];
}

interface Decoded {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly { readonly histogram: { readonly dataPoints: readonly Point[] } }[];
    }[];
  }[];
}

function pointOf(decoded: Record<string, unknown>): Point {
  const { resourceMetrics: all } = decoded as unknown as Decoded;
  return all[0]?.scopeMetrics[0]?.metrics[0]?.histogram.dataPoints[0] ?? {};
}
