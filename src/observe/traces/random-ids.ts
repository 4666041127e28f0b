// Ids of traces and spans, cut from random bytes that are drawn many at a time: one costs as little as a copy.
// Promises that no id is all zeros, which W3C Trace Context 3.2.2.3 takes for none.
import { onOtherPlatform } from '../../platform/current.ts';
import { randomFillSync } from '../../platform/random.ts';

/** Of some 200 messages: one call to the generator costs as much as a hundred ids. */
const buffer = Buffer.alloc(8192);
export const RANDOM: Uint8Array = buffer;
let at = buffer.length;
onOtherPlatform(() => {
  at = buffer.length;
});

function take(bytes: number): number {
  if (at + bytes > buffer.length) {
    randomFillSync(buffer);
    at = 0;
  }
  at += bytes;
  return at - bytes;
}

/** Where the bytes of a span's id lie in `RANDOM`, until the next is drawn. */
export function drawSpanId(): number {
  const from = take(8);
  return buffer.readInt32LE(from) === 0 && buffer.readInt32LE(from + 4) === 0 ? drawSpanId() : from;
}

/** A number of 32 bits: all that a message needs of an id that nobody asks for. */
export function newLot(): number {
  return buffer.readUInt32LE(take(4));
}

function drawHex(bytes: number): string {
  const from = take(bytes);
  const id = buffer.toString('hex', from, from + bytes);
  return /^0+$/.test(id) ? drawHex(bytes) : id;
}

/** 32 hexadecimal digits. With a lot: one whose four words, each by exclusive or with the next, make that number. */
export function newTraceId(lot?: number): string {
  if (lot === undefined) return drawHex(16);
  const from = take(16);
  const rest = buffer.readUInt32BE(from) ^ buffer.readUInt32BE(from + 4) ^ buffer.readUInt32BE(from + 8);
  buffer.writeUInt32BE((rest ^ lot) >>> 0, from + 12);
  const id = buffer.toString('hex', from, from + 16);
  return /^0+$/.test(id) ? newTraceId(lot) : id;
}

/** 16 hexadecimal digits. */
export function newSpanId(): string {
  return drawHex(8);
}
