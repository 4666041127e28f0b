// `demo` as a child process: the fixtures through two simulated nodes, printed for people and for machines.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { command, fixture, start } from './command-line.ts';

const FIXTURES = readdirSync(fileURLToPath(new URL('../../fixtures', import.meta.url))).filter((name) =>
  name.endsWith('.hl7'),
);

test('demo --once sends every fixture, prints where each went and what was answered, and exits 0', async () => {
  const { code, out, err } = await command('demo', '--once', '--port', '0');
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out[0]).toMatch(/^gateway {3}mllp:\/\/127\.0\.0\.1:[1-9]\d*$/);
  expect(out[1]).toMatch(/^mirth-a {3}mllp:\/\/127\.0\.0\.1:\d+ {2}\(simulated Mirth node\)$/);
  expect(out[2]).toMatch(/^mirth-b {3}mllp:\/\/127\.0\.0\.1:\d+ {2}\(simulated Mirth node\)$/);
  const rows = out.filter((line) => line.includes('.hl7')).map((line) => line.split(/ {2,}/));
  expect(rows.length).toBeGreaterThanOrEqual(30);
  expect(rows.map(([name]) => name).sort()).toEqual([...FIXTURES].sort());
  for (const [, , , route, node, answer] of rows) {
    expect(['admissions', 'results', 'everything else']).toContain(route);
    expect(['mirth-a', 'mirth-b']).toContain(node);
    expect(answer).toBe('AA');
  }
  expect(out).toContain(`${rows.length} messages sent, ${rows.length} accepted by a node`);
  const [, a, b] = /^mirth-a took (\d+), mirth-b took (\d+)$/.exec(out.at(-1) ?? '') ?? [];
  expect(Number(a)).toBeGreaterThan(0);
  expect(Number(b)).toBeGreaterThan(0);
  expect(Number(a) + Number(b)).toBe(rows.length);
});

test('one sender keeps one node, in what demo --once --json prints', async () => {
  const { code, out, err } = await command('demo', '--once', '--port', '0', '--json');
  expect({ code, err }).toEqual({ code: 0, err: [] });
  const lines = out.map((line) => JSON.parse(line) as Record<string, unknown>);
  const sum = lines.pop();
  expect(sum).toEqual({ sent: lines.length, accepted: lines.length });
  expect(lines.length).toBeGreaterThanOrEqual(30);
  const nodeOf = new Map<unknown, unknown>();
  for (const { sender, node, answer } of lines) {
    expect(answer).toBe('AA');
    expect(nodeOf.get(sender) ?? node).toBe(node);
    nodeOf.set(sender, node);
  }
  expect(new Set(nodeOf.values())).toEqual(new Set(['mirth-a', 'mirth-b']));
  expect(nodeOf.size).toBeLessThan(lines.length);
});

test('a port in use is no reason to fail: another is taken, and it says so', async () => {
  await using other = await startFaultyNode();
  const { code, out, err } = await command('demo', '--once', '--port', String(other.port));
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out[0]).toMatch(
    new RegExp(`^gateway   mllp://127\\.0\\.0\\.1:\\d+  \\(${other.port} could not be had\\)$`),
  );
  expect(out[0]).not.toContain(`127.0.0.1:${other.port} `);
});

test('without --once it stays up, takes messages from another terminal, and ends on Ctrl-C with 0', async () => {
  const demo = start('demo', '--port', '0');
  const [, url = ''] = await demo.line(/--to (mllp:\/\/127\.0\.0\.1:\d+)$/);
  const sent = await command('send', fixture('adt-a01-admit.hl7'), '--to', url);
  expect(sent).toMatchObject({ code: 0, err: [] });
  expect(sent.out.at(-1)).toBe('1 sent, 1 accepted, 0 not');
  expect(await demo.stop('SIGINT')).toMatchObject({ code: 0, signal: null, err: [] });
});
