// Metrics as text: in Prometheus' format by OpenTelemetry's serializer, and in OpenMetrics with exemplars, which that
// serializer does not write. Promises the same names and values in both.
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { Family, Labels } from './family.ts';
import type { Exemplar } from './histogram.ts';
import { resourceMetrics } from './metric-data.ts';

export type MetricsFormat = 'prometheus' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

let serializer: PrometheusSerializer | undefined;

/** Which format a client asks for (RFC 9110 12.5.1); Prometheus' own is for whoever does not say. */
export function formatFor(accept: string): MetricsFormat {
  const qualities = { openmetrics: 0, prometheus: 0 };
  for (const one of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = one.split(';').map((part) => part.trim());
    const q = parameters.find((part) => part.startsWith('q='));
    const quality = q === undefined ? 1 : Number(q.slice(2)) || 0;
    if (type === 'application/openmetrics-text')
      qualities.openmetrics = Math.max(qualities.openmetrics, quality);
    else if (['text/plain', 'text/*', '*/*'].includes(type))
      qualities.prometheus = Math.max(qualities.prometheus, quality);
  }
  return qualities.openmetrics > 0 && qualities.openmetrics >= qualities.prometheus
    ? 'openmetrics'
    : 'prometheus';
}

export function metricsText(families: readonly Family[], format: MetricsFormat): string {
  if (format === 'openmetrics') return `${families.map(openMetrics).join('')}# EOF\n`;
  // One gateway is one target: what a resource says is in build_info, and the one scope says nothing.
  serializer ??= new PrometheusSerializer(undefined, false, undefined, true, true);
  return `${serializer.serialize(resourceMetrics(families, false)).trimEnd()}\n`;
}

function openMetrics(family: Family): string {
  const { kind, name, help } = family;
  // A counter's family has the name without the suffix that its samples have.
  const about = kind === 'counter' ? name.replace(/_total$/, '') : name;
  const lines = [`# TYPE ${about} ${kind}`, `# HELP ${about} ${escaped(help)}`];
  if (family.kind !== 'histogram') {
    for (const { labels, value } of family.samples) lines.push(`${name}${braced(labels)} ${numeral(value)}`);
  } else {
    for (const { labels, histogram } of family.samples) {
      const { bounds, counts, exemplars, sum, count } = histogram;
      let below = 0;
      for (const [index, own] of counts.entries()) {
        below += own;
        const le = canonical(bounds[index] ?? Number.POSITIVE_INFINITY);
        lines.push(`${name}_bucket${braced({ ...labels, le })} ${below}${example(exemplars[index])}`);
      }
      lines.push(`${name}_sum${braced(labels)} ${numeral(sum)}`, `${name}_count${braced(labels)} ${count}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function example(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return '';
  const { traceId, value, at } = exemplar;
  return ` # ${braced({ trace_id: traceId })} ${numeral(value)} ${at / 1000}`;
}

function braced(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

/** OpenMetrics 1.0: bounds are written as `1.0`, so that each has one spelling. */
function canonical(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : numeral(bound);
}

function numeral(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
