// PROXY protocol headers by grammar and mutation, and a judge of them after haproxy.org's proxy-protocol.txt.
// Promises: none of the product's code is in it.
import { isIPv4, isIPv6 } from 'node:net';
import type { Prng } from '../../../src/tools/world/prng.ts';
import { mutate, randomBytes } from '../wire/bytes.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const MOST_LINE = 107;
const MOST_BINARY = 4096;

export interface Judged {
  /** Of the header; what follows is the sender's. */
  readonly bytes: number;
  /** Undefined: the connection's own. */
  readonly source: string | undefined;
}

/** Undefined: no header, or one that is not whole. */
export function judgeHeader(bytes: Buffer): Judged | undefined {
  if (bytes.subarray(0, 6).equals(Buffer.from('PROXY '))) return judgeLine(bytes);
  return bytes.subarray(0, 12).equals(SIGNATURE) ? judgeBinary(bytes) : undefined;
}

function judgeLine(bytes: Buffer): Judged | undefined {
  const end = bytes.indexOf('\n');
  if (end < 0 || end >= MOST_LINE || bytes[end - 1] !== 0x0d) return undefined;
  const words = bytes.toString('latin1', 0, end - 1).split(' ');
  const [, family, source = '', destination = '', ...ports] = words;
  if (family === 'UNKNOWN') return { bytes: end + 1, source: undefined };
  const is =
    family === 'TCP4'
      ? isIPv4
      : family === 'TCP6'
        ? (text: string) => isIPv6(text) && !text.includes('%')
        : undefined;
  if (is === undefined || words.length !== 6 || !is(source) || !is(destination)) return undefined;
  if (!ports.every((port) => /^(0|[1-9]\d{0,4})$/.test(port) && Number(port) < 65_536)) return undefined;
  return { bytes: end + 1, source };
}

function judgeBinary(bytes: Buffer): Judged | undefined {
  if (bytes.length < 16) return undefined;
  const [versionAndCommand = 0, family = 0] = bytes.subarray(12);
  const length = bytes.readUInt16BE(14);
  const end = 16 + length;
  if (versionAndCommand >> 4 !== 2 || (versionAndCommand & 15) > 1) return undefined;
  if (end > MOST_BINARY || bytes.length < end) return undefined;
  if ((versionAndCommand & 15) === 0) return { bytes: end, source: undefined };
  if (family >> 4 > 3 || (family & 15) > 2) return undefined;
  if (family === 0x11)
    return length < 12 ? undefined : { bytes: end, source: bytes.subarray(16, 20).join('.') };
  if (family === 0x21) {
    if (length < 36) return undefined;
    const groups = Array.from({ length: 8 }, (_, n) => bytes.readUInt16BE(16 + 2 * n).toString(16));
    return { bytes: end, source: groups.join(':') };
  }
  return { bytes: end, source: undefined };
}

const ADDRESSES = [
  '10.1.2.3',
  '192.0.2.77',
  '0.0.0.0',
  '255.255.255.255',
  '::1',
  '2001:db8::7',
  '::ffff:10.9.8.7',
  'fe80::1',
];
const BAD_ADDRESSES = [
  '010.1.2.3',
  '10.1.2',
  '1.2.3.4.5',
  '',
  'localhost',
  'fe80::1%eth0',
  '::g',
  '256.1.1.1',
  '10.1.2.3 ',
];
const SPICE = [
  'PROXY ',
  'TCP4',
  'TCP6',
  'UNKNOWN',
  ' ',
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\r\n\r\n\0\r\nQUIT\n',
  '0',
  '65536',
  '127.0.0.1',
  '\x21',
  '\x20',
  '\x11',
  '\xff\xff',
  '\x0b',
  '\x16\x03\x01',
].map((text) => Buffer.from(text, 'latin1'));

export function makeHeader(prng: Prng): Buffer {
  const plain = prng.chance(0.5) ? makeLine(prng) : makeBinary(prng);
  const kind = prng.next();
  if (kind < 0.55) return plain;
  if (kind < 0.9) return mutate(prng, plain, SPICE);
  if (kind < 0.93) return Buffer.concat([plain, plain]);
  if (kind < 0.96) return plain.subarray(0, prng.int(0, plain.length));
  return randomBytes(prng, prng.int(0, 40));
}

function makeLine(prng: Prng): Buffer {
  const kind = prng.next();
  if (kind < 0.1)
    return Buffer.from(`PROXY UNKNOWN${prng.pick(['', ' ', ' ffff:f::1 ::1 1 2', ' x'.repeat(60)])}\r\n`);
  const source = prng.pick(kind < 0.25 ? BAD_ADDRESSES : ADDRESSES);
  const family = prng.chance(0.95)
    ? source.includes(':')
      ? 'TCP6'
      : 'TCP4'
    : prng.pick(['TCP4', 'TCP6', 'TCP', 'UDP4']);
  const port = prng.pick([
    '1',
    '65535',
    '0',
    '40000',
    ...(kind < 0.4 ? ['65536', '-1', '01', '', '1e3', '+1'] : []),
  ]);
  return Buffer.from(
    `PROXY ${family} ${source} ${source.includes(':') ? '::2' : '10.0.0.1'} ${port} 2575${prng.pick(['\r\n', '\r\n', '\r\n', '\r\n', '\n', ' \r\n', ''])}`,
  );
}

function makeBinary(prng: Prng): Buffer {
  const command = prng.pick([0x21, 0x21, 0x21, 0x20, 0x22, 0x11, 0x31]);
  const family = prng.pick([0x11, 0x11, 0x21, 0x21, 0x00, 0x12, 0x31, 0x32, 0x41, 0x13, 0xff]);
  const size = family >> 4 === 1 ? 12 : family >> 4 === 2 ? 36 : family >> 4 === 3 ? 216 : 0;
  const block = randomBytes(prng, prng.chance(0.9) ? size : prng.int(0, size + 4));
  const tlvs = prng.chance(0.3)
    ? randomBytes(prng, prng.chance(0.1) ? prng.int(0, 5_000) : prng.int(0, 60))
    : Buffer.alloc(0);
  const length = prng.chance(0.9) ? block.length + tlvs.length : prng.int(0, 65_535);
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, length >> 8, length & 255]), block, tlvs]);
}
