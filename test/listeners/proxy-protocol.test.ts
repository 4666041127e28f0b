// The PROXY protocol's header by its text (haproxy.org, proxy-protocol.txt): what is one, what is none, however it is cut.
import { isIP, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readProxyHeader } from '../../listeners/accept/proxy-protocol.ts';
import { addressBlock, binaryHeader, lineHeader, tlv } from '../helpers/proxy-header.ts';

const text = (line: string) => readProxyHeader(Buffer.from(line, 'latin1'));
const MORE = { kind: 'more' };
const IPV4 = addressBlock([10, 1, 2, 3], 56_324);
const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3];
const long = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const IPV6 = addressBlock(long, 443);
const UNIX = Buffer.alloc(216, 'x');

/** `more` for every part of it, and the same header for the whole with anything behind. */
function expectHeader(bytes: Buffer, expected: object): void {
  for (let end = 0; end < bytes.length; end++)
    expect(readProxyHeader(bytes.subarray(0, end)), `the first ${end} bytes`).toEqual(MORE);
  const header = { kind: 'header', bytes: bytes.length, ...expected };
  for (const behind of ['', '\x0bMSH|', '\r\n', bytes.toString('latin1'), 'x'.repeat(5000)])
    expect(readProxyHeader(Buffer.concat([bytes, Buffer.from(behind, 'latin1')]))).toEqual(header);
}

describe('version 1', () => {
  test.each([
    ['PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n', { address: '192.168.0.1', port: 56_324 }],
    [
      'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n',
      { address: '255.255.255.255', port: 65_535 },
    ],
    ['PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n', { address: '0.0.0.0', port: 0 }],
    ['PROXY TCP6 2001:DB8:0:0:0:0:0:1 ::1 1 2\r\n', { address: '2001:db8::1', port: 1 }],
    ['PROXY TCP6 ::1 ::1 1 2\r\n', { address: '::1', port: 1 }],
    ['PROXY TCP6 ::FFFF:10.1.2.3 ::1 1 2\r\n', { address: '10.1.2.3', port: 1 }],
    ['PROXY TCP6 0:0:0:0:0:ffff:a01:203 ::1 1 2\r\n', { address: '10.1.2.3', port: 1 }],
    [
      `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
      { address: `${'ffff:'.repeat(7)}ffff`, port: 65_535 },
    ],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN \r\n', undefined],
    ['PROXY UNKNOWN anything\r at\x00 all\r\n', undefined],
    [`PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`, undefined],
  ])('%j', (line, source) => {
    expectHeader(Buffer.from(line, 'latin1'), { version: 1, source });
  });

  test.each([
    'PROXY TCP4 10.1.2.3 10.1.2.4 1 2\n',
    'PROXY TCP4 10.1.2.3 10.1.2.4 1 25\n',
    'PROXY UNKNOWN anything\n',
    'PROXY UNKNOWNS\r\n',
    'PROXY  TCP4 10.1.2.3 10.1.2.4 1 2\r\n',
    'PROXY TCP4  10.1.2.3 10.1.2.4 1 2\r\n',
    'PROXY TCP4 10.1.2.3 10.1.2.4 1 2 \r\n',
    'PROXY TCP4 10.1.2.3 10.1.2.4 1 2 3\r\n',
    'PROXY TCP4\t10.1.2.3 10.1.2.4 1 2\r\n',
    'PROXY TCP4 10.1.2.3 1 2\r\n',
    'PROXY TCP4\r\n',
    'PROXY \r\n',
    'PROXY tcp4 10.1.2.3 10.1.2.4 1 2\r\n',
    'PROXY UDP4 10.1.2.3 10.1.2.4 1 2\r\n',
    'PROXY TCP4 10.1.2.03 10.1.2.4 1 2\r\n',
    'PROXY TCP4 10.1.2.256 10.1.2.4 1 2\r\n',
    'PROXY TCP4 10.1.3 10.1.2.4 1 2\r\n',
    'PROXY TCP4 10.1.2.3 x 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP4 10.1.2.3 ::1 1 2\r\n',
    'PROXY TCP6 10.1.2.3 10.1.2.4 1 2\r\n',
    'PROXY TCP6 ::1 10.1.2.4 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n',
    'PROXY TCP6 1::2::3 ::1 1 2\r\n',
    'PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n',
    'PROXY TCP4 10.1.2.3 10.1.2.4 01 2\r\n',
    'PROXY TCP4 10.1.2.3 10.1.2.4 1 65536\r\n',
    'PROXY TCP4 10.1.2.3 10.1.2.4 65536 2\r\n',
    'PROXY TCP4 10.1.2.3 10.1.2.4 1e3 2\r\n',
    `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`,
    `PROXY ${'x'.repeat(101)}`,
  ])('is not %j', (line) => {
    expect(text(line)).toEqual({ kind: 'bad', why: expect.stringMatching(/^[a-z]/i) });
  });

  test('107 bytes are not too many', () => {
    expectHeader(Buffer.from(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`), { version: 1, source: undefined });
  });

  test('a line that is too long, or ends wrongly, is found out at the byte that says so', () => {
    expect(text(`PROXY UNKNOWN ${'x'.repeat(92)}`)).toEqual(MORE);
    expect(text(`PROXY UNKNOWN ${'x'.repeat(93)}`).kind).toBe('bad');
    expect(text('PROXY TCP4 10.1.2.3\n').kind).toBe('bad');
  });
});

describe('version 2', () => {
  const source4 = { address: '10.1.2.3', port: 56_324 };
  const source6 = { address: '2001:db8::1', port: 443 };
  const ssl = tlv(0x20, Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), tlv(0x21, Buffer.from('TLSv1.3'))]));
  test.each([
    ['TCP over IPv4', { block: IPV4 }, source4],
    ['TCP over IPv6', { family: 0x21, block: IPV6 }, source6],
    ['IPv4 mapped into IPv6', { family: 0x21, block: addressBlock(mapped, 56_324) }, source4],
    ['with TLVs', { block: IPV4, tlvs: Buffer.concat([tlv(0x02, Buffer.from('a.example')), ssl]) }, source4],
    ['IPv6 with TLVs', { family: 0x21, block: IPV6, tlvs: tlv(0x04, Buffer.alloc(900)) }, source6],
    ['with what is no TLV', { block: IPV4, tlvs: Buffer.from([0xff, 0xff]) }, source4],
    ['LOCAL', { command: 0x20, family: 0 }, undefined],
    ['LOCAL with addresses', { command: 0x20, block: IPV4 }, undefined],
    ['LOCAL of no known family', { command: 0x20, family: 0xff, block: IPV4 }, undefined],
    ['UNSPEC', { family: 0 }, undefined],
    ['UNSPEC with bytes', { family: 0, block: IPV4 }, undefined],
    ['IPv4 without transport', { family: 0x10, block: IPV4 }, undefined],
    ['datagrams', { family: 0x12, block: IPV4 }, undefined],
    ['datagrams over IPv6', { family: 0x22, block: IPV6 }, undefined],
    ['a Unix socket', { family: 0x31, block: UNIX }, undefined],
    ['the longest', { block: IPV4, tlvs: Buffer.alloc(4096 - 16 - 12) }, source4],
  ])('%s', (_, parts, source) => {
    expectHeader(binaryHeader(parts), { version: 2, source });
  });

  test.each([
    ['version 1', { command: 0x11, block: IPV4 }, 13],
    ['version 3', { command: 0x31, block: IPV4 }, 13],
    ['a third command', { command: 0x22, block: IPV4 }, 13],
    ['a fifth family', { family: 0x41, block: IPV4 }, 14],
    ['a fourth transport', { family: 0x13, block: IPV4 }, 14],
    ['too long', { block: IPV4, length: 4096 - 16 + 1 }, 16],
    ['much too long', { block: IPV4, length: 65_535 }, 16],
    ['LOCAL and too long', { command: 0x20, length: 65_535 }, 16],
    ['IPv4 that is too short', { block: IPV4.subarray(1) }, 16 + 11],
    ['IPv4 without addresses', {}, 16],
    ['IPv6 that is too short', { family: 0x21, block: IPV6.subarray(1) }, 16 + 35],
  ])('is not one of %s; found out at the byte that says so', (_, parts, at) => {
    const bytes = binaryHeader(parts);
    expect(readProxyHeader(bytes.subarray(0, at - 1))).toEqual(MORE);
    expect(readProxyHeader(bytes.subarray(0, at))).toEqual({ kind: 'bad', why: expect.any(String) });
  });
});

describe('another protocol', () => {
  test.each([
    '\x0bMSH|^~\\&|',
    'MSH|^~\\&|',
    'GET / HTTP/1.1\r\n',
    'PRI * HTTP/2.0\r\n',
    'PROXIES',
    'proxy TCP4',
    '\x16\x03\x01',
    '\r\n\r\n\r\n',
    '\r\n\r\n\0\r\nQUIT\r',
    '\0',
  ])('%j is none at its first byte that differs', (line) => {
    const differs = Math.max(
      ...['PROXY ', '\r\n\r\n\0\r\nQUIT\n'].map((start) =>
        [...line].findIndex((character, at) => character !== start[at]),
      ),
    );
    expect(text(line.slice(0, differs))).toEqual(MORE);
    expect(text(line.slice(0, differs + 1))).toEqual({ kind: 'bad', why: undefined });
    expect(text(line)).toEqual({ kind: 'bad', why: undefined });
  });
});

describe('whatever comes', () => {
  const source = fc.record({
    source: fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((one) => isIP(one) === 6),
    ),
    port: fc.nat(65_535),
  });

  /** As a socket prints it, IPv4 as such. */
  function printed(address: string): string {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return new SocketAddress({ address, family }).address.replace(/^::ffff:(?=\d+\.)/, '');
  }

  test('a line of addresses is read back', () => {
    fc.assert(
      fc.property(source, fc.uint8Array(), (ends, behind) => {
        const line = lineHeader(ends);
        expect(readProxyHeader(Buffer.concat([line, behind]))).toEqual({
          kind: 'header',
          version: 1,
          source: { address: printed(ends.source), port: ends.port },
          bytes: line.length,
        });
      }),
    );
  });

  test('a binary header is read back, whatever its TLVs and what follows it', () => {
    const bytes = (length: number) => fc.array(fc.nat(255), { minLength: length, maxLength: length });
    fc.assert(
      fc.property(
        fc.oneof(bytes(4), bytes(16)),
        fc.nat(65_535),
        fc.uint8Array({ maxLength: 500 }),
        fc.uint8Array(),
        (address, port, tlvs, behind) => {
          const header = binaryHeader({
            family: address.length === 4 ? 0x11 : 0x21,
            block: addressBlock(address, port),
            tlvs: Buffer.from(tlvs),
          });
          const hex = Buffer.from(address).toString('hex').match(/.{4}/g)?.join(':') ?? '';
          expect(readProxyHeader(Buffer.concat([header, behind]))).toEqual({
            kind: 'header',
            version: 2,
            source: { address: printed(address.length === 4 ? address.join('.') : hex), port },
            bytes: header.length,
          });
        },
      ),
    );
  });

  test('never throws, never claims more than came, and sticks to what it has said once more bytes come', () => {
    const whole = [lineHeader({ source: '10.1.2.3', port: 1 }), binaryHeader({ block: IPV4 })];
    const start = fc.oneof(
      fc.constantFrom(
        '',
        'PROXY ',
        'PROXY TCP4 ',
        'PROXY UNKNOWN',
        '\r\n\r\n\0\r\nQUIT\n',
        '\r\n\r\n\0\r\nQUIT\n\x21\x11\0',
      ),
      fc.tuple(fc.constantFrom(...whole), fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
        const broken = Buffer.from(bytes);
        broken[at % broken.length] = value;
        return broken.toString('latin1');
      }),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), (first, rest) => {
        const bytes = Buffer.concat([Buffer.from(first, 'latin1'), rest]);
        const last = readProxyHeader(bytes);
        for (let end = 0; end < bytes.length; end++) {
          const reading = readProxyHeader(bytes.subarray(0, end));
          if (reading.kind === 'more') continue;
          if (reading.kind === 'header') expect(reading.bytes).toBeLessThanOrEqual(end);
          expect(last).toEqual(reading);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
