// F104: decoding by itself: whatever the bytes, the codings and the splits, what comes out is what went in, memory is given
// back, and whoever does not take it holds up what comes.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BufferBudget } from '../../listeners/accept/buffer-budget.ts';
import { ContentDecoder } from '../../listeners/http/content-decoder.ts';
import { CODINGS, type Coding } from '../../src/config/config.ts';
import { acceptedCodings, readCodings } from '../../src/http/content-coding.ts';
import { encoded } from './coded.ts';

const MAX = 256 * 1024;

interface Decoded {
  readonly bytes: Buffer;
  readonly code: string | undefined;
  readonly heldBytes: number;
}

/** `pieces` one after the other, each when the decoder takes it. */
function decode(pieces: readonly Buffer[], codings: readonly Coding[]): Promise<Decoded> {
  const budget = new BufferBudget(16 * 1024 * 1024);
  const out: Buffer[] = [];
  return new Promise((resolve) => {
    const over = (code?: string): void => {
      decoder.close();
      resolve({ bytes: Buffer.concat(out), code, heldBytes: budget.heldBytes });
    };
    const decoder = new ContentDecoder(codings, MAX, budget.source('s'), {
      onData: (bytes) => out.push(bytes),
      onEnd: () => over(),
      onError: ({ code }) => over(code),
      onDrain: () => write(),
    });
    let next = 0;
    function write(): void {
      for (let piece = pieces[next++]; piece !== undefined; piece = pieces[next++])
        if (!decoder.write(piece)) return;
      decoder.end();
    }
    write();
  });
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((place, i) => bytes.subarray(places[i - 1] ?? 0, place));
}

const codingsOf = fc.array(fc.constantFrom(...CODINGS), { minLength: 1, maxLength: 3 });
const bytesOf = fc.uint8Array({ minLength: 1, maxLength: 5000 }).map((bytes) => Buffer.from(bytes));
const placesOf = fc.array(fc.nat(10_000), { maxLength: 20 });

it('F104 comes out as it went in, however it is coded and cut', { timeout: 120_000 }, () =>
  fc.assert(
    fc.asyncProperty(bytesOf, codingsOf, placesOf, async (bytes, codings, places) => {
      const got = await decode(cut(encoded(bytes, codings.join()), places), codings);
      expect(got.code).toBe(undefined);
      expect(got.bytes.equals(bytes)).toBe(true);
      expect(got.heldBytes).toBe(0);
    }),
    { numRuns: 150 },
  ),
);

it('F104 what is cut off, or goes on behind its end, is an error', { timeout: 120_000 }, () =>
  fc.assert(
    fc.asyncProperty(bytesOf, codingsOf, placesOf, fc.nat(10_000), async (bytes, codings, places, how) => {
      const whole = encoded(bytes, codings.join());
      const less = whole.subarray(0, 1 + (how % (whole.length - 1)));
      // One byte alone behind a zstd frame is taken by Node.js's decoder, which says nothing of it.
      const least = codings.at(-1) === 'zstd' ? 2 : 1;
      const more = Buffer.concat([whole, Buffer.alloc(least + (how % 100), how)]);
      for (const wrong of [less, more]) {
        const { code, heldBytes } = await decode(cut(wrong, places), codings);
        expect([code, heldBytes]).toEqual(['GW_ERR_HTTP_DECODE', 0]);
      }
    }),
    { numRuns: 150 },
  ),
);

it.each(CODINGS)(
  'F104 %s: one that is paused puts nothing out, and takes no more than it can keep',
  async (coding) => {
    const budget = new BufferBudget(16 * 1024 * 1024);
    const body = encoded(Buffer.alloc(200_000, 'MSH|^~\\&|'), coding);
    let size = 0;
    let ended: () => void;
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const decoder = new ContentDecoder([coding], MAX, budget.source('s'), {
      onData: (bytes) => {
        size += bytes.length;
        decoder.pause();
        const before = size;
        setImmediate(() => {
          expect(size).toBe(before);
          decoder.resume();
        });
      },
      onEnd: () => ended(),
      onError: (error) => {
        throw error;
      },
      onDrain: () => undefined,
    });
    decoder.write(body);
    decoder.end();
    await end;
    expect(size).toBe(200_000);
    decoder.close();
    expect(budget.heldBytes).toBe(0);
  },
);

it('F104 names of codings are read as RFC 9110 has them', () => {
  const all = (field: string | undefined) => readCodings(field, CODINGS);
  expect([undefined, '', ' ', ',', 'identity', 'Identity , '].map(all)).toEqual(Array(6).fill([]));
  expect(all('deflate ,\tX-GZIP,, br')).toEqual(['deflate', 'gzip', 'br']);
  expect(['compress', 'gzip;q=1', 'gzip gzip', '*', 'x-br', 'gzip,gzip,gzip,gzip'].map(all)).toEqual(
    Array(6).fill(undefined),
  );
  expect(readCodings('br', ['gzip'])).toBe(undefined);
  expect([acceptedCodings([]), acceptedCodings(['gzip', 'br'])]).toEqual(['identity', 'gzip, br']);
});
