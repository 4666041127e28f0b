// "Did you mean": the allowed word closest to one that is not allowed.
// Promises nothing about words too far apart to be a slip of the finger: those get no suggestion.

/** Longer words are compared no further: the distance costs the product of both lengths. */
const LONGEST = 64;

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`, letter case ignored. */
export function distance(a: string, b: string): number {
  const from = a.toLowerCase();
  const to = b.toLowerCase();
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}

/** The closest of `allowed`, or undefined where none is close: one slip for each three letters, at least one. */
export function closest(word: string, allowed: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of allowed) {
    if (candidate.length > LONGEST) continue;
    const cost = distance(word, candidate);
    // Two-letter codes are all one slip apart from each other: AX is not a slip for AE.
    if (cost < bestDistance && cost < Math.max(1, candidate.length - 1)) {
      best = candidate;
      bestDistance = cost;
    }
  }
  return best;
}

/** `; did you mean "x"?`, or nothing. */
export function suggestion(word: string, allowed: readonly string[]): string {
  const best = closest(word, allowed);
  return best === undefined ? '' : `; did you mean "${best}"?`;
}
