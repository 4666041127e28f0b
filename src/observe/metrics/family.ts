// What one metric says at one moment, whichever way it is told: as text for Prometheus, or pushed by OTLP.
import { METRICS, type MetricInfo, type MetricName } from './catalogue.ts';
import type { BucketHistogram } from './histogram.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: Labels;
  readonly histogram: BucketHistogram;
}

interface FamilyBase extends Omit<MetricInfo, 'kind' | 'labels'> {
  readonly name: MetricName;
}

export interface NumberFamily extends FamilyBase {
  readonly kind: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
}

export interface HistogramFamily extends FamilyBase {
  readonly kind: 'histogram';
  readonly samples: readonly HistogramSample[];
}

export type Family = NumberFamily | HistogramFamily;

export function numbers(name: MetricName, samples: readonly Sample[]): NumberFamily {
  const { kind, unit, help }: MetricInfo = METRICS[name];
  if (kind === 'histogram') throw new TypeError(`${name} is a histogram`);
  return { name, kind, unit, help, samples };
}

export function number(name: MetricName, value: number, labels: Labels = {}): NumberFamily {
  return numbers(name, [{ labels, value }]);
}

/** One sample for each key of a record: `label` is its name. */
export function counted(
  name: MetricName,
  label: string,
  counts: Readonly<Record<string, number>>,
): NumberFamily {
  return numbers(
    name,
    Object.entries(counts).map(([key, value]) => ({ labels: { [label]: key }, value })),
  );
}

export function histograms(name: MetricName, samples: readonly HistogramSample[]): HistogramFamily {
  const { kind, unit, help }: MetricInfo = METRICS[name];
  if (kind !== 'histogram') throw new TypeError(`${name} is no histogram`);
  return { name, kind, unit, help, samples };
}
