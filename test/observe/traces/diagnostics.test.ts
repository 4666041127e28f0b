// What opentelemetry-js says of itself is in the log, without what it quotes.
import { diag } from '@opentelemetry/api';
import { afterEach, expect, it } from 'vitest';
import { createLog } from '../../../src/observe/log/log.ts';
import { tellDiagnostics } from '../../../src/observe/traces/diagnostics.ts';

afterEach(() => diag.disable());

function listen(): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line));
  tellDiagnostics(createLog({ level: 'debug', format: 'json' }, { write }));
  return lines;
}

it('warnings and errors are lines of the log, each once', () => {
  const lines = listen();
  diag.warn('Export took too long');
  diag.error('Unknown compression');
  diag.warn('Export took too long');
  expect(lines.map(({ level, msg, detail }) => [level, msg, detail])).toEqual([
    ['warn', 'traces: a word of OpenTelemetry itself', 'Export took too long'],
    ['warn', 'traces: a word of OpenTelemetry itself', 'Unknown compression'],
  ]);
});

it('what is less than a warning is not', () => {
  const lines = listen();
  diag.info('started');
  diag.debug('a span');
  diag.verbose('more');
  expect(lines).toEqual([]);
});

it('neither values of variables, nor URLs, nor arguments are in them', () => {
  const lines = listen();
  diag.warn('cannot read "Bearer s3cret" of \'OTEL_EXPORTER_OTLP_HEADERS\' at http://user:s3cret@host/v1');
  diag.error('export failed', 'otlp', { body: 's3cret' });
  diag.error('export failed', Buffer.from('s3cret'));
  expect(lines).toHaveLength(3);
  expect(JSON.stringify(lines)).not.toContain('s3cret');
});
