// A pool's choice: candidates, backups, room, and nodes that come and go. Sticky senders: pool-sticky.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Balance, node, placed, poolOf } from './views.ts';

describe('candidates', () => {
  it('are usable, have weight and are not excluded', () => {
    const [a, b, c, d] = [
      node('a', { usable: false }),
      node('b', { weight: 0 }),
      node('c'),
      node('d'),
    ] as const;
    const pool = poolOf([a, b, c, d]);
    expect(pool.choose(undefined, new Set([c]))).toEqual({
      node: d,
      selectionReason: 'round-robin',
      wait: false,
    });
    expect(pool.choose(undefined, new Set([c, d]))).toBeUndefined();
    expect(poolOf([]).choose(undefined)).toBeUndefined();
  });

  it.each(['hash', 'table', undefined] as const)('are backups only where no primary is left (%s)', (mode) => {
    const [a, b, spare] = [node('a'), node('b'), node('spare', { backup: true })] as const;
    const pool = poolOf([spare, a, b], 'round-robin', mode);
    const chosen = (): Set<string | undefined> => new Set(placed(pool));
    expect(chosen()).toEqual(new Set(['a', 'b']));
    a.usable = false;
    b.hasRoom = false;
    expect(chosen()).toEqual(new Set(['b']));
    b.usable = false;
    expect(chosen()).toEqual(new Set(['spare']));
    b.usable = true;
    expect(chosen()).toEqual(new Set(['b']));
    expect(pool.choose('x', new Set([b]))?.node).toBe(spare);
    spare.usable = false;
    b.usable = false;
    expect(chosen()).toEqual(new Set([undefined]));
  });
});

describe('without a sender', () => {
  it.each(['round-robin', 'least-in-flight'] as const)('%s among those that have room', (balance) => {
    const [a, b, c] = [
      node('a', { hasRoom: false }),
      node('b', { inFlight: 9 }),
      node('c', { hasRoom: false }),
    ] as const;
    expect(poolOf([a, b, c], balance).choose(undefined)).toEqual({
      node: b,
      selectionReason: balance,
      wait: false,
    });
  });

  it.each([
    ['round-robin', 'a'],
    ['least-in-flight', 'b'],
  ] as const)('%s picks who is waited for where none has room', (balance, name) => {
    const nodes = [node('a', { hasRoom: false, inFlight: 8 }), node('b', { hasRoom: false, inFlight: 7 })];
    expect(poolOf(nodes, balance).choose(undefined)).toMatchObject({
      node: { name },
      selectionReason: balance,
      wait: true,
    });
  });

  it('balance hash takes turns, for there is nothing to hash', () => {
    const pool = poolOf([node('a'), node('b')], 'hash');
    expect([1, 2, 3].map(() => pool.choose(undefined)?.node.name)).toEqual(['a', 'b', 'a']);
    expect(pool.choose(undefined)?.selectionReason).toBe('round-robin');
  });

  it('a key is not stuck to where the pool has no persistence', () => {
    const pool = poolOf([node('a'), node('b')]);
    expect([pool.choose('lab')?.node.name, pool.choose('lab')?.node.name]).toEqual(['a', 'b']);
  });

  it('balance hash without persistence prefers the node of the key, and takes another rather than wait', () => {
    const nodes = [node('a'), node('b')];
    const pool = poolOf(nodes, 'hash');
    const own = pool.choose('lab');
    expect([own?.selectionReason, own?.wait, pool.choose('lab')?.node]).toEqual(['hash', false, own?.node]);
    for (const one of nodes) one.hasRoom = one !== own?.node;
    expect(pool.choose('lab')).toMatchObject({ selectionReason: 'hash', wait: false });
    expect(pool.choose('lab')?.node).not.toBe(own?.node);
  });
});

describe('draining', () => {
  it.each(['hash', 'table', undefined] as const)('takes no new sender (%s)', (mode) => {
    const [a, b, spare] = [node('a'), node('b'), node('spare', { backup: true })] as const;
    const pool = poolOf([a, b, spare], 'round-robin', mode);
    a.draining = true;
    expect(new Set(placed(pool))).toEqual(new Set(['b']));
    expect(pool.choose(undefined)?.node).toBe(b);
    const primaries = poolOf([a, spare], 'round-robin', mode);
    expect(new Set(placed(primaries))).toEqual(new Set(['spare']));
    spare.draining = true;
    expect(primaries.choose('new')).toBeUndefined();
  });
});

describe('F45 a node that wants a trial', () => {
  it.each(['round-robin', 'least-in-flight', 'hash'] as const)('goes before all others (%s)', (balance) => {
    const [a, b] = [node('a'), node('b', { inFlight: 3, weight: 0.1 })] as const;
    const pool = poolOf([a, b], balance);
    b.wantsTrial = true;
    for (const key of ['k', 'l', undefined]) {
      expect(pool.choose(key)).toEqual({ node: b, selectionReason: 'trial', wait: false });
    }
    expect(pool.choose(undefined, new Set([b]))?.node).toBe(a);
    b.hasRoom = false;
    expect(pool.choose(undefined)?.node).toBe(a);
    b.hasRoom = true;
    b.usable = false;
    expect(pool.choose(undefined)?.node).toBe(a);
  });

  it('a backup only where no primary is left', () => {
    const [a, spare] = [node('a'), node('spare', { backup: true, wantsTrial: true })] as const;
    const pool = poolOf([a, spare]);
    expect(pool.choose(undefined)?.node).toBe(a);
    a.usable = false;
    expect(pool.choose(undefined)?.selectionReason).toBe('trial');
  });

  it('does not draw senders that belong elsewhere', () => {
    for (const mode of ['hash', 'table'] as const) {
      const nodes = [node('a'), node('b')];
      const pool = poolOf(nodes, 'round-robin', mode);
      const before = placed(pool);
      for (const one of nodes) one.wantsTrial = one.name === 'b';
      expect(placed(pool)).toEqual(before);
    }
  });
});

describe('setNodes', () => {
  it('keeps the senders of nodes that stay, by name, and moves those of nodes that go', () => {
    const pool = poolOf([node('a'), node('b')], 'round-robin', 'table');
    pool.choose('lab');
    pool.choose('ris');
    const fresh = [node('b'), node('c')];
    pool.setNodes(fresh);
    expect(pool.nodes).toEqual(fresh);
    expect(pool.choose('ris')).toMatchObject({ node: fresh[0], selectionReason: 'sticky-table' });
    expect(pool.choose('lab')?.selectionReason).toBe('round-robin');
  });

  it('keeps the turns', () => {
    const pool = poolOf([node('a'), node('b')]);
    pool.choose(undefined);
    pool.setNodes([node('a'), node('b')]);
    expect(pool.choose(undefined)?.node.name).toBe('b');
  });

  it('in mode hash moves only what the change needs', () => {
    const pool = poolOf(
      ['a', 'b', 'c'].map((name) => node(name)),
      'round-robin',
      'hash',
    );
    const before = placed(pool);
    pool.setNodes(['d', 'c', 'b', 'a'].map((name) => node(name)));
    const after = placed(pool);
    expect(after).toContain('d');
    expect(after.every((name, i) => name === 'd' || name === before[i])).toBe(true);
  });
});

describe('any pool', () => {
  it('chooses a node exactly where one may be chosen, and says rightly whether it has room', () => {
    const nodes = fc.array(
      fc.record({
        weight: fc.constantFrom(0, 1, 3),
        backup: fc.boolean(),
        inFlight: fc.nat(4),
        usable: fc.boolean(),
        hasRoom: fc.boolean(),
      }),
      { maxLength: 5 },
    );
    const configs = fc.tuple(
      fc.constantFrom<Balance>('round-robin', 'least-in-flight', 'hash'),
      fc.constantFrom('hash', undefined),
    );
    const property = fc.property(
      nodes,
      configs,
      fc.option(fc.string(), { nil: undefined }),
      fc.nat(31),
      (made, [balance, mode], key, mask) => {
        const all = made.map((more, i) => node(`n${i}`, more));
        const excluded = new Set(all.filter((_, i) => (mask >> i) % 2 === 1));
        const choice = poolOf(all, balance, mode).choose(key, excluded);
        const able = all.filter((one) => one.usable && one.weight > 0 && !excluded.has(one));
        const primaries = able.filter((one) => !one.backup);
        const candidates = primaries.length > 0 ? primaries : able;
        expect(choice !== undefined).toBe(candidates.length > 0);
        if (choice === undefined) return;
        expect(candidates).toContain(choice.node);
        expect(choice.wait).toBe(!choice.node.hasRoom);
        if (choice.selectionReason !== 'sticky-hash' && choice.wait)
          expect(candidates.some((one) => one.hasRoom)).toBe(false);
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });
});
