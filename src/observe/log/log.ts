// Logs as lines by pino, in one of three formats (log-format.ts). What of a message may be logged is decided here: its
// header's identifiers, escaped and cut, and nothing else.
import { isatty } from 'node:tty';
import { type DestinationStream, type Logger, pino } from 'pino';
import { wallMs } from '../../platform/time.ts';
import { memberKey } from './line-writer.ts';
import { formatted, type LogFormat } from './log-format.ts';
import { LogOutput } from './log-output.ts';

export type Log = Logger;

/** Logs whose lines go out as they are. */
const outputs = new WeakMap<Log, LogOutput>();

/** Where a line of JSON may be written as bytes; undefined: this log's lines have another format, or another way. */
export function lineOutputOf(log: Log): LogOutput | undefined {
  return outputs.get(log);
}

export interface LogOptions {
  readonly level: string;
  /** `auto`: text on a terminal, JSON elsewhere. `pretty`: the old name of `text`. */
  readonly format: LogFormat | 'auto' | 'pretty';
}

/** `worker`: which process of a gateway of several writes the lines. */
export function createLog(options: LogOptions, destination?: DestinationStream, worker?: number): Log {
  const settings = {
    level: options.level,
    base: worker === undefined ? null : { worker },
    timestamp: () => `,"time":"${new Date(wallMs()).toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const stream = destination ?? new LogOutput();
  const format = shownFormat(options.format);
  const colours = destination === undefined && isatty(1) && process.env.NO_COLOR === undefined;
  const log = pino(settings, format === 'json' ? stream : inFormat(stream, format, colours));
  if (stream instanceof LogOutput && format === 'json') {
    outputs.set(log, stream);
    if (worker !== undefined)
      stream.bindings = Buffer.concat([memberKey('worker'), Buffer.from(`${worker}`)]);
  }
  if (stream instanceof LogOutput)
    stream.onDropped = (lines, cause) => log.warn({ lines, cause }, 'log: lines were dropped');
  return log;
}

function inFormat(stream: DestinationStream, format: LogFormat, colours: boolean): DestinationStream {
  const written = { write: (line: string) => stream.write(formatted(line, format, colours)) };
  // Asked for by pino's own flush().
  return stream instanceof LogOutput
    ? Object.assign(written, { flush: (done?: () => void) => stream.flush(done) })
    : written;
}

/** On this process's standard output. */
export function shownFormat(format: LogOptions['format']): LogFormat {
  if (format === 'auto') return isatty(1) ? 'text' : 'json';
  return format === 'pretty' ? 'text' : format;
}
