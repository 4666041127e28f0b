// Frames that come in several chunks: the same bytes whatever their size, each in memory of its own, and shared with
// the parse workers where they are large.
import { describe, expect, it } from 'vitest';
import { FrameParts } from '../../src/mllp/frame-parts.ts';
import { FrameReader, type FrameReaderLimits } from '../../src/mllp/frame-reader.ts';
import { frame } from '../helpers/mllp.ts';
import { LIMITS } from './reading.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** No two stretches of it are alike, so that bytes in the wrong place are seen. */
function numbered(size: number, first = 0): Buffer {
  const bytes = Buffer.alloc(size, 'x');
  for (let at = 0; at + 8 <= size; at += 8) bytes.write((first + at).toString(16).padStart(8, '0'), at);
  return bytes;
}

function chunked(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(Buffer.from(bytes.subarray(at, at + size)));
  return chunks;
}

const isShared = (bytes: Buffer): boolean => bytes.buffer instanceof SharedArrayBuffer;

describe('FrameParts', () => {
  it.each([100, 64 * KIB, 64 * KIB + 1, MIB, MIB + 1, 3 * MIB + 7])('joins %i bytes', (size) => {
    const bytes = numbered(size);
    const parts = new FrameParts(4 * MIB);
    for (const chunk of chunked(bytes, 40_001)) parts.add(chunk);
    expect(parts.size).toBe(size);
    expect(parts.head(50).equals(bytes.subarray(0, 50))).toBe(true);
    const joined = parts.join(Buffer.from('end'));
    expect(joined.equals(Buffer.concat([bytes, Buffer.from('end')]))).toBe(true);
    expect(isShared(joined)).toBe(size > 64 * KIB - 3);
    parts.clear();
    expect(parts.size).toBe(0);
  });

  it('shows the first bytes of a large frame, and of what comes behind', () => {
    const parts = new FrameParts(4 * MIB);
    const bytes = numbered(2 * MIB);
    parts.add(bytes);
    const head = parts.head(2 * MIB + 2, Buffer.from('behind'));
    expect(head.equals(Buffer.concat([bytes, Buffer.from('be')]))).toBe(true);
  });

  it('takes the largest frame and what ends it', () => {
    const parts = new FrameParts(2 * MIB);
    for (const chunk of chunked(numbered(2 * MIB), 64 * KIB)) parts.add(chunk);
    expect(parts.join(Buffer.from([0x1c]), Buffer.from([0x0d]))).toHaveLength(2 * MIB + 2);
  });
});

describe('FrameReader', () => {
  function framesOf(chunks: readonly Buffer[], limits: Partial<FrameReaderLimits> = {}): Buffer[] {
    const frames: Buffer[] = [];
    const reader = new FrameReader(
      {
        onFrame: (one) => frames.push(one),
        onEmptyFrame: () => {},
        onFault: (code) => expect(code).toBe(''),
      },
      { ...LIMITS, maxFrameBytes: 4 * MIB, ...limits },
    );
    for (const chunk of chunks) reader.push(chunk);
    return frames;
  }

  it('hands out large frames that do not share memory with one another', () => {
    const sent = [3 * MIB, 70 * KIB, 2 * MIB, 100].map((size, i) => frame(numbered(size, i)));
    const frames = framesOf(chunked(Buffer.concat(sent), 64 * KIB));
    expect(frames.map((one, i) => one.equals(sent[i] as Buffer))).toEqual([true, true, true, true]);
    expect(new Set(frames.map(({ buffer }) => buffer)).size).toBe(4);
  });

  it('puts the missing CR behind a large frame of the largest size (F13)', () => {
    const whole = frame(numbered(2 * MIB));
    const chunks = chunked(whole.subarray(0, -1), 64 * KIB);
    const [one] = framesOf(chunks, { missingCr: 'accept', maxFrameBytes: 2 * MIB });
    expect(one?.equals(whole)).toBe(true);
  });
});
