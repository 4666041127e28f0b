// Ids of traces and spans, cut from random bytes that are drawn many at a time: one costs as little as a copy.
// Promises that no id is all zeros, which W3C Trace Context 3.2.2.3 takes for none.
import { randomFillSync } from 'node:crypto';

/** Of some 200 messages: one call to the generator costs as much as a hundred ids. */
const buffer = Buffer.alloc(8192);
let at = buffer.length;

function drawHex(bytes: number): string {
  if (at + bytes > buffer.length) {
    randomFillSync(buffer);
    at = 0;
  }
  const id = buffer.toString('hex', at, at + bytes);
  at += bytes;
  return /^0+$/.test(id) ? drawHex(bytes) : id;
}

/** 32 hexadecimal digits. */
export function newTraceId(): string {
  return drawHex(16);
}

/** 16 hexadecimal digits. */
export function newSpanId(): string {
  return drawHex(8);
}
