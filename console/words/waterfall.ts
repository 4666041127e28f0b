// A message's way as bars on one line of time: waiting in the gateway, then each attempt's dialling, writing and waiting for the
// answer. Pure. Promises bars within 0 and 100 %, whatever the times are.
import type { Schemas } from '../api/schema.ts';

export type HopPart = 'queue' | 'connect' | 'write' | 'answer';

export interface HopBar {
  readonly part: HopPart;
  /** Milliseconds since the message came. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the whole, in percent. */
  readonly left: number;
  readonly width: number;
}

export interface Hop {
  readonly name: string;
  /** Why there, or what went wrong. */
  readonly note: string;
  readonly failed: boolean;
  readonly bars: readonly HopBar[];
}

export const HOP_WORDS: Readonly<Record<HopPart, string>> = {
  queue: 'waits in the gateway',
  connect: 'dials',
  write: 'waits for the connection and writes',
  answer: 'waits for the answer',
};

export function hopsOf(
  message: Pick<Schemas['Message'], 'queueMs' | 'totalMs' | 'attempts'>,
): readonly Hop[] {
  const { queueMs, totalMs, attempts } = message;
  const ends = attempts.flatMap(({ startMs, writtenMs = 0, endMs = 0 }) => [startMs, writtenMs, endMs]);
  const whole = Math.max(totalMs, queueMs, ...ends, 0.001);
  const bar = (part: HopPart, fromMs: number, toMs: number): readonly HopBar[] => {
    const from = Math.min(Math.max(fromMs, 0), whole);
    const to = Math.min(Math.max(toMs, from), whole);
    if (to === from) return [];
    return [{ part, fromMs: from, toMs: to, left: (from / whole) * 100, width: ((to - from) / whole) * 100 }];
  };
  const hops = attempts.map(({ node, reason, startMs, connectMs, writtenMs, endMs, code }): Hop => {
    const end = endMs ?? totalMs;
    const connected = Math.min(startMs + connectMs, writtenMs ?? end);
    return {
      name: node,
      note: code === undefined ? reason : `${reason}; ${code}`,
      failed: code !== undefined,
      bars: [
        ...bar('connect', startMs, connected),
        ...bar('write', connected, writtenMs ?? end),
        ...(writtenMs === undefined ? [] : bar('answer', writtenMs, end)),
      ],
    };
  });
  const first = attempts[0]?.startMs ?? totalMs;
  return [{ name: 'gateway', note: '', failed: false, bars: bar('queue', 0, first) }, ...hops];
}
