// F81: messages that are parts of a larger one (v2.9.1 2.10.2): the first has DSC at its end, those behind it have the
// pointer in MSH-14.
import type { Header } from './header.ts';

const CR = 0x0d;
const LF = 0x0a;
const SHORT_BYTES = 64;

export function isFragment(header: Header): boolean {
  return header.isMsh && (header.has(14) || endsInDsc(header.bytes));
}

/** DSC is the last segment. */
function endsInDsc(bytes: Buffer): boolean {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === CR || bytes[end - 1] === LF)) end--;
  if (end === 0) return false;
  const at = lastSegmentAt(bytes, end);
  return bytes[at] === 0x44 && bytes[at + 1] === 0x53 && bytes[at + 2] === 0x43 && end > at + 3;
}

/** Step by step, as it is short in nearly all messages; a document's would take long so. */
function lastSegmentAt(bytes: Buffer, end: number): number {
  const soon = Math.max(0, end - SHORT_BYTES);
  for (let at = end; at > soon; at--) if (bytes[at - 1] === CR || bytes[at - 1] === LF) return at;
  if (soon === 0) return 0;
  return Math.max(bytes.lastIndexOf(CR, soon - 1), bytes.lastIndexOf(LF, soon - 1)) + 1;
}
