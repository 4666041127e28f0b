// Identifiers as logs and spans may have them: as they are, or as a keyed hash.
import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { Identifiers } from '../../../src/observe/traces/identifiers.ts';

it('a control id is plain or hashed, as the config says', () => {
  expect(new Identifiers({ controlIds: 'plain', hashKey: undefined }).controlId('A\r1')).toBe('A\\x0d1');
  const hashed = new Identifiers({ controlIds: 'hash', hashKey: 'key' });
  const expected = createHmac('sha256', 'key').update('MRN-4711').digest('hex').slice(0, 16);
  expect(hashed.controlId('MRN-4711')).toBe(expected);
  expect(hashed.controlId('')).toBe('');
});

it('a sticky key is never plain; the same key has the same hash, also in another gateway with the same hashKey', () => {
  const [one, other, third] = ['k', 'k', 'l'].map(
    (hashKey) => new Identifiers({ controlIds: 'plain', hashKey }),
  );
  expect(one?.stickyKey('LAB|NORTH')).toMatch(/^[0-9a-f]{16}$/);
  expect(one?.stickyKey('LAB|NORTH')).toBe(one?.stickyKey('LAB|NORTH'));
  expect(one?.stickyKey('LAB|NORTH')).toBe(other?.stickyKey('LAB|NORTH'));
  expect(one?.stickyKey('LAB|NORTH')).not.toBe(one?.stickyKey('LAB|SOUTH'));
  expect(one?.stickyKey('LAB|NORTH')).not.toBe(third?.stickyKey('LAB|NORTH'));
});

it('hashes of more keys than are remembered are right all the same', () => {
  const identifiers = new Identifiers({ controlIds: 'plain', hashKey: 'k' });
  const first = identifiers.stickyKey('0');
  for (let i = 1; i < 12_000; i++) identifiers.stickyKey(String(i));
  expect(identifiers.stickyKey('0')).toBe(first);
});
