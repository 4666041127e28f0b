// A message's lines and their pieces as offsets: segments, fields, repetitions, components, subcomponents. Nothing is copied.
import type { Delimiters } from '../../hl7/header.ts';

export interface SegmentLine {
  readonly start: number;
  /** Without the line end. */
  readonly end: number;
  /** Behind the line ends and blank lines. */
  readonly next: number;
}

const CR = 0x0d;
const LF = 0x0a;

export function linesOf(mask: Buffer, from: number): SegmentLine[] {
  const lines: SegmentLine[] = [];
  for (let start = from; start < mask.length; ) {
    let end = start;
    while (end < mask.length && mask[end] !== CR && mask[end] !== LF) end++;
    let next = end;
    while (next < mask.length && (mask[next] === CR || mask[next] === LF)) next++;
    lines.push({ start, end, next });
    start = next;
  }
  return lines;
}

export type ComponentVisitor = (
  start: number,
  end: number,
  component: number,
  subcomponent: number,
  behind: Span,
) => void;

export interface Span {
  readonly start: number;
  readonly end: number;
}

const NOTHING: Span = { start: 0, end: 0 };

/**
 * Every value of the field at `start`…`end`, in order; components and subcomponents from 0. `behind`: the value before it,
 * of its own component or, if it is the only one there, the first of the component before.
 */
export function visitField(
  mask: Buffer,
  start: number,
  end: number,
  delimiters: Delimiters,
  visit: ComponentVisitor,
): void {
  for (const repetition of pieces(mask, start, end, delimiters.repetition)) {
    let before = NOTHING;
    pieces(mask, repetition.start, repetition.end, delimiters.component).forEach((component, c) => {
      const values = pieces(mask, component.start, component.end, delimiters.subcomponent);
      values.forEach((value, s) => {
        visit(value.start, value.end, c, s, s === 0 ? before : (values[s - 1] as Span));
      });
      before = values[0] as Span;
    });
  }
}

/** At least one. */
export function pieces(mask: Buffer, start: number, end: number, delimiter: number): Span[] {
  if (delimiter < 0) return [{ start, end }];
  const found: Span[] = [];
  let from = start;
  for (;;) {
    const at = mask.indexOf(delimiter, from);
    if (at < 0 || at >= end) {
      found.push({ start: from, end });
      return found;
    }
    found.push({ start: from, end: at });
    from = at + 1;
  }
}
