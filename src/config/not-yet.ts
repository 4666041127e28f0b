// What docs and other people's configs may hold but this version does not do. Later versions shorten this table.
// Promises that such a key or value is called by what it is: not available, rather than unknown.

interface Row {
  /** The key's pattern, as in schema.ts. */
  readonly at: string;
  /** Only these values of it; absent: the key as a whole. */
  readonly value?: RegExp;
}

/** Errors: a gateway that ran without these would do something else than its config says. */
const NOT_AVAILABLE: readonly Row[] = [{ at: 'pools.NAME.health.type', value: /^(http|mirth|mllp)$/ }];

/** Warnings: messages are routed the same without these. */
const NO_EFFECT: readonly string[] = ['parsing', 'admin', 'telemetry.traces', 'telemetry.metrics'];

export function keyNotAvailable(pattern: string): boolean {
  return NOT_AVAILABLE.some(({ at, value }) => value === undefined && at === pattern);
}

export function valueNotAvailable(pattern: string, text: string): boolean {
  return NOT_AVAILABLE.some(({ at, value }) => value?.test(text) === true && at === pattern);
}

export function hasNoEffect(pattern: string): boolean {
  return NO_EFFECT.includes(pattern);
}

export const NOT_AVAILABLE_TEXT = 'not available in this version';
