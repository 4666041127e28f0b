// Holds senders that stand still against the limits that the config has for them: they are ended by then, and not before. Pure.
import type { Calm } from '../../campaign/checks/calm.ts';
import type { Violation } from '../../campaign/checks/violation.ts';
import { ARRIVES_MS, type Lived, MS } from './lived.ts';

/** Timers are early by less than a millisecond, and what a sender says arrives after it has said it. */
const EARLY_MS = 3;

interface Fault {
  readonly source?: string;
  readonly code?: string;
}

export function checkSenders({ stood, lines, senderLimits, disturbances }: Lived, calm: Calm): Violation[] {
  const found: Violation[] = stood
    .filter(({ isKept, sender, from, until }) => isKept && !calm.wasDisturbed([sender], from, until))
    .map(({ sender, what, from, until }) => ({
      rule: 'sender-kept',
      text: `${sender}: ${what} from ${from} to ${until}, and its connection was there still`,
    }));
  const limitMs: Readonly<Record<string, number>> = {
    GW_ERR_FRAME_TIMEOUT: senderLimits.frameMs,
    // None of them says what is no message.
    GW_ERR_FRAME_NO_START: Number.POSITIVE_INFINITY,
    GW_ERR_SENDER_IDLE: senderLimits.idleMs,
    GW_ERR_SENDER_NOT_READING: senderLimits.writeMs,
  };
  for (const { t, text } of lines) {
    if (!text.includes('GW_ERR_')) continue;
    const { code = '', source } = JSON.parse(text) as Fault;
    const limit = limitMs[code];
    if (limit === undefined) continue;
    // What it has said is late, from whenever in that time on.
    const isLate = disturbances.some(
      ({ kind, target, from, until }) =>
        Number.isFinite(limit) &&
        kind === 'sender-way' &&
        target === source &&
        from <= t &&
        t <= until + (limit + ARRIVES_MS) * MS,
    );
    const spans = [
      ...stood.filter(({ sender }) => sender === source),
      ...disturbances.filter(({ kind, target }) => kind === 'sender-slow-reader' && target === source),
    ];
    const hasStood = spans.some(
      ({ from, until }) => t - from >= (limit - EARLY_MS) * MS && t <= until + ARRIVES_MS * MS,
    );
    if (!isLate && !hasStood)
      found.push({
        rule: 'sender-cut',
        text: `${source}: ${code} at ${t}, and it had not stood for ${limit} ms`,
      });
  }
  return found;
}
