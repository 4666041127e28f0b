// The stored state as text: what is written is read back, what is broken is refused whole, what is hostile gives what makes sense.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EarlierSenders, hashSender, newSalt } from '../../routing/earlier-senders.ts';
import { StickTable } from '../../routing/stick-table.ts';
import { readDecisions } from '../../src/state/decisions.ts';
import { decisionsText, parseDecisions, parseSenders, sendersText } from '../../src/state/stored-state.ts';

const DECISIONS = {
  adt: {
    states: { a: { state: 'maintenance' as const, reason: 'wanted from 10.0.0.9' } },
    weights: { b: 3 },
    removed: ['c'],
    added: { d: { url: 'mllp://10.0.0.14:6661' } },
  },
};

async function textOf(parts: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const part of parts) text += part;
  return text;
}

test('decisions are read back as they were', () => {
  const text = decisionsText({ writer: 'w', decisions: DECISIONS });
  expect(parseDecisions(text)).toEqual({ writer: 'w', decisions: DECISIONS });
  for (let end = 0; end < text.length - 2; end++) expect(() => parseDecisions(text.slice(0, end))).toThrow();
});

test('a file of another version, and what is no map, is refused', () => {
  for (const text of [
    '{"version":2,"pools":{}}',
    '{}',
    '[]',
    'null',
    '{"version":1,"pools":[]}',
    '{"version":1}',
  ])
    expect(() => parseDecisions(text)).toThrow();
});

test('of what was edited by hand, what makes sense is taken', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      for (const { states, weights, removed, added } of Object.values(readDecisions(value))) {
        for (const { state } of Object.values(states)) expect(['draining', 'maintenance']).toContain(state);
        expect(Object.values(weights).every((weight) => typeof weight === 'number')).toBe(true);
        expect(removed.every((name) => typeof name === 'string')).toBe(true);
        expect(Object.values(added).every((one) => typeof one === 'object')).toBe(true);
      }
    }),
  );
});

test('senders are read back, cut off nowhere, and no sticky key is in the text', async () => {
  const salt = newSalt();
  const records = Array.from({ length: 5_000 }, (_, i) => ({
    hash: hashSender(salt, `DOE^JOHN${i}`),
    node: i % 2 === 0 ? 'a' : 'b',
    idleMs: i,
  }));
  const text = await textOf(
    sendersText(salt, [
      ['adt', '["MSH-3"]', records],
      ['lab', '["MSH-4"]', []],
    ]),
  );
  expect(text).not.toContain('DOE^JOHN');
  const read = parseSenders(text);
  expect([...read.pools.keys()]).toEqual(['adt', 'lab']);
  const back = read.pools.get('adt')?.records ?? [];
  expect(back.map(({ hash, node }) => [hash, node])).toEqual(records.map(({ hash, node }) => [hash, node]));
  expect(back.every(({ idleMs }, i) => idleMs >= i)).toBe(true);
  const lines = text.split('\n');
  expect(() => parseSenders(lines.slice(0, -2).join('\n'))).toThrow('its end is missing');
  expect(() => parseSenders(text.slice(0, 300))).toThrow();
});

test('a sender gets its node back once, unless it was silent for too long', () => {
  let now = 1_000;
  const salt = newSalt();
  const record = (key: string, idleMs: number) => ({
    hash: hashSender(salt, key),
    node: `node of ${key}`,
    idleMs,
  });
  const table = new StickTable({ maxSenders: 10, idleMs: 500, now: () => now });
  table.restore(new EarlierSenders(salt, [record('A', 0), record('B', 499), record('C', 500)], () => now));
  expect(table.get('A')).toBe('node of A');
  expect(table.get('C')).toBeUndefined();
  now += 1;
  expect(table.get('B')).toBeUndefined();
  expect(table.get('unknown')).toBeUndefined();
  expect(table.list()).toEqual([{ key: 'A', node: 'node of A', idleMs: 1 }]);
  // From here on the table remembers it by itself.
  table.set('A', 'other');
  expect(table.get('A')).toBe('other');
  expect(table.earlier).toBeUndefined();
});
