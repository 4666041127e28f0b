// What the standard calls a segment and its fields, for people; undefined for those that it does not know (Z segments).
import { ORDER_SEGMENTS } from './names-orders.ts';
import { PATIENT_SEGMENTS } from './names-patient.ts';

interface SegmentNames {
  readonly title: string;
  readonly fields: readonly string[];
}

const SEGMENTS: ReadonlyMap<string, SegmentNames> = new Map(
  [PATIENT_SEGMENTS, ORDER_SEGMENTS].flatMap((text) =>
    text
      .trim()
      .split('\n\n')
      .map((paragraph): [string, SegmentNames] => {
        const [first = '', ...rest] = paragraph.split('\n');
        return [first.slice(0, 3), { title: first.slice(4), fields: rest.join(' ').split(' | ') }];
      }),
  ),
);

/** `Patient Identification` for PID. */
export function segmentTitle(segment: string): string | undefined {
  return SEGMENTS.get(segment)?.title;
}

/** `Patient Name` for PID and 5. */
export function fieldName(segment: string, field: number): string | undefined {
  return SEGMENTS.get(segment)?.fields[field - 1];
}

/** Those whose fields have names. */
export function namedSegments(): readonly string[] {
  return [...SEGMENTS.keys()];
}
