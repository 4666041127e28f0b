// Memory that is used again: lent to one frame at a time, bounded, overwritten in tests once it is given back; and chunks that
// are another's, which a frame must not go on using.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameMemory } from '../../src/mllp/frame-memory.ts';
import { FrameParts } from '../../src/mllp/frame-parts.ts';
import { FrameReader } from '../../src/mllp/frame-reader.ts';
import { frame } from '../helpers/mllp.ts';
import { LIMITS } from './reading.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** No two stretches of it are alike, so that bytes in the wrong place are seen. */
function numbered(size: number, first: number): Buffer {
  const bytes = Buffer.alloc(size, 'x');
  for (let at = 0; at + 12 <= size; at += 12)
    bytes.write((first * 1e6 + at).toString(36).padStart(12, '0'), at);
  return bytes;
}

/** As a wire lends them: what they hold is gone afterwards. */
function lend(bytes: Buffer, size: number, take: (chunk: Buffer) => void): void {
  const lent = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const count = bytes.copy(lent, 0, at, at + size);
    take(lent.subarray(0, count));
    lent.fill(0xee);
  }
}

describe('FrameMemory', () => {
  it('lends a piece once, and again when it is given back', () => {
    const memory = new FrameMemory();
    const first = memory.take(20 * KIB);
    const second = memory.take(20 * KIB);
    expect(second).not.toBe(first);
    expect([first.byteLength >= 20 * KIB, memory.lentBytes]).toEqual([true, 2 * first.byteLength]);
    memory.giveBack(first);
    memory.giveBack(first);
    expect([memory.lentBytes, memory.freeBytes]).toEqual([first.byteLength, first.byteLength]);
    expect(memory.take(20 * KIB)).toBe(first);
    expect(memory.take(20 * KIB)).not.toBe(first);
  });

  it('a piece that is given back is overwritten in tests', () => {
    const memory = new FrameMemory();
    const piece = memory.take(20 * KIB);
    const view = Buffer.from(piece);
    view.write('PID|1||SMITH');
    memory.giveBack(piece);
    expect(view.every((byte) => byte === 0xdd)).toBe(true);
  });

  it('leaves alone what it has not lent', () => {
    const memory = new FrameMemory();
    const other = Buffer.from('MSH|^~\\&|');
    memory.giveBack(other.buffer);
    memory.giveBack(new SharedArrayBuffer(32 * KIB));
    expect([memory.freeBytes, other.toString()]).toEqual([0, 'MSH|^~\\&|']);
  });

  it('keeps no more than its bound, and no huge piece', () => {
    const memory = new FrameMemory(100 * KIB);
    const pieces = Array.from({ length: 10 }, () => memory.take(32 * KIB));
    for (const piece of pieces) memory.giveBack(piece);
    expect([memory.lentBytes, memory.freeBytes]).toEqual([0, 96 * KIB]);
    const roomy = new FrameMemory(100 * MIB);
    roomy.giveBack(roomy.take(20 * MIB));
    expect(roomy.freeBytes).toBe(0);
  });

  it('what can grow is used again as large as it has become', () => {
    const memory = new FrameMemory();
    const grown = memory.takeGrowable(MIB, 8 * MIB);
    grown.grow(5 * MIB);
    memory.giveBack(grown);
    expect(memory.freeBytes).toBe(5 * MIB);
    expect(memory.takeGrowable(2 * MIB, 9 * MIB)).not.toBe(grown);
    expect(memory.takeGrowable(2 * MIB, 8 * MIB)).toBe(grown);
    expect(memory.freeBytes).toBe(0);
  });
});

describe('FrameParts with memory that is used again', () => {
  it.each([1, 100, 16 * KIB, 16 * KIB + 1, 64 * KIB, MIB - 1, MIB + 1, 3 * MIB + 7])(
    'joins %i bytes, twice over',
    (size) => {
      const memory = new FrameMemory();
      const parts = new FrameParts(4 * MIB, memory);
      for (const round of [1, 2, 3]) {
        const bytes = numbered(size, round);
        lend(bytes, 40_001, (chunk) => parts.add(chunk, true));
        expect(parts.head(50).equals(bytes.subarray(0, 50))).toBe(true);
        const joined = parts.join(Buffer.from('end'));
        parts.clear();
        expect(joined.equals(Buffer.concat([bytes, Buffer.from('end')]))).toBe(true);
        memory.giveBack(joined.buffer);
      }
      expect(memory.lentBytes).toBe(0);
    },
  );

  it('a frame that does not end gives its memory back', () => {
    const memory = new FrameMemory();
    const parts = new FrameParts(4 * MIB, memory);
    lend(numbered(3 * MIB, 1), 64 * KIB, (chunk) => parts.add(chunk, true));
    expect(memory.lentBytes).toBeGreaterThan(0);
    parts.clear();
    expect(memory.lentBytes).toBe(0);
  });
});

it('frames are the same however the bytes are lent, and whatever memory they lie in (fast-check)', () => {
  const memory = new FrameMemory();
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 80 * KIB })), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 64 * KIB }), fc.boolean(), (all, chunk, givesBack) => {
      const sent = all.map((size, at) => frame(numbered(size, at)));
      const received: Buffer[] = [];
      const onFrame = (bytes: Buffer): void => {
        received.push(Buffer.from(bytes));
        if (givesBack) memory.giveBack(bytes.buffer);
      };
      const sink = { onFrame, onEmptyFrame: () => {}, onFault: (code: string) => expect(code).toBe('') };
      const reader = new FrameReader(sink, { ...LIMITS, maxFrameBytes: 4 * MIB }, memory);
      lend(Buffer.concat(sent), chunk, (bytes) => reader.push(bytes, true));
      expect(received.length).toBe(sent.length);
      for (const [at, bytes] of received.entries()) expect(bytes.equals(sent[at] as Buffer)).toBe(true);
    }),
    { numRuns: 150 },
  );
});
