// What opentelemetry-js has to say of itself, in the log. Promises that nothing but its own words get there (its arguments may
// hold an answer's bytes or a header's secret), and that one sentence comes once in ten minutes.
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { monotonicMs } from '../../platform/time.ts';
import type { Log } from '../log/log.ts';

const PERIOD_MS = 600_000;
const MAX_SENTENCES = 100;
const MAX_LENGTH = 200;

/** For the whole process: opentelemetry-js has one such place. */
export function tellDiagnostics(log: Log): void {
  const said = new Map<string, number>();
  const tell = (...words: unknown[]): void => {
    // A component's name comes first.
    const text = words.slice(0, 2).filter((word) => typeof word === 'string');
    const detail = withoutValues(text.join(': ')).slice(0, MAX_LENGTH);
    const now = monotonicMs();
    const last = said.get(detail);
    if (last !== undefined && now - last < PERIOD_MS) return;
    if (said.size >= MAX_SENTENCES) said.clear();
    said.set(detail, now);
    log.warn({ detail }, 'traces: a word of OpenTelemetry itself');
  };
  const silent = (): void => {};
  diag.setLogger(
    { error: tell, warn: tell, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

/** It quotes the values of variables, and an URL may hold a password. */
function withoutValues(text: string): string {
  return text
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '(URL)')
    .replace(/"[^"]*"|'[^']*'/g, '(value)')
    .replace(/[^\x20-\x7e]/g, ' ');
}
