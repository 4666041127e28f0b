// Who the client is and what nodes are told of it: only trusted proxies have a say, and only from the right end (F61).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressRanges } from '../../src/addresses.ts';
import type { HeaderFields } from '../../src/http/fields.ts';
import { addForwarding, clientAddress, type Hop, isForwarding } from '../../src/http/forwarded.ts';

const TRUSTED = new AddressRanges(['10.0.0.0/8', '127.0.0.1', 'fd00::/8', '::1']);
const NOBODY = new AddressRanges([]);
const hop = (address: string, more: Partial<Hop> = {}): Hop => ({
  ...{ address, proto: 'http', host: 'vip.test', port: 8080 },
  ...more,
});

function added(at: Hop, raw: readonly string[], trusted: AddressRanges): Record<string, string[]> {
  const out: HeaderFields = [];
  addForwarding(out, at, raw, trusted);
  const byName: Record<string, string[]> = {};
  for (let i = 0; i < out.length; i += 2)
    byName[out[i] as string] = [...(byName[out[i] as string] ?? []), out[i + 1] as string];
  return byName;
}

const NAMES = ['X-Forwarded-For', 'x-forwarded-proto', 'X-FORWARDED-HOST', 'X-Forwarded-Port', 'Forwarded'];
const claims = fc
  .array(
    fc.tuple(
      fc.constantFrom(...NAMES),
      fc.constantFrom('10.0.0.9', '192.0.2.1', 'https', 'evil.test', 'for=evil', ''),
    ),
  )
  .map((pairs) => pairs.flat());

describe('clientAddress', () => {
  it('trusts a proxy by a mapped range, and one that names itself as mapped', () => {
    const mapped = new AddressRanges(['::ffff:10.0.0.0/104']);
    expect(clientAddress('10.0.0.1', '192.0.2.1, ::ffff:10.0.0.2', mapped)).toBe('192.0.2.1');
    expect(clientAddress('::ffff:10.0.0.1', '192.0.2.1', mapped)).toBe('192.0.2.1');
    // Read as 10.0.0.2 by some, and as something else by others.
    expect(clientAddress('10.0.0.1', '192.0.2.1, ::10.0.0.2', mapped)).toBe('10.0.0.1');
  });

  it.each([
    ['192.0.2.1', '10.0.0.9', '192.0.2.1'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['10.0.0.1', '10.9.9.9, 192.0.2.1', '192.0.2.1'],
    ['10.0.0.1', '198.51.100.1, 192.0.2.1, 10.0.0.2', '192.0.2.1'],
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['10.0.0.1', '192.0.2.1, unknown, 10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', '192.0.2.1,', '10.0.0.1'],
    ['10.0.0.1', '192.0.2.1:4711', '192.0.2.1'],
    ['10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['10.0.0.1', '2001:db8::1', '2001:db8::1'],
    ['10.0.0.1', '192.0.2.1, 0x0a.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '192.0.2.1, 010.0.0.1', '10.0.0.1'],
  ])('of %s behind %j is %s', (peer, chain, expected) => {
    expect(clientAddress(peer, chain, TRUSTED)).toBe(expected);
  });

  it('is never what stands left of the rightmost address that nobody trusts', () => {
    const address = fc.constantFrom(
      '10.0.0.2',
      '10.0.0.3',
      'fd00::5',
      '192.0.2.1',
      '198.51.100.7',
      '2001:db8::1',
      'evil',
      '',
    );
    fc.assert(
      fc.property(fc.array(address), address, (made, real) => {
        const chain = [...made, real].join(', ');
        const client = clientAddress('10.0.0.1', chain, TRUSTED);
        // Whatever the client wrote, its own address behind it is what counts.
        if (!TRUSTED.has(real)) expect(client).toBe(real === 'evil' || real === '' ? '10.0.0.1' : real);
        expect(clientAddress('192.0.2.99', chain, TRUSTED)).toBe('192.0.2.99');
        expect(clientAddress('10.0.0.1', chain, NOBODY)).toBe('10.0.0.1');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('addForwarding', () => {
  it('nothing of what an untrusted peer claims is in it', () => {
    fc.assert(
      fc.property(claims, fc.constantFrom('192.0.2.1', '2001:db8::1', ''), (raw, address) => {
        expect(added(hop(address), raw, TRUSTED)).toEqual(added(hop(address), [], TRUSTED));
        expect(added(hop('10.0.0.1'), raw, NOBODY)).toEqual(added(hop('10.0.0.1'), [], NOBODY));
      }),
    );
  });

  it('each field is there once, and ends with this hop', () => {
    fc.assert(
      fc.property(claims, (raw) => {
        const fields = added(hop('10.0.0.1'), raw, TRUSTED);
        expect(Object.keys(fields).sort()).toEqual(NAMES.map((name) => name.toLowerCase()).sort());
        expect(Object.values(fields).every(({ length }) => length === 1)).toBe(true);
        expect(fields['x-forwarded-for']?.[0]).toMatch(/(^|, )10\.0\.0\.1$/);
        expect(fields.forwarded?.[0]).toMatch(/(^|, )for=10\.0\.0\.1;host=vip\.test;proto=http$/);
      }),
    );
  });

  it.each([
    [hop('2001:db8::1'), 'for="[2001:db8::1]";host=vip.test;proto=http'],
    [hop(''), 'for=unknown;host=vip.test;proto=http'],
    [
      hop('192.0.2.1', { host: 'vip.test:8443', proto: 'https' }),
      'for=192.0.2.1;host="vip.test:8443";proto=https',
    ],
    [hop('192.0.2.1', { host: '[::1]:80' }), 'for=192.0.2.1;host="[::1]:80";proto=http'],
  ])('writes an element of RFC 7239', (at, expected) => {
    expect(added(at, [], NOBODY).forwarded).toEqual([expected]);
  });
});

describe('isForwarding', () => {
  it('knows every way of writing it that a node could take for one', () => {
    const spelt = fc.constantFrom(...NAMES, 'X-Real-IP', 'X-Client-IP', 'True-Client-IP', 'X-Forwarded-Ssl');
    fc.assert(
      fc.property(spelt, fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), (name, underscores) => {
        let i = 0;
        const twin = name.toLowerCase().replace(/-/g, (dash) => (underscores[i++] === true ? '_' : dash));
        expect(isForwarding(twin)).toBe(true);
      }),
    );
    for (const name of ['x-forwarded', 'x-forwarded-fort', 'x_mine', 'via', 'from'])
      expect(isForwarding(name)).toBe(false);
  });
});
