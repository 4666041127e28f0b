// What a replay has to say at its end, in words and as JSON, and while it runs in one line.
import type { Pace } from './schedule.ts';
import type { Tally } from './tally.ts';

/** Below this the rate counts as not held: what is asked of the replay itself. */
const HELD = 0.98;
/** Above this much lateness of most messages it is this machine that was too slow: twenty of its ticks. */
const LATE_MS = 20;
const BAR = 40;

export interface ReportAbout {
  readonly targets: readonly string[];
  readonly pace: Pace | undefined;
}

/** Good: every message was sent, and accepted. */
export function isGood({ refused, failedCount, interrupted, notSent }: Tally): boolean {
  return refused + failedCount + notSent === 0 && !interrupted;
}

/** Why the rate was not held; undefined where it was. */
export function shortfall(tally: Tally, pace: Pace | undefined): string | undefined {
  if (pace === undefined || (tally.held >= HELD && tally.notSent === 0)) return undefined;
  const lag = tally.lag.percentileMs(99);
  const because =
    lag > LATE_MS
      ? behind(tally)
      : `the answers came too slowly for ${counted(tally.connections, 'connection')}`;
  const left = tally.notSent === 0 ? '' : `, and ${tally.notSent} were due and never sent`;
  return `the rate was not held: ${perSecond(tally.sentPerSecond)} of ${perSecond(pace.perSecond)}${left}; ${because}`;
}

export function inWords(tally: Tally, { targets, pace }: ReportAbout): string[] {
  const { latency, lag } = tally;
  const lines = tally.failures.map(({ file, number, controlId, code, text }) => {
    const what = text === undefined ? `refused with ${code}` : text;
    return `${file}${number === 1 ? '' : ` (message ${number})`}  ${controlId}  ${what}`;
  });
  const more = tally.refused + tally.failedCount - tally.failures.length;
  if (more > 0) lines.push(`… and ${more} more`);
  if (lines.length > 0) lines.push('');
  if (tally.interrupted) lines.push('interrupted; so far:');
  lines.push(
    `${tally.sentCount} sent to ${targets.join(', ')} in ${(tally.elapsedMs / 1000).toFixed(1)} s: ` +
      `${tally.accepted} accepted, ${tally.refused} refused, ${tally.failedCount} without an answer` +
      (tally.unanswered === 0 ? '' : `, ${tally.unanswered} not waited for`),
  );
  const senders = `${counted(tally.senders, 'sender')} on ${counted(tally.connections, 'connection')}`;
  const asked =
    pace === undefined ? '' : ` of ${perSecond(pace.perSecond)}${pace.rampMs > 0 ? ' after the ramp' : ''}`;
  lines.push(`rate ${perSecond(tally.sentPerSecond)}${asked}, ${senders}`);
  const short = shortfall(tally, pace);
  if (short !== undefined) lines.push(short);
  else if (pace !== undefined && lag.percentileMs(99) > LATE_MS)
    lines.push(`${behind(tally)}: the latencies below are in part its own`);
  if (pace !== undefined)
    lines.push(
      `this machine sent them late by ${ms(lag.percentileMs(50))} (50 %), ${ms(lag.percentileMs(99))} (99 %), ${ms(lag.maxMs)} at most`,
    );
  const codes = [...tally.answers, ...tally.errors].map(([code, n]) => `${code} ${n}`);
  if (codes.length > 0) lines.push(`answers ${codes.join(', ')}`);
  if (latency.count === 0) return lines;
  const percentiles = [50, 90, 99, 99.9].map((p) => `p${p} ${ms(latency.percentileMs(p))}`);
  lines.push(
    `latency ${pace === undefined ? '' : 'from when each was due '}${percentiles.join(', ')}, max ${ms(latency.maxMs)}`,
  );
  const rows = latency.rows();
  const highest = Math.max(...rows.map(({ count }) => count));
  for (const { toMs, count } of rows) {
    const bar = '#'.repeat(Math.max(1, Math.round((count / highest) * BAR)));
    lines.push(`  to ${ms(toMs).padStart(10)}  ${String(count).padStart(8)}  ${bar}`);
  }
  return lines;
}

export function asJson(tally: Tally, { targets, pace }: ReportAbout): object {
  const { latency, lag } = tally;
  return {
    targets,
    seconds: rounded(tally.elapsedMs / 1000),
    sent: tally.sentCount,
    accepted: tally.accepted,
    refused: tally.refused,
    failed: tally.failedCount,
    notSent: tally.notSent,
    unanswered: tally.unanswered,
    interrupted: tally.interrupted,
    senders: tally.senders,
    connections: tally.connections,
    ratePerSecond: tally.sentPerSecond === undefined ? undefined : rounded(tally.sentPerSecond),
    askedPerSecond: pace?.perSecond,
    rampMs: pace?.rampMs,
    rateHeld: pace === undefined ? undefined : shortfall(tally, pace) === undefined,
    shortfall: shortfall(tally, pace),
    senderLagMs:
      pace === undefined
        ? undefined
        : { p50: rounded(lag.percentileMs(50)), p99: rounded(lag.percentileMs(99)), max: rounded(lag.maxMs) },
    answers: Object.fromEntries(tally.answers),
    errors: Object.fromEntries(tally.errors),
    latencyMs: {
      min: rounded(latency.minMs),
      mean: rounded(latency.meanMs),
      p50: rounded(latency.percentileMs(50)),
      p90: rounded(latency.percentileMs(90)),
      p99: rounded(latency.percentileMs(99)),
      p999: rounded(latency.percentileMs(99.9)),
      max: rounded(latency.maxMs),
    },
    histogram: latency.rows(),
    failures: tally.failures,
  };
}

/** One line, while it runs. */
export function progressLine(tally: Tally, total: number | undefined): string {
  const of = total === undefined ? '' : `/${total}`;
  const bad = tally.refused + tally.failedCount;
  return (
    `${(tally.elapsedMs / 1000).toFixed(0)} s  ${tally.sentCount}${of} sent  ${perSecond(tally.sentPerSecond)}  ` +
    `p50 ${ms(tally.latency.percentileMs(50))}  p99 ${ms(tally.latency.percentileMs(99))}  ${bad} bad`
  );
}

function behind({ lag }: Tally): string {
  return `the sender machine was behind by ${Math.round(lag.percentileMs(99))} ms (99 %), ${Math.round(lag.maxMs)} ms at most`;
}

function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function perSecond(rate: number | undefined): string {
  if (rate === undefined) return '-';
  return `${rate < 100 ? rate.toFixed(1) : Math.round(rate)}/s`;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)} ms`;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
