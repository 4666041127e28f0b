// Addresses and ranges: one definition, wherever somebody is trusted, let in or routed by address (F61).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCondition } from '../routing/condition.ts';
import { AddressRange, AddressRanges, isAddress, isLoopback, isRange } from '../src/addresses.ts';

describe('a range has an address', () => {
  it.each([
    // As it is.
    ['10.1.0.0/16', '10.1.2.3'],
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3/16', '10.1.255.255'],
    ['0.0.0.0/0', '255.255.255.255'],
    ['fd00::/8', 'fd12::1'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['::/0', '2001:db8::1'],
    // The address mapped, in either way of writing.
    ['10.1.0.0/16', '::ffff:10.1.2.3'],
    ['10.1.0.0/16', '::FFFF:a01:203'],
    ['10.1.2.3', '0:0:0:0:0:ffff:a01:203'],
    ['0.0.0.0/0', '::ffff:10.1.2.3'],
    // The range mapped.
    ['::ffff:10.1.0.0/112', '10.1.2.3'],
    ['::ffff:a01:0/112', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3/128', '10.1.2.3'],
    ['::ffff:0:0/96', '192.0.2.1'],
    // Both.
    ['::ffff:10.1.0.0/112', '::ffff:10.1.2.3'],
    ['::ffff:0:0/96', '::ffff:192.0.2.1'],
    // A link-local peer, as the kernel names it.
    ['fe80::/10', 'fe80::1%eth0'],
  ])('%s has %s', (range, address) => {
    expect(new AddressRange(range).has(address)).toBe(true);
    expect(byRoute(range, address)).toBe(true);
  });

  it.each([
    ['10.1.0.0/16', '10.2.0.1'],
    ['10.1.2.3', '10.1.2.4'],
    ['10.1.0.0/16', '::ffff:10.2.0.1'],
    ['::ffff:10.1.0.0/112', '10.2.0.1'],
    ['::ffff:10.1.2.3', '::ffff:10.1.2.4'],
    // Never across the two families.
    ['::/0', '10.1.2.3'],
    ['::/0', '::ffff:10.1.2.3'],
    ['::ffff:0:0/95', '10.1.2.3'],
    ['0.0.0.0/0', '::1'],
    // RFC 4291 2.5.5.1: compatible, deprecated, and not mapped.
    ['0.0.0.0/0', '::10.1.2.3'],
    ['0.0.0.0/0', '::ffff:010.1.2.3'],
    ['0.0.0.0/0', '::ffff:0x0a.1.2.3'],
    ['::ffff:0:0/96', '::1'],
    ['10.0.0.0/8', '64:ff9b::a01:203'],
    // What is no address, or is read in more than one way.
    ...['', 'unknown', '10', '10.1', '10.1.2', '0x0a.1.2.3', '012.0.0.1', '10.0.0.1 ', '10.0.0.1:80'].map(
      (text): [string, string] => ['0.0.0.0/0', text],
    ),
    ...['[::1]', '10.0.0.256', '167772161', '10.0.0.1%eth0', '%', 'fe80::1%'].map(
      (text): [string, string] => ['10.0.0.0/8', text],
    ),
    ['::/0', '[::1]'],
  ])('%s has not %j', (range, address) => {
    expect(new AddressRange(range).has(address)).toBe(false);
    expect(byRoute(range, address)).toBe(false);
  });

  it('mapped or not, on either side, it is the same', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(
        fc.tuple(octet, octet, octet, octet),
        fc.tuple(octet, octet, octet, octet),
        fc.integer({ min: 0, max: 32 }),
        fc.boolean(),
        (base, other, bits, near) => {
          const range = base.join('.');
          // Else hardly any pair would lie together.
          const address = near ? [...base.slice(0, 2), ...other.slice(2)].join('.') : other.join('.');
          const has = new AddressRange(`${range}/${bits}`).has(address);
          expect(has).toBe(sameBits(base, address.split('.').map(Number), bits));
          expect(new AddressRange(`${range}/${bits}`).has(`::ffff:${address}`)).toBe(has);
          expect(new AddressRange(`::ffff:${range}/${96 + bits}`).has(address)).toBe(has);
          expect(new AddressRange(`::ffff:${range}/${96 + bits}`).has(`::ffff:${address}`)).toBe(has);
        },
      ),
    );
  });
});

/** By arithmetic of its own. */
function sameBits(a: readonly number[], b: readonly number[], bits: number): boolean {
  const text = (parts: readonly number[]): string =>
    parts.map((part) => part.toString(2).padStart(8, '0')).join('');
  return text(a).slice(0, bits) === text(b).slice(0, bits);
}

function byRoute(range: string, address: string): boolean {
  const condition = { subject: { kind: 'source' }, text: 'source', test: { kind: 'cidr', range } } as const;
  return compileCondition(condition)({
    header: undefined,
    listener: 'in',
    peer: { address, port: 1 },
  });
}

describe('ranges', () => {
  it('have what any of them has, and none have nothing', () => {
    const ranges = new AddressRanges(['10.0.0.0/8', '::ffff:192.0.2.0/120', 'fd00::/8']);
    expect(['10.1.2.3', '192.0.2.7', '::ffff:192.0.2.7', 'fd00::1'].every((one) => ranges.has(one))).toBe(
      true,
    );
    expect(['11.0.0.1', '192.0.3.1', 'fe80::1', ''].some((one) => ranges.has(one))).toBe(false);
    expect(new AddressRanges([]).has('10.1.2.3')).toBe(false);
  });

  it.each(['', 'x', '10.0.0.0/33', '10.0.0.0/', '::/129', '/8'])('%j throws, and is no range', (text) => {
    expect(() => new AddressRange(text)).toThrow();
    expect(isRange(text)).toBe(false);
  });
});

it.each([
  ['10.1.2.3', true],
  ['::ffff:10.1.2.3', true],
  ['fe80::1%eth0', false],
  ['010.1.2.3', false],
  ['::127.0.0.1', false],
  ['::ffff:010.1.2.3', false],
  ['localhost', false],
])('%s is an address: %s', (text, expected) => expect(isAddress(text)).toBe(expected));

it.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['128.0.0.1', false],
  ['::127.0.0.1', false],
  ['::', false],
  ['localhost', false],
  ['', false],
])('%j is of this machine alone: %s', (text, expected) => expect(isLoopback(text)).toBe(expected));
