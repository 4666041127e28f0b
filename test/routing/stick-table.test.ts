// The stick table: remembers, expires, stays bounded.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StickTable } from '../../routing/stick-table.ts';

function tableAt(maxSenders: number, idleMs = 1_000): { table: StickTable; clock: { now: number } } {
  const clock = { now: 0 };
  return { table: new StickTable({ maxSenders, idleMs, now: () => clock.now }), clock };
}

describe('stick table', () => {
  it('remembers the last node of each sender', () => {
    const { table } = tableAt(10);
    table.set('lab', 'a');
    table.set('ris', 'b');
    table.set('lab', 'c');
    expect([table.get('lab'), table.get('ris'), table.get('adt'), table.size]).toEqual([
      'c',
      'b',
      undefined,
      2,
    ]);
  });

  it('forgets a sender that was silent for idleMs, not before', () => {
    const { table, clock } = tableAt(10);
    table.set('lab', 'a');
    clock.now = 999;
    expect(table.get('lab')).toBe('a');
    clock.now = 1_998;
    expect(table.get('lab')).toBe('a');
    clock.now = 2_998;
    expect([table.get('lab'), table.size]).toEqual([undefined, 0]);
  });

  it('beyond maxSenders forgets the one that was silent for longest', () => {
    const { table } = tableAt(3);
    for (const key of ['a', 'b', 'c']) table.set(key, 'n');
    table.get('a');
    table.set('b', 'm');
    table.set('d', 'n');
    expect(['a', 'b', 'c', 'd'].map((key) => table.get(key))).toEqual(['n', 'm', undefined, 'n']);
    expect(table.size).toBe(3);
  });

  it('drops expired senders as new ones come, though nobody asks for them', () => {
    const { table, clock } = tableAt(1_000);
    for (let i = 0; i < 100; i++) table.set(`old-${i}`, 'n');
    clock.now = 1_000;
    for (let i = 0; i < 60; i++) table.set(`new-${i}`, 'n');
    expect(table.size).toBe(60);
  });

  it('does what a plain list would do, for any calls', () => {
    const call = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      node: fc.option(fc.constantFrom('x', 'y')),
      wait: fc.nat(600),
    });
    const property = fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
      const { table, clock } = tableAt(3);
      let list: { key: string; node: string; at: number }[] = [];
      for (const { key, node, wait } of calls) {
        clock.now += wait;
        list = list.filter(({ at }) => clock.now - at < 1_000);
        const known = list.find((entry) => entry.key === key);
        if (node === null) expect(table.get(key)).toBe(known?.node);
        else table.set(key, node);
        const kept = node ?? known?.node;
        if (kept !== undefined)
          list = [...list.filter((entry) => entry !== known), { key, node: kept, at: clock.now }].slice(-3);
        expect(table.size).toBeLessThanOrEqual(3);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});
