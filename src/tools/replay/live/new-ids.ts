// Copies of a message with a control id and a date of their own, so that a target takes no replayed message for one that
// it has had. Every other byte stays as it is.
import { GatewayError } from '../../../errors.ts';
import { findHeader, readHeader } from '../../../hl7/header.ts';
import { timestamp } from '../../../hl7/nak.ts';

export type Renew = (now: Date) => Buffer;

/** Where a control id and a date stand between the bytes that stay. */
type Part = Buffer | 'id' | 'date';

let made = 0;

/**
 * Prepares the copies. Each MSH of a batch is renewed. A header that ends before MSH-7 or MSH-10 is not made longer.
 *
 * @throws GatewayError GW_ERR_USAGE for UTF-16, whose header is read from a narrowed copy
 */
export function renewing(bytes: Buffer): Renew {
  const parts = partsOf(bytes);
  return (now) => {
    const date = Buffer.from(timestamp(now), 'latin1');
    return Buffer.concat(parts.map((part) => (part === 'date' ? date : part === 'id' ? nextId(now) : part)));
  };
}

function partsOf(bytes: Buffer): Part[] {
  const parts: Part[] = [];
  let from = 0;
  const header = readHeader(bytes);
  if (header.utf16 !== undefined)
    throw new GatewayError('GW_ERR_USAGE', { detail: '--new-ids cannot be written into UTF-16' });
  for (let at = header.isMsh ? header.start : -1; at >= 0; at = findHeader(bytes, at)) {
    const own = readHeader(bytes.subarray(at));
    for (const [field, part] of [
      [7, 'date'],
      [10, 'id'],
    ] as const) {
      if (own.fieldCount < field) continue;
      parts.push(bytes.subarray(from, at + own.fieldStart(field)), part);
      from = at + own.fieldEnd(field);
    }
  }
  parts.push(bytes.subarray(from));
  return parts;
}

/** At most 20 characters, which is what v2.2 allows; no other run's, as long as clocks go forward. */
function nextId(now: Date): Buffer {
  made = (made + 1) % 36 ** 6;
  return Buffer.from(`RP${now.getTime().toString(36)}${made.toString(36)}`.toUpperCase(), 'latin1');
}
