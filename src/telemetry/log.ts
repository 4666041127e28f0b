// Logs as JSON lines by pino, or readable ones for a terminal. What of a message may be logged is decided here: its
// header's identifiers, escaped and cut, and nothing else.
import { type DestinationStream, type Logger, pino } from 'pino';
import { LogOutput } from './log-output.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  readonly format: 'json' | 'pretty';
}

export function createLog(options: LogOptions, destination?: DestinationStream): Log {
  const settings = {
    level: options.level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const stream = destination ?? new LogOutput();
  const log = pino(settings, options.format === 'pretty' ? readable(stream) : stream);
  if (stream instanceof LogOutput)
    stream.onDropped = (lines, cause) => log.warn({ lines, cause }, 'log: lines were dropped');
  return log;
}

/** `10:15:03.123 warn  node down  pool=adt node=a reason=…`: what a terminal shows of a JSON line. */
function readable(destination: DestinationStream): DestinationStream {
  return {
    write(line: string): void {
      const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
      const fields = Object.entries(rest).map(
        ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      destination.write(
        `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${String(msg)}  ${fields.join(' ')}\n`,
      );
    },
  };
}

/** Longest identifier that is logged whole; v2.9's MSH-10 has up to 199 characters, real ones rarely 50. */
export const MAX_IDENTIFIER = 64;

/** An identifier from a header as it may be logged: printable ASCII, the rest escaped, cut to a bound (F23). */
export function loggable(identifier: string): string {
  const cut = identifier.length > MAX_IDENTIFIER ? `${identifier.slice(0, MAX_IDENTIFIER)}…` : identifier;
  return cut.replace(/[^\x20-\x7e…]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
