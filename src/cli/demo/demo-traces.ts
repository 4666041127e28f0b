// Where the demo sends its traces: what its option says, or the standard variables, or nowhere.
// Promises that an address that is none is told before anything is started.
import { usage } from '../usage.ts';

/** Before anything is started. */
export function checkCollector(url: string | undefined): void {
  const place = url === undefined ? undefined : URL.parse(url);
  const isGood = place?.protocol === 'http:' || place?.protocol === 'https:';
  if (place !== undefined && (!isGood || place?.password !== ''))
    throw usage(
      '--traces takes an http:// or https:// URL without a password, such as http://127.0.0.1:4318',
    );
}

/** Without what an address may hold besides; the environment wins. */
export function collectorOf(url: string | undefined): string {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own, OTEL_EXPORTER_OTLP_ENDPOINT: common } = process.env;
  const place = URL.parse(own || common || url || '');
  return place === null ? '' : `${place.protocol}//${place.host}`;
}

/** Undefined: none. Null: the environment says where they go. */
export function tracesOf(url: string | undefined): string | null | undefined {
  if (url !== undefined) return url;
  const isNamed = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].some(
    (name) => (process.env[name] ?? '').trim() !== '',
  );
  return isNamed ? null : undefined;
}
