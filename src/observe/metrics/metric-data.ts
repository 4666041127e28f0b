// Metrics as OpenTelemetry's SDK passes them on, to its Prometheus serializer and to its exporters. The counts are the
// gateway's own (docs/decisions/0009-own-counters.md); all are cumulative since the process began.
import { type HrTime, ValueType } from '@opentelemetry/api';
import { hrTime, millisToHrTime } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram as HistogramValue,
  type MetricData,
  type MetricProducer,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { version } from '../../version.ts';
import type { Family } from './family.ts';
import type { BucketHistogram } from './histogram.ts';
import type { ExemplifiedPoint } from './metric-bytes.ts';

export type Collect = () => Promise<readonly Family[]>;

/** `withUnits`: the text format has no place for them but in names, which have them. */
export function resourceMetrics(families: readonly Family[], withUnits: boolean): ResourceMetrics {
  const at = hrTime();
  return {
    resource: emptyResource(),
    scopeMetrics: [
      { scope: { name: 'hl7-gateway', version }, metrics: families.map((one) => metric(one, at, withUnits)) },
    ],
  };
}

export function producerOf(collect: Collect): MetricProducer {
  return {
    collect: async () => ({ resourceMetrics: resourceMetrics(await collect(), true), errors: [] }),
  };
}

function metric(family: Family, at: HrTime, withUnits: boolean): MetricData {
  const { name, help, unit } = family;
  const about = {
    descriptor: { name, description: help, unit: withUnits ? unit : '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const point = <T>(attributes: Readonly<Record<string, string>>, value: T): DataPoint<T> => ({
    startTime: millisToHrTime(performance.timeOrigin),
    endTime: at,
    attributes,
    value,
  });
  if (family.kind === 'histogram') {
    const dataPoints = family.samples.map(
      ({ labels, histogram }): ExemplifiedPoint => ({
        ...point(labels, bucketsOf(histogram)),
        exemplars: histogram.exemplars.filter((one) => one !== undefined),
      }),
    );
    return { ...about, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = family.samples.map(({ labels, value }) => point(labels, value));
  return family.kind === 'counter'
    ? { ...about, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    : { ...about, dataPointType: DataPointType.GAUGE, dataPoints };
}

function bucketsOf({ bounds, counts, sum, count }: BucketHistogram): HistogramValue {
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count };
}
