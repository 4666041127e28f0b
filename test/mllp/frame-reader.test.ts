// The frame reader: the same frames and faults wherever TCP cuts the bytes, bounded work, bounded memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from '../../src/mllp/frame-reader.ts';
import { frame } from '../helpers/mllp.ts';
import { CORPUS, F, REFUSE } from './frame-corpus.ts';
import { LIMITS, read, reading } from './reading.ts';

describe.each(CORPUS)('$name', ({ bytes, events, limits }) => {
  it('in one chunk', () => expect(read([bytes], limits)).toEqual(events));

  it('in two and in three chunks, at every split', () => {
    for (let i = 0; i <= bytes.length; i++) {
      for (let j = i; j <= bytes.length; j++) {
        const got = read([bytes.slice(0, i), bytes.slice(i, j), bytes.slice(j)], limits);
        expect(got, `split at ${i} and ${j}`).toEqual(events);
      }
    }
  });

  it('byte by byte', () => expect(read([...bytes], limits)).toEqual(events));

  it('holds nothing when it is over', () => {
    const one = reading(limits);
    for (const byte of bytes) one.push(byte);
    one.end();
    expect([one.reader.heldBytes, one.reader.inside]).toEqual([0, false]);
  });
});

describe('other limits', () => {
  const framed = (payload: string): string => `\x0b${payload}\x1c\r`;

  it('count from the next frame on, whatever of this one has come', () => {
    const one = reading();
    one.push('\x0ba');
    one.reader.reconfigure({ ...LIMITS, strayEndByte: 'refuse' });
    one.push('\x1cb\x1c\r');
    one.push(framed('c\x1cd'));
    const codes = one.events.map((event) => event.replace(/:.*/s, ''));
    expect(codes).toEqual(['frame', 'GW_ERR_FRAME_END_BYTE']);
  });

  it('count at once between frames, also for what is none', () => {
    const one = reading({ maxJunkBytes: 1 });
    one.reader.reconfigure({ ...LIMITS, maxFrameBytes: 4 });
    one.push('junk');
    one.push(framed('four'));
    one.push(framed('fives'));
    expect(one.events).toEqual([`frame:${framed('four')}`, 'GW_ERR_FRAME_TOO_LARGE']);
  });
});

/** Payloads that MLLP can carry: no start block, no `1C 0D`, and no `1C` at the end. */
const payload = fc
  .uint8Array({ minLength: 1, maxLength: 200 })
  .map((bytes) => Buffer.from(bytes))
  .filter(
    (bytes) => !bytes.includes(0x0b) && !bytes.includes('\x1c\r', 0, 'latin1') && bytes.at(-1) !== 0x1c,
  );

function cut(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const at = [...positions.map((position) => position % (bytes.length + 1)), 0, bytes.length].sort(
    (a, b) => a - b,
  );
  return at.slice(1).map((to, i) => bytes.subarray(at[i], to));
}

it('any payloads in any chunks come out as they went in', () => {
  fc.assert(
    fc.property(
      fc.array(payload, { maxLength: 8 }),
      fc.array(fc.nat(2000), { maxLength: 40 }),
      (payloads, positions) => {
        const frames = payloads.map(frame);
        const got = read(cut(Buffer.concat(frames), positions));
        expect(got).toEqual(frames.map((one) => `frame:${one.toString('latin1')}`));
      },
    ),
  );
});

it('any bytes at all give the same in any chunks', () => {
  const soup = fc.array(fc.constantFrom(0x0b, 0x1c, 0x0d, 0x4d, 0x53, 0x48, 0x7c, 0x20), { maxLength: 60 });
  fc.assert(
    fc.property(
      soup,
      fc.array(fc.nat(60), { maxLength: 20 }),
      fc.constantFrom({}, REFUSE),
      (codes, positions, limits) => {
        const bytes = Buffer.from(codes);
        expect(read(cut(bytes, positions), limits)).toEqual(read([bytes], limits));
      },
    ),
    { numRuns: 2000 },
  );
});

describe('work', () => {
  /** A chunk that counts over how many bytes it is searched. */
  function counted(bytes: Buffer): { chunk: Buffer; scanned: () => number } {
    let scanned = 0;
    const chunk = Buffer.from(bytes);
    const indexOf = (byte: number, from = 0): number => {
      const found = Buffer.prototype.indexOf.call(chunk, byte, from);
      scanned += (found < 0 ? chunk.length : found + 1) - from;
      return found;
    };
    Object.assign(chunk, { indexOf });
    return { chunk, scanned: () => scanned };
  }

  it.each([
    ['frames', F.repeat(1000)],
    ['start blocks', '\x0b'.repeat(20_000)],
    ['start blocks before a far end', `${'\x0b'.repeat(20_000)}\x1c\r`],
    ['end blocks', `\x0b${'\x1c'.repeat(20_000)}`],
    ['both in turn', '\x0b\x1c'.repeat(10_000)],
    ['cut-off frames', '\x0bMSH'.repeat(5000)],
    ['one large frame', `\x0b${'x'.repeat(20_000)}\x1c\r`],
  ])('of a chunk of %s, no byte is searched more than once for a start and once for an end', (_, text) => {
    const { chunk, scanned } = counted(Buffer.from(text, 'latin1'));
    reading({ maxFrameBytes: 1_000_000 }).push(chunk);
    expect(scanned()).toBeGreaterThan(0);
    expect(scanned()).toBeLessThanOrEqual(2 * chunk.length);
  });
});

describe('memory', () => {
  it('a frame that came in one chunk is handed on as a view of it', () => {
    const chunk = Buffer.from(F + F, 'latin1');
    const views: boolean[] = [];
    const onFrame = (one: Buffer): number => views.push(one.buffer === chunk.buffer);
    new FrameReader({ onFrame, onEmptyFrame: () => {}, onFault: () => {} }, LIMITS).push(chunk);
    expect(views).toEqual([true, true]);
  });

  it('of a frame of 256 KiB that trickles in byte by byte stays near its size', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const size = 256 * 1024;
    const one = reading({ maxFrameBytes: size });
    one.push('\x0b');
    const before = used();
    for (let i = 0; i < size; i++) one.push(Buffer.alloc(1, 0x78));
    const grown = used() - before;
    expect(one.reader.heldBytes).toBe(size + 1);
    // A buffer object for each byte would be some 25 MB.
    expect(grown).toBeLessThan(8 * size);
    one.push('\x1c\r');
    expect(one.events).toHaveLength(1);
    expect(one.events[0]).toHaveLength('frame:'.length + size + 3);
    expect(one.reader.heldBytes).toBe(0);
  });
});

describe('what it tells meanwhile', () => {
  it('counts what it skips, tells begun frames apart, and keeps the first bytes of what is none', () => {
    const { reader, push } = reading();
    push('\r\nHELLO\x0b');
    expect([reader.skipped, reader.started, reader.inside, reader.unfinished]).toEqual([7, 1, true, true]);
    expect(reader.sample.toString()).toBe('HELLO');
    push('\x0b');
    // The same frame, with the same deadline.
    expect([reader.skipped, reader.started]).toEqual([8, 1]);
    push('MSH|\x1c\r');
    expect([reader.inside, reader.unfinished, reader.sample.length]).toEqual([false, false, 0]);
    push('x');
    expect([reader.inside, reader.unfinished]).toEqual([false, true]);
  });

  it('reads no further than the frame at which it is told to wait, and goes on where it was', () => {
    const frames = [F, `\x0bx${F}`, F.slice(0, 5)];
    const seen: string[] = [];
    const reader = new FrameReader(
      {
        onFrame: (one) => {
          seen.push(one.toString('latin1'));
          reader.wait();
        },
        onEmptyFrame: () => {},
        onFault: (code) => void seen.push(code),
      },
      LIMITS,
    );
    let rest: Buffer = Buffer.from(frames.join(''), 'latin1');
    const read: number[] = [];
    while (rest.length > 0) {
      read.push(reader.push(rest));
      rest = rest.subarray(read.at(-1));
    }
    expect(seen).toEqual([F, 'GW_ERR_FRAME_CUT_OFF', F]);
    expect(read).toEqual(frames.map((one) => one.length));
    expect(reader.heldBytes).toBe(5);
  });

  it('takes nothing after stop, nor after a fault that ends it', () => {
    const { reader, push, events } = reading();
    push('\x0bMSH');
    reader.stop();
    push(`|\x1c\r${F}`);
    reader.end();
    expect([events, reader.heldBytes, reader.inside]).toEqual([[], 0, false]);
  });

  it('shows of a refused frame enough for any header, and no more', () => {
    const { push, events } = reading({ maxFrameBytes: 100_000 });
    push(`\x0bMSH|${'x'.repeat(50_000)}\x0by\x1c\r`);
    expect(events[0]?.length).toBe('GW_ERR_FRAME_START_BLOCK:'.length + 16 * 1024);
  });
});

it.each(['GET / HTTP/1.1\r\n', '\x16\x03\x01\x02', 'HTTP/1.1 200', 'SSH-2.0-x'])(
  'F111 another protocol is recognised however it is cut: %j',
  (text) => {
    const bytes = Buffer.concat([Buffer.from(text, 'latin1'), frame(Buffer.from('MSH|^~'))]);
    const pieces = [[bytes], [...bytes].map((byte) => Buffer.from([byte]))];
    for (let at = 1; at < bytes.length; at++) pieces.push([bytes.subarray(0, at), bytes.subarray(at)]);
    for (const chunks of pieces) expect(read(chunks)).toEqual(['GW_ERR_FRAME_NO_START']);
  },
);
