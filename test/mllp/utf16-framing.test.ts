// F99: framing in UTF-16, without sockets: told from framing in single bytes whatever the messages and the splits are, and cut
// into the frames that nodes get.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Utf16, Utf16Detector } from '../../src/mllp/utf16-detector.ts';
import { Utf16FrameReader } from '../../src/mllp/utf16-frame-reader.ts';
import { frame } from '../helpers/mllp.ts';
import { LIMITS } from './reading.ts';

const BOM = '\ufeff';
const ENCODINGS: readonly Utf16[] = ['utf-16le', 'utf-16be'];

function encode(text: string, encoding: Utf16): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return encoding === 'utf-16le' ? bytes : bytes.swap16();
}

const framed = (text: string, encoding: Utf16): Buffer => encode(`\x0b${text}\x1c\r`, encoding);

/** What a reader makes of these chunks. */
function read(encoding: Utf16, chunks: readonly Buffer[], limits: Partial<typeof LIMITS> = {}): string[] {
  const events: string[] = [];
  const reader = new Utf16FrameReader(
    {
      onFrame: (bytes) => events.push(bytes.toString('latin1')),
      onEmptyFrame: () => events.push('empty'),
      onFault: (code) => events.push(code),
    },
    { ...LIMITS, ...limits },
    encoding,
  );
  for (const chunk of chunks) {
    let rest = chunk;
    while (rest.length > 0) rest = rest.subarray(reader.push(rest));
  }
  reader.end();
  return events;
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((place, i) => bytes.subarray(places[i - 1] ?? 0, place));
}

/** Offset behind the end that a detector finds in a stream, or `plain`, or undefined. */
function detect(chunks: readonly Buffer[]): number | 'plain' | undefined {
  const detector = new Utf16Detector();
  let before = 0;
  for (const chunk of chunks) {
    const found = detector.push(chunk);
    if (found === 'plain') return 'plain';
    if (found !== undefined) return before + found.to;
    before += chunk.length;
  }
  return undefined;
}

/** Text of messages: no control characters but CR; with those whose bytes look like framing. */
const TRICKY = [
  '東',
  '东',
  '個',
  '\u0d1c',
  '\u1c0d',
  '\u0b0b',
  '\u1c1c',
  '\u0d0d',
  '\u0b1c',
  'ċ',
  '“',
  'ü',
  '😀',
];
const textOf = fc
  .array(fc.constantFrom('A', '|', '^', '1', ' ', '\r', ...TRICKY), { maxLength: 40 })
  .map((parts) => `MSH|^~\\&|${parts.join('')}`);
const placesOf = fc.array(fc.nat(1000), { maxLength: 8 });

describe.each(ENCODINGS)('F99 %s', (encoding) => {
  const MARKS: readonly (readonly [string, (text: string) => Buffer])[] = [
    ['no mark', (text) => framed(text, encoding)],
    ['a mark before the start block', (text) => encode(`${BOM}\x0b${text}\x1c\r`, encoding)],
    ['a mark behind the start block', (text) => framed(BOM + text, encoding)],
  ];

  test.each(MARKS)('%s: the end of the first message is found, at every split', (_, make) => {
    for (const text of ['MSH|^~\\&|A\rPID|1\r', 'MSH|^~\\&|A', 'FHS|^~\\&\rBTS|0\r', 'BHS|^~\\&|東\r']) {
      const bytes = make(text);
      const stream = Buffer.concat([bytes, make('MSH|^~\\&|NEXT\r')]);
      for (let a = 0; a <= bytes.length; a++) {
        expect(detect([stream.subarray(0, a), stream.subarray(a)])).toBe(bytes.length);
        expect(detect([stream.subarray(0, 1), ...cut(stream.subarray(1), [a, a + 1])])).toBe(bytes.length);
      }
      expect(detect([...stream].map((byte) => Buffer.of(byte)))).toBe(bytes.length);
    }
  });

  test('whatever the text and the splits are, the frames are its bytes, or refused for what MLLP cannot carry', () => {
    fc.assert(
      fc.property(fc.array(textOf, { minLength: 1, maxLength: 4 }), placesOf, (texts, places) => {
        const stream = Buffer.concat(texts.map((text) => framed(text, encoding)));
        const expected = texts.map((text) => {
          const payload = encode(text, encoding);
          if (payload.includes(0x0b)) return 'GW_ERR_FRAME_START_BLOCK';
          if (payload.includes(Buffer.of(0x1c, 0x0d))) return 'GW_ERR_FRAME_END_BYTE';
          return frame(payload).toString('latin1');
        });
        expect(read(encoding, cut(stream, places))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, string, string[], Partial<typeof LIMITS>]>([
    ['an empty frame', '\x0b\x1c\r', ['empty'], {}],
    ['filler and a mark between frames', `${BOM}\r\n \0\x0bMSH|\x1c\r${BOM}\n`, ['MSH|'], {}],
    ['two start blocks', '\x0b\x0bMSH|\x1c\r', ['MSH|'], {}],
    ['three start blocks', '\x0b\x0b\x0bMSH|\x1c\r', ['GW_ERR_FRAME_CUT_OFF', 'MSH|'], {}],
    ['a frame that was cut off', '\x0bMSH|1\x0bMSH|2\x1c\r', ['GW_ERR_FRAME_CUT_OFF', 'MSH|2'], {}],
    [
      'a start block in the text',
      '\x0bMSH|\x0bX\x1c\r\x0bMSH|\x1c\r',
      ['GW_ERR_FRAME_START_BLOCK', 'MSH|'],
      {},
    ],
    ['an end block in the text', '\x0bMSH|\x1cX\x1c\x1c\r', ['MSH|\x1cX\x1c'], {}],
    [
      'the same where it is refused',
      '\x0bMSH|\x1cX\x1c\r',
      ['GW_ERR_FRAME_END_BYTE'],
      { strayEndByte: 'refuse' },
    ],
    ['the end of the stream in a frame', '\x0bMSH|1\r', ['GW_ERR_FRAME_TRUNCATED'], {}],
    ['the end of the stream before CR', '\x0bMSH|1\r\x1c', ['GW_ERR_FRAME_TRUNCATED'], {}],
    ['a frame of the largest size', '\x0bMSH|\x1c\r', ['MSH|'], { maxFrameBytes: 8 }],
    ['a larger one', '\x0bMSH|1\x1c\r\x0bMSH|\x1c\r', ['GW_ERR_FRAME_TOO_LARGE'], { maxFrameBytes: 8 }],
    ['junk', `${'x'.repeat(40)}\x0bMSH|\x1c\r`, ['GW_ERR_FRAME_NO_START'], { maxJunkBytes: 10 }],
  ])('%s, at every split', (_, text, expected, limits) => {
    const bytes = encode(text, encoding);
    const events = expected.map((one) =>
      one.startsWith('MSH') ? frame(encode(one, encoding)).toString('latin1') : one,
    );
    for (let at = 0; at <= bytes.length; at++)
      expect(read(encoding, [bytes.subarray(0, at), bytes.subarray(at)], limits)).toEqual(events);
    expect(
      read(
        encoding,
        [...bytes].map((byte) => Buffer.of(byte)),
        limits,
      ),
    ).toEqual(events);
  });
});

describe('F99 framing in single bytes stays what it is', () => {
  const encodings: readonly (readonly [string, (text: string) => Buffer])[] = [
    ['UTF-8', (text) => Buffer.from(text)],
    ['UTF-16LE', (text) => encode(text, 'utf-16le')],
    ['UTF-16BE', (text) => encode(text, 'utf-16be')],
    ['UTF-16LE with a mark', (text) => encode(BOM + text, 'utf-16le')],
    ['UTF-16BE with a mark', (text) => encode(BOM + text, 'utf-16be')],
  ];

  test.each(encodings)('%s: no end of UTF-16 framing is found before its own', (_, make) => {
    fc.assert(
      fc.property(
        textOf,
        placesOf,
        fc.constantFrom('', '\0', '\r\n', '\0\0', ' '),
        (text, places, filler) => {
          // The reader of single bytes ends it here at the latest, and then nobody asks the detector any more.
          const stream = Buffer.concat([Buffer.from(filler), frame(make(text))]);
          expect(typeof detect(cut(stream, places))).not.toBe('number');
        },
      ),
      { numRuns: 500 },
    );
  });

  test('of most senders the first two bytes tell', () => {
    expect(detect([Buffer.from('\x0bM')])).toBe('plain');
    expect(detect([Buffer.from('\x0b'), Buffer.from('M')])).toBe('plain');
    expect(detect([Buffer.from('\r\n\x0b')])).toBe('plain');
    expect(detect([Buffer.of(0x16, 0x03)])).toBe('plain');
  });
});
