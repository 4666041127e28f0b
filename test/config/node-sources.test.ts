// `source`: what no connection could come from is refused, in one line that says why.
import { describe, expect, test } from 'vitest';
import { outcome } from './config-folder.ts';

const CLUSTER = `
cluster:
  name: ward
  member: one
  members: { one: { address: 127.0.0.1, priority: 20 }, two: { address: 127.0.0.2, priority: 10 } }
  vips: [{ address: 127.0.0.50/8, interface: lo }]`;

const config = (pool: string, more = ''): string => `
listeners: { in: { bind: "127.0.0.1:0" } }
pools: { p: { ${pool} } }
routes: [{ to: p }]${more}`;

function problemsOf(text: string): readonly string[] {
  return outcome(text, '/nowhere').errors.map((line) => line.replace(/^\S+ /, ''));
}

describe('source', () => {
  test.each([
    ['nodes: { a: { url: "mllp://127.0.0.1:1" } }, source: 127.0.0.1', []],
    ['nodes: { a: { url: "mllp://127.0.0.1:1" } }, source: 127.9.9.9', []],
    ['nodes: { a: { url: "mllp://mirth:1" } }, source: 127.0.0.1', []],
    [
      'nodes: { a: { url: "mllp://127.0.0.1:1" }, b: { url: "mllp://127.0.0.1:2" } }, source: 192.0.2.1',
      ['pools.p.source: 192.0.2.1 is no address of this machine'],
    ],
    [
      'nodes: { a: { url: "mllp://127.0.0.1:1", source: 2001:db8::1 } }',
      ['pools.p.nodes.a.source: 2001:db8::1 is no address of this machine'],
    ],
    [
      'nodes: { a: { url: "mllp://[::1]:1" }, b: { url: "mllp://127.0.0.1:2" } }, source: 127.0.0.1',
      ['pools.p.source: 127.0.0.1 is IPv4, and node a has an IPv6 address'],
    ],
    [
      'nodes: { a: { url: "mllp://127.0.0.1:1" } }, source: eth0',
      ['pools.p.source: must be an IP address, or client, not "eth0"'],
    ],
    [
      'nodes: { a: { url: "mllp://127.0.0.1:1" } }, source: 0.0.0.0',
      ['pools.p.source: 0.0.0.0 is no address of this machine'],
    ],
  ])('%s', (pool, problems) => {
    expect(problemsOf(config(pool))).toEqual(problems);
  });

  test('none that moves', () => {
    const pool = 'nodes: { a: { url: "mllp://127.0.0.1:1" } }, source: 127.0.0.50';
    expect(problemsOf(config(pool))).toEqual([]);
    expect(problemsOf(config(pool, CLUSTER))).toEqual([
      'pools.p.source: 127.0.0.50 is a VIP of the cluster: while another member has it no connection can come from here',
    ]);
  });
});
