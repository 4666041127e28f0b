// What differs between two messages, field by field: for people who compare what was sent with what was expected.
// Values are compared as read, so escapes, charsets, delimiters and line ends that say the same are no difference.
import {
  type Field,
  fieldPathOf,
  joinedField,
  type WholeMessage,
  type WholeSegment,
} from './whole-message.ts';

export interface FieldDifference {
  /** A field path as conditions have it, to the piece that differs; `PID[2]` a whole segment, `segments` their order. */
  readonly path: string;
  /** Undefined: not there. */
  readonly left: string | undefined;
  readonly right: string | undefined;
}

export interface Comparison {
  /** Paths of fields that may differ: `MSH-7` is that of every MSH. */
  readonly ignore: readonly string[];
}

/** What two copies of one message differ in: date and control id. */
export const COPIES: Comparison = { ignore: ['MSH-7', 'MSH-10'] };

/**
 * In the order of `left`. Segments belong together by name and occurrence. A piece that is empty and one that is not
 * there are the same (v2.9.1 2.6.2: trailing separators may be left out).
 */
export function differences(
  left: WholeMessage,
  right: WholeMessage,
  { ignore }: Comparison = COPIES,
): FieldDifference[] {
  const found: FieldDifference[] = [];
  const others = new Map(right.segments.map((segment) => [keyOf(segment), segment]));
  for (const segment of left.segments) {
    const other = others.get(keyOf(segment));
    others.delete(keyOf(segment));
    if (other === undefined)
      found.push({ path: fieldPathOf(segment), left: textOf(segment), right: undefined });
    else compareSegments(segment, other, new Set(ignore), found);
  }
  for (const segment of others.values())
    found.push({ path: fieldPathOf(segment), left: undefined, right: textOf(segment) });
  // Where segments are missing, that has been said.
  if (left.segments.length === right.segments.length && !found.some(({ path }) => !path.includes('-'))) {
    const orders = [left, right].map(({ segments }) => segments.map(({ name }) => name).join(' '));
    if (orders[0] !== orders[1]) found.push({ path: 'segments', left: orders[0], right: orders[1] });
  }
  return found;
}

function keyOf({ name, occurrence }: WholeSegment): string {
  return `${occurrence} ${name}`;
}

function textOf({ fields }: WholeSegment): string {
  return fields.map(joinedField).join('|');
}

function compareSegments(
  left: WholeSegment,
  right: WholeSegment,
  ignore: ReadonlySet<string>,
  found: FieldDifference[],
): void {
  const fields = Math.max(left.fields.length, right.fields.length);
  for (let f = 0; f < fields; f++) {
    if (ignore.has(`${left.name}-${f + 1}`)) continue;
    compareFields(`${fieldPathOf(left)}-${f + 1}`, left.fields[f] ?? [], right.fields[f] ?? [], found);
  }
}

/** A path names no more than it must: the repetition where there are several, the subcomponent likewise. */
function compareFields(path: string, left: Field, right: Field, found: FieldDifference[]): void {
  const repetitions = Math.max(left.length, right.length);
  for (let r = 0; r < repetitions; r++) {
    const a = left[r] ?? [];
    const b = right[r] ?? [];
    const inRepetition = repetitions === 1 ? path : `${path}[${r + 1}]`;
    const components = Math.max(a.length, b.length);
    for (let c = 0; c < components; c++) {
      const subcomponents = Math.max(a[c]?.length ?? 0, b[c]?.length ?? 0);
      const inComponent = components === 1 && subcomponents === 1 ? inRepetition : `${inRepetition}.${c + 1}`;
      for (let s = 0; s < subcomponents; s++) {
        const [x, y] = [a[c]?.[s], b[c]?.[s]];
        if ((x ?? '') === (y ?? '')) continue;
        found.push({
          path: subcomponents === 1 ? inComponent : `${inComponent}.${s + 1}`,
          left: x,
          right: y,
        });
      }
    }
  }
}
