// F81: messages that are parts of a larger one (v2.9.1 2.10.2): the first has DSC at its end, those behind it have the
// pointer in MSH-14.
import type { Header } from './header.ts';

const CR = 0x0d;
const LF = 0x0a;

export function isFragment(header: Header): boolean {
  return header.isMsh && (header.has(14) || endsInDsc(header.bytes));
}

/** DSC is the last segment. */
function endsInDsc(bytes: Buffer): boolean {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === CR || bytes[end - 1] === LF)) end--;
  if (end === 0) return false;
  const at = Math.max(bytes.lastIndexOf(CR, end - 1), bytes.lastIndexOf(LF, end - 1)) + 1;
  return bytes[at] === 0x44 && bytes[at + 1] === 0x53 && bytes[at + 2] === 0x43 && end > at + 3;
}
