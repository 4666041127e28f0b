// Metrics as OTLP's ExportMetricsServiceRequest, with the exemplars that opentelemetry-js' own serialiser leaves out.
// Promises to write all else as that one does; field numbers are those of opentelemetry-proto 1.x, metrics/v1.
import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram as HistogramValue,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { BYTES, FIXED64, ProtoWriter, tag, VARINT } from '../otlp/proto-writer.ts';
import { writeAttributes, writeResource, writeScope } from '../otlp/source.ts';
import type { Exemplar } from './histogram.ts';

/** A histogram's point, and one message for each of its buckets that had a trace. */
export interface ExemplifiedPoint extends DataPoint<HistogramValue> {
  readonly exemplars: readonly Readonly<Exemplar>[];
}

/** Some 60 metrics of a small gateway. */
const FIRST_BYTES = 64 * 1024;

const RESOURCE_METRICS = tag(1, BYTES);
const SCOPE_METRICS = tag(2, BYTES);
const METRICS = tag(2, BYTES);
const GAUGE = tag(5, BYTES);
const SUM = tag(7, BYTES);
const HISTOGRAM = tag(9, BYTES);
const POINTS = tag(1, BYTES);
const TEMPORALITY = tag(2, VARINT);
const IS_MONOTONIC = tag(3, VARINT);

export function metricBytes({ resource, scopeMetrics }: ResourceMetrics): Uint8Array {
  const out = new ProtoWriter(Buffer.allocUnsafeSlow(FIRST_BYTES));
  nested(out, RESOURCE_METRICS, () => {
    writeResource(out, resource.attributes);
    for (const { scope, metrics } of scopeMetrics)
      nested(out, SCOPE_METRICS, () => {
        writeScope(out, scope);
        for (const metric of metrics) nested(out, METRICS, () => writeMetric(out, metric));
      });
  });
  return out.take(Buffer.alloc(0));
}

function writeMetric(out: ProtoWriter, metric: MetricData): void {
  const { name, description, unit } = metric.descriptor;
  out.string(tag(1, BYTES), name);
  out.string(tag(2, BYTES), description);
  out.string(tag(3, BYTES), unit);
  switch (metric.dataPointType) {
    case DataPointType.GAUGE:
      nested(out, GAUGE, () => writeNumbers(out, metric));
      break;
    case DataPointType.SUM:
      nested(out, SUM, () => {
        writeNumbers(out, metric);
        writeTemporality(out, metric);
        if (metric.isMonotonic) out.varint(IS_MONOTONIC, 1);
      });
      break;
    case DataPointType.HISTOGRAM:
      nested(out, HISTOGRAM, () => {
        for (const point of metric.dataPoints) nested(out, POINTS, () => writeHistogram(out, point));
        writeTemporality(out, metric);
      });
      break;
    // The gateway has none of the others.
    default:
      throw new TypeError('a kind of metric that is not written');
  }
}

function writeTemporality(out: ProtoWriter, { aggregationTemporality }: MetricData): void {
  out.varint(TEMPORALITY, aggregationTemporality === AggregationTemporality.DELTA ? 1 : 2);
}

type Numbers = Extract<MetricData, { readonly dataPointType: DataPointType.GAUGE | DataPointType.SUM }>;

function writeNumbers(out: ProtoWriter, { dataPoints, descriptor }: Numbers): void {
  if (descriptor.valueType !== ValueType.DOUBLE) throw new TypeError('the gateway counts in doubles');
  for (const { startTime, endTime, attributes, value } of dataPoints)
    nested(out, POINTS, () => {
      writeTime(out, tag(2, FIXED64), startTime);
      writeTime(out, tag(3, FIXED64), endTime);
      out.double(tag(4, FIXED64), value);
      writeAttributes(out, tag(7, BYTES), attributes);
    });
}

function writeHistogram(out: ProtoWriter, point: DataPoint<HistogramValue>): void {
  const { startTime, endTime, attributes, value } = point;
  const { buckets, sum, count } = value;
  writeTime(out, tag(2, FIXED64), startTime);
  writeTime(out, tag(3, FIXED64), endTime);
  out.fixed64(tag(4, FIXED64), Math.floor(count / 2 ** 32), count % 2 ** 32);
  if (sum !== undefined) out.double(tag(5, FIXED64), sum);
  const counts = Buffer.alloc(8 * buckets.counts.length);
  buckets.counts.forEach((one, i) => void counts.writeBigUInt64LE(BigInt(one), 8 * i));
  nested(out, tag(6, BYTES), () => out.raw(counts));
  const bounds = Buffer.alloc(8 * buckets.boundaries.length);
  buckets.boundaries.forEach((one, i) => void bounds.writeDoubleLE(one, 8 * i));
  nested(out, tag(7, BYTES), () => out.raw(bounds));
  if (hasExemplars(point))
    for (const { traceId, value: seconds, at } of point.exemplars)
      nested(out, tag(8, BYTES), () => {
        out.bigFixed64(tag(2, FIXED64), BigInt(at) * 1_000_000n);
        out.double(tag(3, FIXED64), seconds);
        out.hex(tag(5, BYTES), traceId);
      });
  writeAttributes(out, tag(9, BYTES), attributes);
}

function hasExemplars(point: DataPoint<HistogramValue>): point is ExemplifiedPoint {
  return 'exemplars' in point;
}

function writeTime(out: ProtoWriter, fieldTag: number, [seconds, nanos]: HrTime): void {
  out.bigFixed64(fieldTag, BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
}

function nested(out: ProtoWriter, fieldTag: number, write: () => void): void {
  const start = out.open(fieldTag);
  write();
  out.close(start);
}
