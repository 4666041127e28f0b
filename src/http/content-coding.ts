// The content codings of a message's body (RFC 9110 8.4): which a body has.
import type { Coding } from '../config/config.ts';

/** Each one takes a decoder. A message that is compressed more often is one that hides its size. */
const MAX_CODINGS = 3;

/**
 * Those of a Content-Encoding field, in the order in which they were applied. Undefined: one of them is not `taken`, or they
 * are too many.
 */
export function readCodings(
  field: string | undefined,
  taken: readonly Coding[],
): readonly Coding[] | undefined {
  if (field === undefined) return [];
  const codings: Coding[] = [];
  for (const part of field.split(',')) {
    const name = part.trim().toLowerCase();
    if (name === '' || name === 'identity') continue;
    // RFC 9110 8.4.1.3.
    const coding = taken.find((one) => one === name || (one === 'gzip' && name === 'x-gzip'));
    if (coding === undefined || codings.length === MAX_CODINGS) return undefined;
    codings.push(coding);
  }
  return codings;
}

/** RFC 9110 12.5.3: the value of an Accept-Encoding field that says what is taken. */
export function acceptedCodings(taken: readonly Coding[]): string {
  return taken.length === 0 ? 'identity' : taken.join(', ');
}
