// Wall-clock nanoseconds of a moment that monotonicMs() told. Promises that moments keep their order and distance
// as long as the clock is not aligned anew.
import { onOtherPlatform } from '../../platform/current.ts';
import { monotonicMs, wallMs } from '../../platform/time.ts';
import type { ProtoWriter } from '../otlp/proto-writer.ts';

/**
 * The clock of spans may be so far off the wall clock before it is set anew. Less would make neighbouring spans jump by
 * the wall clock's own coarseness (1 ms); the process's own start is no anchor, as NTP moves the wall clock for days.
 */
const MAX_DRIFT_MS = 5;
const TWO_32 = 2 ** 32;

let offsetMs = wallMs() - monotonicMs();
let baseHigh = 0;
let baseLow = 0;
setBase();
onOtherPlatform(() => {
  offsetMs = Number.NEGATIVE_INFINITY;
});

/** To be called before the spans of one message are written: within them the clock does not jump. */
export function alignClock(now: number): void {
  const wanted = wallMs() - now;
  if (Math.abs(wanted - offsetMs) <= MAX_DRIFT_MS) return;
  offsetMs = wanted;
  setBase();
}

/** A fixed64 of nanoseconds since 1970, which are more than a number holds exactly: in two halves. */
export function writeTime(out: ProtoWriter, fieldTag: number, at: number): void {
  const nanos = Math.round(at * 1e6);
  const nanosHigh = Math.floor(nanos / TWO_32);
  const low = baseLow + (nanos - nanosHigh * TWO_32);
  if (low >= TWO_32) out.fixed64(fieldTag, baseHigh + nanosHigh + 1, low - TWO_32);
  else out.fixed64(fieldTag, baseHigh + nanosHigh, low);
}

function setBase(): void {
  const nanos = BigInt(Math.round(offsetMs * 1000)) * 1000n;
  baseHigh = Number(nanos >> 32n);
  baseLow = Number(nanos & 0xffffffffn);
}
