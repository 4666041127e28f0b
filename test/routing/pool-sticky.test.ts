// A pool's choice for a sender that is to keep its node: by hash and by table.
import { describe, expect, it } from 'vitest';
import { type FakeNode, node, placed, poolOf } from './views.ts';

describe('mode hash', () => {
  it('keeps each sender on its node, room or not', () => {
    const nodes = [node('a'), node('b'), node('c')];
    const pool = poolOf(nodes, 'least-in-flight', 'hash');
    const before = placed(pool);
    expect(new Set(before)).toEqual(new Set(['a', 'b', 'c']));
    for (const one of nodes) one.hasRoom = false;
    expect(placed(pool)).toEqual(before);
    expect(pool.choose('lab')).toMatchObject({ selectionReason: 'sticky-hash', wait: true });
    for (const one of nodes) one.hasRoom = true;
    expect(pool.choose('lab')).toMatchObject({ selectionReason: 'sticky-hash', wait: false });
  });

  it('two pools that never talked agree, also in another order of nodes', () => {
    const names = ['a', 'b', 'c'];
    const one = poolOf(
      names.map((name) => node(name)),
      'round-robin',
      'hash',
    );
    const other = poolOf(
      names.toReversed().map((name) => node(name)),
      'least-in-flight',
      'hash',
    );
    expect(placed(other)).toEqual(placed(one));
  });

  it('moves only the senders of a lost node, and only those back', () => {
    const nodes = [node('a'), node('b'), node('c')] as const;
    const pool = poolOf(nodes, 'round-robin', 'hash');
    const before = placed(pool);
    nodes[1].usable = false;
    const during = placed(pool);
    expect(during).not.toContain('b');
    expect(before.every((name, i) => name === 'b' || during[i] === name)).toBe(true);
    nodes[1].usable = true;
    expect(placed(pool)).toEqual(before);
  });

  it('an excluded node loses one message, not the sender', () => {
    const pool = poolOf([node('a'), node('b')], 'round-robin', 'hash');
    const own = pool.choose('lab')?.node as FakeNode;
    expect(pool.choose('lab', new Set([own]))?.node).not.toBe(own);
    expect(pool.choose('lab')?.node).toBe(own);
  });

  it('a message without a key is balanced', () => {
    const pool = poolOf([node('a'), node('b')], 'least-in-flight', 'hash');
    expect(pool.choose(undefined)?.selectionReason).toBe('least-in-flight');
  });
});

describe('mode table', () => {
  it('the balance picks, the table remembers', () => {
    const nodes = [node('a'), node('b')] as const;
    const pool = poolOf(nodes, 'round-robin', 'table');
    expect(pool.choose('lab')).toEqual({ node: nodes[0], selectionReason: 'round-robin', wait: false });
    expect(pool.choose('ris')).toEqual({ node: nodes[1], selectionReason: 'round-robin', wait: false });
    expect(pool.choose('lab')).toEqual({ node: nodes[0], selectionReason: 'sticky-table', wait: false });
    nodes[0].hasRoom = false;
    expect(pool.choose('lab')).toEqual({ node: nodes[0], selectionReason: 'sticky-table', wait: true });
    expect(pool.choose('new')).toEqual({ node: nodes[1], selectionReason: 'round-robin', wait: false });
  });

  it('a new sender may be given a node by hash', () => {
    const pool = poolOf([node('a'), node('b')], 'hash', 'table');
    expect([pool.choose('lab')?.selectionReason, pool.choose('lab')?.selectionReason]).toEqual([
      'hash',
      'sticky-table',
    ]);
  });

  it('a sender of a lost or excluded node is given another, and keeps that', () => {
    const nodes = [node('a'), node('b')] as const;
    const pool = poolOf(nodes, 'round-robin', 'table');
    pool.choose('lab');
    nodes[0].usable = false;
    expect(pool.choose('lab')).toMatchObject({ node: nodes[1], selectionReason: 'round-robin' });
    nodes[0].usable = true;
    expect(pool.choose('lab')).toMatchObject({ node: nodes[1], selectionReason: 'sticky-table' });
    expect(pool.choose('lab', new Set([nodes[1]]))?.node).toBe(nodes[0]);
    expect(pool.choose('lab')).toMatchObject({ node: nodes[0], selectionReason: 'sticky-table' });
  });

  it('a node of weight 0 keeps the senders it has and gets no new ones', () => {
    const nodes = [node('a'), node('b')] as const;
    const pool = poolOf(nodes, 'round-robin', 'table');
    pool.choose('lab');
    nodes[0].weight = 0;
    expect(pool.choose('lab')).toMatchObject({ node: nodes[0], selectionReason: 'sticky-table' });
    expect([1, 2, 3].map((n) => pool.choose(`new-${n}`)?.node.name)).toEqual(['b', 'b', 'b']);
    nodes[1].usable = false;
    expect(pool.choose('lab')?.node).toBe(nodes[0]);
    expect(pool.choose('another')).toBeUndefined();
  });

  it('a node that is draining keeps the senders it has, also from its backups', () => {
    const nodes = [node('a'), node('b'), node('spare', { backup: true })] as const;
    const pool = poolOf(nodes, 'round-robin', 'table');
    pool.choose('lab');
    nodes[0].draining = true;
    nodes[1].usable = false;
    expect(pool.choose('lab')).toMatchObject({ node: nodes[0], selectionReason: 'sticky-table' });
    expect(pool.choose('new')?.node).toBe(nodes[2]);
    nodes[0].usable = false;
    expect(pool.choose('lab')?.node).toBe(nodes[2]);
  });

  it('a sender leaves its backup when a primary is there again', () => {
    const nodes = [node('a'), node('spare', { backup: true })] as const;
    const pool = poolOf(nodes, 'round-robin', 'table');
    nodes[0].usable = false;
    expect([pool.choose('lab')?.selectionReason, pool.choose('lab')?.selectionReason]).toEqual([
      'round-robin',
      'sticky-table',
    ]);
    nodes[0].usable = true;
    expect([pool.choose('lab')?.node, pool.choose('lab')?.selectionReason]).toEqual([
      nodes[0],
      'sticky-table',
    ]);
  });

  it('forgets a silent sender', () => {
    let now = 0;
    const pool = poolOf([node('a'), node('b')], 'round-robin', 'table', () => now);
    pool.choose('lab');
    now = 1_000;
    expect(pool.choose('lab')).toMatchObject({ node: { name: 'b' }, selectionReason: 'round-robin' });
  });
});
