// What docs and other people's configs may hold but this version does not do. Later versions shorten this table.
// Promises that such a section is named in a warning, rather than taken without a word.

/** Messages are routed the same without these. */
const NO_EFFECT: readonly string[] = ['telemetry.traces'];

export function hasNoEffect(pattern: string): boolean {
  return NO_EFFECT.includes(pattern);
}
