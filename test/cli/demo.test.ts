// `demo` as a child process: the fixtures through two simulated nodes, printed for people and for machines.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { command, fixture, RunningCommand, start } from './command-line.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FIXTURES = readdirSync(fileURLToPath(new URL('../../fixtures', import.meta.url))).filter((name) =>
  name.endsWith('.hl7'),
);

const LISTENERS = ['mllp', 'mllps', 'http', 'https'];

test('demo --once sends every fixture, prints where each went and what was answered, and exits 0', async () => {
  const { code, out, err } = await command('demo', '--once', '--port', '0');
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out.slice(0, 6)).toEqual([
    expect.stringMatching(/^gateway {3}mllp:\/\/127\.0\.0\.1:[1-9]\d*$/),
    expect.stringMatching(/^gateway {3}mllps:\/\/127\.0\.0\.1:[1-9]\d* {2}\(throw-away certificate\)$/),
    expect.stringMatching(/^gateway {3}http:\/\/127\.0\.0\.1:[1-9]\d*$/),
    expect.stringMatching(/^gateway {3}https:\/\/127\.0\.0\.1:[1-9]\d* {2}\(throw-away certificate\)$/),
    expect.stringMatching(/^mirth-a {3}mllp:\/\/\S+:\d+ {2}http:\/\/\S+:\d+ {2}\(simulated Mirth node\)$/),
    expect.stringMatching(/^mirth-b {3}mllp:\/\/\S+:\d+ {2}http:\/\/\S+:\d+ {2}\(simulated Mirth node\)$/),
  ]);
  const head = out.find((line) => line.startsWith('fixture'));
  expect(head?.split(/ {2,}/)).toEqual([
    'fixture',
    'message',
    'sender',
    'listener',
    'route',
    'node',
    'answer',
  ]);
  const rows = out.filter((line) => line.includes('.hl7')).map((line) => line.split(/ {2,}/));
  expect(rows.length).toBeGreaterThanOrEqual(30);
  expect(rows.map(([name]) => name).sort()).toEqual([...FIXTURES].sort());
  // By all listeners in turn.
  expect(rows.map(([, , , listener]) => listener)).toEqual(
    rows.map((_, i) => LISTENERS[i % LISTENERS.length]),
  );
  for (const [, , , , route, node, answer] of rows) {
    expect(['admissions', 'results', 'everything else in HL7']).toContain(route);
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
  for (const { sender, listener, node, answer } of lines) {
    expect(LISTENERS).toContain(listener);
    expect(answer).toBe('AA');
    expect(nodeOf.get(sender) ?? node).toBe(node);
    nodeOf.set(sender, node);
  }
  expect(new Set(nodeOf.values())).toEqual(new Set(['mirth-a', 'mirth-b']));
  expect(nodeOf.size).toBeLessThan(lines.length);
});

/** A temporary folder of a test's own, with a name that YAML and the config would read something into. */
function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'demo, { #${X} } '));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a port in use is no reason to fail: another is taken, and it says so; it leaves nothing behind', async () => {
  await using other = await startFaultyNode();
  const folder = ownFolder();
  const demo = new RunningCommand(['demo', '--once', '--port', String(other.port)], { TMPDIR: folder });
  const { code, out, err } = await demo.ended();
  expect({ code, err }).toEqual({ code: 0, err: [] });
  const wanted = `${other.port}, ${other.port + 1}, 8080, 8443`;
  expect(out[0]).toMatch(
    new RegExp(`^gateway   mllp://127\\.0\\.0\\.1:\\d+  \\(${wanted}: not all could be had\\)$`),
  );
  expect(out[0]).not.toContain(`127.0.0.1:${other.port} `);
  expect(readdirSync(folder)).toEqual([]);
});

/** The address and the file of the line that the demo prints for another terminal. */
async function overTls(demo: RunningCommand): Promise<{ url: string; ca: string }> {
  const [, url = '', ca = ''] = await demo.line(/-- send .* --to (mllps:\/\/127\.0\.0\.1:\d+) --ca (.+)$/);
  return { url, ca };
}

const hasCurl = spawnSync('curl', ['--version']).status === 0;

test(`without --once it stays up, what it prints for other terminals works as it stands (curl: ${hasCurl}), and it ends on Ctrl-C with 0`, async () => {
  const demo = start('demo', '--port', '0');

  const [, plainUrl = ''] = await demo.line(/--to (mllp:\/\/127\.0\.0\.1:\d+)$/);
  const plainly = await command('send', fixture('adt-a01-admit.hl7'), '--to', plainUrl);
  expect(plainly).toMatchObject({ code: 0, err: [] });
  expect(plainly.out.at(-1)).toBe('1 sent, 1 accepted, 0 not');

  // Over TLS, and only with its authority.
  const { url, ca } = await overTls(demo);
  const [line] = await demo.line(/.*--ca.*/);
  const printed = line.trim().split(' ');
  expect(printed.slice(0, 6)).toEqual(['npm', 'run', '--silent', 'gateway', '--', 'send']);
  const sent = await command(...printed.slice(5));
  expect(sent).toMatchObject({ code: 0, err: [] });
  expect(sent.out.at(-1)).toBe('1 sent, 1 accepted, 0 not');
  const stranger = await command('send', fixture('adt-a01-admit.hl7'), '--to', url);
  expect(stranger.code).toBe(1);
  expect(stranger.out.join()).toContain('the TLS handshake with a node failed');
  expect(statSync(dirname(ca)).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(dirname(ca)))
    expect(statSync(join(dirname(ca), name)).mode & 0o777).toBe(0o600);

  if (hasCurl) await expectCurlLinesToWork(demo);
  await expectLinkToLogInOnce(demo);

  expect(await demo.stop('SIGINT')).toMatchObject({ code: 0, signal: null, err: [] });
  expect(existsSync(dirname(ca))).toBe(false);
});

/** As the page does it: what stands behind `#` is not sent with the address. */
async function expectLinkToLogInOnce(demo: RunningCommand): Promise<void> {
  const [, url = '', code = ''] = await demo.line(/^ {2}(http:\/\/127\.0\.0\.1:\d+)\/#login=([\w-]{32})$/);
  const logIn = () => fetch(`${url}/session`, { method: 'POST', body: JSON.stringify({ code }) });
  const first = await logIn();
  expect([first.status, await first.json()]).toEqual([
    200,
    expect.objectContaining({ user: 'code', role: 'operate' }),
  ]);
  const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? '';
  expect((await logIn()).status).toBe(401);
  const messages = await fetch(`${url}/messages?limit=3`, { headers: { cookie } });
  expect(await messages.json()).toMatchObject({ messages: [{}, {}, {}] });
}

async function expectCurlLinesToWork(demo: RunningCommand): Promise<void> {
  const [plain] = await demo.line(/curl .*http:\/\/.*/);
  const [secure] = await demo.line(/curl .*--cacert .*\/hl7/);
  const [page] = await demo.line(/curl .*--cacert \S+ https:\S+\/$/);
  const run = (line: string) => spawnSync('sh', ['-c', line.trim()], { cwd: ROOT, encoding: 'utf8' }).stdout;
  for (const line of [plain, secure]) {
    const said = run(line);
    expect(said).toMatch(/^HTTP\/[12](\.1)? 200/);
    expect(said).toMatch(/content-type: application\/hl7-v2/i);
    expect(said).toMatch(/\rMSA\|AA\|/);
  }
  const said = run(page);
  expect(said).toMatch(/^HTTP\/2 200/);
  expect(said).toMatch(/set-cookie: GATEWAY_NODE=[\w-]{16}; Path=\/; HttpOnly; SameSite=Lax; Secure/i);
  expect(said).toContain('mirth-');
}

describe('its certificates are gone when it is', () => {
  test.each([
    ['SIGTERM', 0],
    ['SIGHUP', 129],
  ] as const)('after %s', async (signal, code) => {
    const demo = start('demo', '--port', '0');
    const { ca } = await overTls(demo);
    expect(existsSync(ca)).toBe(true);
    expect(await demo.stop(signal)).toMatchObject({ code, signal: null, err: [] });
    expect(existsSync(dirname(ca))).toBe(false);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('after %s in the middle of the fixtures', async (signal, code) => {
    const folder = ownFolder();
    const demo = new RunningCommand(['demo', '--json', '--port', '0'], { TMPDIR: folder });
    // The first of many lines: the rest is still being sent, and nothing waits for a signal yet.
    await demo.line(/"fixture"/);
    expect(readdirSync(folder)).toHaveLength(1);
    const ended = await demo.stop(signal);
    expect(readdirSync(folder)).toEqual([]);
    // On a slow machine it may have been through by then.
    expect([code, signal === 'SIGHUP' ? 129 : 0]).toContain(ended.code);
  });
});
