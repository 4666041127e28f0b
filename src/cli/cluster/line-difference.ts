// What is different between two texts, line by line.

/** A table of both lengths is made: a keepalived.conf has some hundred lines, and what is longer is compared to here. */
const MOST_LINES = 2000;

/** Lines that only one has, with `-` for the first and `+` for the second, and `@@` with the line of the first where lines between are alike. */
export function lineDifference(before: readonly string[], after: readonly string[]): readonly string[] {
  const one = before.slice(0, MOST_LINES);
  const other = after.slice(0, MOST_LINES);
  const lengths = commonLengths(one, other);
  const shown: string[] = [];
  let [i, j, isApart] = [0, 0, true];
  const show = (line: string): void => {
    if (isApart) shown.push(`@@ line ${i + 1}`);
    isApart = false;
    shown.push(line);
  };
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      [i, j, isApart] = [i + 1, j + 1, true];
    } else if (j === other.length || (i < one.length && at(lengths, i + 1, j) >= at(lengths, i, j + 1))) {
      show(`-${one[i]}`);
      i++;
    } else {
      show(`+${other[j]}`);
      j++;
    }
  }
  return shown;
}

/** For each pair of places, how many lines the rests have in common, in order. */
function commonLengths(one: readonly string[], other: readonly string[]): readonly Uint16Array[] {
  const lengths = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1));
  for (let i = one.length - 1; i >= 0; i--) {
    const row = lengths[i] as Uint16Array;
    for (let j = other.length - 1; j >= 0; j--)
      row[j] =
        one[i] === other[j]
          ? at(lengths, i + 1, j + 1) + 1
          : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
  }
  return lengths;
}

function at(lengths: readonly Uint16Array[], i: number, j: number): number {
  return lengths[i]?.[j] ?? 0;
}
