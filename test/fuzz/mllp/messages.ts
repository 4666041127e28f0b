// A grammar of HL7 messages: plain ones, and each oddity that senders are known for. Promises: every message has its token in it,
// so that no two have the same bytes.
import type { Prng } from '../../../src/tools/world/prng.ts';
import { randomBytes } from '../wire/bytes.ts';

export interface MadeMessage {
  readonly bytes: Buffer;
  /** Any listener with the defaults takes it to a node. */
  readonly plain: boolean;
}

export interface PlainOptions {
  readonly id?: string;
  /** MSH-15 and MSH-16. */
  readonly modes?: readonly [string, string];
}

export function plainMessage(token: string, { id = token, modes }: PlainOptions = {}): Buffer {
  const more = modes === undefined ? '' : `|||${modes[0]}|${modes[1]}`;
  return Buffer.from(
    `MSH|^~\\&|FUZZ|LAB|MIRTH|NODE|20260101||ADT^A01|${id}|P|2.5${more}\rEVN|A01|2026\rPID|1||${token}\r`,
    'latin1',
  );
}

export const SPICE: readonly Buffer[] = [
  '\x0b',
  '\x1c',
  '\r',
  '\n',
  '\x1c\r',
  '\x0bMSH',
  '\x0b\x0b',
  '\x1c\x1c\r',
  '\x1c\r\x0b',
  '\x00',
  '|',
  '^',
  '\\',
  'MSH|',
  'MSH|^~\\&|',
  '\rMSH|^~\\&|A|B|C|D|E||ADT^A01|X|P|2.5\r',
  'BHS|',
  '\rBTS|1\r',
  'FHS|^~\\&|',
  'MSA|AA|',
  '\ufeff',
  '\xff\xfe',
  'GET / HTTP/1.1\r\n\r\n',
  '\x16\x03\x01',
  ' ',
  '\r\r',
  '\x0bMS',
  '\x0bM',
  '\x1c\x0b',
].map((text) => Buffer.from(text, 'latin1'));

export function makeMessage(prng: Prng, token: string): MadeMessage {
  const kind = prng.int(0, 19);
  switch (kind) {
    case 0:
      return { bytes: replaced(token, '|', prng.pick(['@', '#', '!', '$', '~', '^'])), plain: false };
    case 1:
      return {
        bytes: Buffer.from(
          plainMessage(token)
            .toString('latin1')
            .replaceAll('\r', prng.pick(['\n', '\r\n'])),
        ),
        plain: true,
      };
    case 2:
      return {
        bytes: Buffer.concat([plainMessage(token), randomContent(prng, prng.int(1, 200))]),
        plain: true,
      };
    case 3:
      return { bytes: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), plainMessage(token)]), plain: true };
    case 4:
      // Without MSH-10.
      return { bytes: Buffer.from(`MSH|^~\\&|A|B|C|D|${token}||ADT^A01||P|2.5\r`), plain: false };
    case 5:
      return { bytes: batchOf(prng, token), plain: false };
    case 6:
      return { bytes: Buffer.concat([plainMessage(`${token}a`), plainMessage(`${token}b`)]), plain: false };
    case 7:
      return {
        bytes: Buffer.from(
          `MSH|${prng.pick(['', '^', '^~', '^^\\&', '^~\\&#', '^~\\&#x', 'abcd', '||||'])}|A|B|C|D|E||ADT^A01|${token}|P|2.5\r`,
        ),
        plain: false,
      };
    case 8:
      return { bytes: Buffer.from(plainMessage(token).toString('latin1'), 'utf16le'), plain: false };
    case 9:
      return {
        bytes: Buffer.concat([
          Buffer.from([0xff, 0xfe]),
          Buffer.from(plainMessage(token).toString('latin1'), 'utf16le'),
        ]),
        plain: false,
      };
    case 10:
      return { bytes: Buffer.from(`MSH|^~\\&|FUZZ|LAB|MIRTH|NODE|2026||ADT^A01|${token}`), plain: true };
    case 11:
      return { bytes: Buffer.from(`PID|1||${token}\rMSH|^~\\&|A\r`), plain: false };
    case 12:
      return { bytes: plainMessage(token, { id: `${token}\x01\x02^x&y~z\\` }), plain: false };
    case 13:
      // One of many reads.
      return {
        bytes: prng.chance(0.05)
          ? Buffer.concat([plainMessage(token), Buffer.alloc(prng.int(60_000, 200_000), 'OBX|1|TX|text\r')])
          : plainMessage(token),
        plain: true,
      };
    case 14:
      return { bytes: plainMessage(token, { id: 'A'.repeat(prng.int(20, 300)) + token }), plain: true };
    default:
      return { bytes: plainMessage(token), plain: true };
  }
}

function replaced(token: string, from: string, to: string): Buffer {
  return Buffer.from(plainMessage(token).toString('latin1').replaceAll(from, to), 'latin1');
}

/** No byte of the framing, and no segment's end. */
function randomContent(prng: Prng, length: number): Buffer {
  return randomBytes(prng, length).map((byte) =>
    byte === 0x0b || byte === 0x1c || byte === 0x0d || byte === 0x0a ? 0x2e : byte,
  ) as Buffer;
}

function batchOf(prng: Prng, token: string): Buffer {
  const messages = Array.from({ length: prng.int(0, 4) }, (_, n) => plainMessage(`${token}b${n}`));
  const hasFile = prng.chance(0.5);
  const [head, tail] = [`BHS|^~\\&|A|B|C|D|2026||||${token}\r`, `BTS|${messages.length}\r`];
  return Buffer.concat([
    Buffer.from(hasFile ? `FHS|^~\\&|A|B|C|D|2026||||${token}\r` : ''),
    Buffer.from(head),
    ...messages,
    Buffer.from(tail),
    Buffer.from(hasFile ? 'FTS|1\r' : ''),
  ]);
}
