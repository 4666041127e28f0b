// What two texts have that the other has not, line by line. Pure. Promises work that is bounded: of texts that differ in too much all
// lines between the first and the last that differ are said to.

export interface DiffLine {
  readonly text: string;
  /** The other text has no such line here. */
  readonly isOwn: boolean;
}

export interface Difference {
  readonly left: readonly DiffLine[];
  readonly right: readonly DiffLine[];
}

/** Of the table of longest common sequences: a million steps are some ten milliseconds. */
const MOST_CELLS = 1_000_000;

export function differenceOf(leftText: string, rightText: string): Difference {
  const [left, right] = [leftText.split('\n'), rightText.split('\n')];
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  while (
    end < left.length - start &&
    end < right.length - start &&
    left[left.length - 1 - end] === right[right.length - 1 - end]
  )
    end++;
  const [own, others] = [left.slice(start, left.length - end), right.slice(start, right.length - end)];
  const [inLeft, inRight] = commonIn(own, others);
  const lines = (all: readonly string[], common: ReadonlySet<number>): readonly DiffLine[] =>
    all.map((text, n) => ({
      text,
      isOwn: n >= start && n < all.length - end && !common.has(n - start),
    }));
  return { left: lines(left, inLeft), right: lines(right, inRight) };
}

/** Which lines of each belong to the longest sequence that both have. */
function commonIn(left: readonly string[], right: readonly string[]): [Set<number>, Set<number>] {
  const [inLeft, inRight] = [new Set<number>(), new Set<number>()];
  const width = right.length + 1;
  if ((left.length + 1) * width > MOST_CELLS) return [inLeft, inRight];
  const lengths = new Uint32Array((left.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        left[i] === right[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    if (left[i] === right[j]) {
      inLeft.add(i++);
      inRight.add(j++);
    } else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return [inLeft, inRight];
}
