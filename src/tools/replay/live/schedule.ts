// When each message should go: an open loop, so what the target does changes no due time. Pure arithmetic from the start
// of the run, so that no timer's lateness adds up.

export interface Pace {
  /** Messages a second, once the ramp is over. */
  readonly perSecond: number;
  /** The rate grows evenly from nothing for so long. */
  readonly rampMs: number;
}

/**
 * When the `n`th message (from 0) is due, in milliseconds from the start. While the rate ramps, the messages that are due
 * by t are perSecond · t² / 2 · ramp; behind it, as many fewer than at full rate as half the ramp would have held.
 */
export function dueMs(n: number, { perSecond, rampMs }: Pace): number {
  const perMs = perSecond / 1000;
  const inRamp = (perMs * rampMs) / 2;
  return n < inRamp ? Math.sqrt((2 * n * rampMs) / perMs) : rampMs / 2 + n / perMs;
}
