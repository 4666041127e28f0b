// `replay --to` and `replay --diff` as child processes: what they print, and their exit codes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderWith } from '../config/config-folder.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { command, fixture, start } from './command-line.ts';

const ADMIT = fixture('adt-a01-admit.hl7');
const RESULT = fixture('oru-r01-lab-numeric.hl7');
const FIXTURES = fixture('');

test('the fixtures through a gateway: every byte as it was, each sender in order, exit code 0', async () => {
  await using node = await startFaultyNode(answers.aa());
  await using gateway = await startGateway({ nodes: [node.url] });
  const to = `mllp://127.0.0.1:${gateway.port()}`;
  const { code, out, err } = await command('replay', FIXTURES, '--to', to, '--connections', '4');
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out[0]).toMatch(
    /^49 sent to mllp:\/\/\S+ in [\d.]+ s: 49 accepted, 0 refused, 0 without an answer$/,
  );
  expect(out[1]).toMatch(/^rate \S+\/s, 24 senders on 4 connections$/);
  // One of them asks for no answer.
  expect(out).toContain('answers AA 48, none 1');
  expect(out.some((line) => /^latency p50 .* p99 .* max /.test(line))).toBe(true);
});

test('--json, at a rate with a ramp, over HTTP', async () => {
  const node = start('node', '--listen', 'http://127.0.0.1:0', '--quiet');
  const [, url = ''] = await node.line(/(http:\/\/127\.0\.0\.1:[1-9]\d*)/);
  const rate = ['--rate', '100/s', '--ramp', '100ms'];
  const { code, out, err } = await command('replay', ADMIT, RESULT, '--to', url, ...rate, '--json');
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(JSON.parse(out.join('\n'))).toMatchObject({
    targets: [url],
    sent: 2,
    accepted: 2,
    askedPerSecond: 100,
    rampMs: 100,
    answers: { AA: 2 },
    failures: [],
  });
});

test('over TLS: by a certificate that is trusted, and not by another', async () => {
  const node = start('node', '--listen', 'mllps://127.0.0.1:0', '--quiet');
  const [, url = ''] = await node.line(/(mllps:\/\/127\.0\.0\.1:[1-9]\d*)/);
  const good = await command('replay', ADMIT, '--to', url, '--insecure');
  expect([good.code, good.err]).toEqual([0, []]);
  const bad = await command('replay', ADMIT, '--to', url);
  expect([bad.code, bad.out, bad.err]).toEqual([1, [], [expect.stringMatching(/GW_ERR_NODE_TLS\]$/)]]);
});

test('a refused message: exit code 1, and which one', async () => {
  await using node = await startFaultyNode(answers.ar());
  const { code, out } = await command('replay', ADMIT, '--to', node.url);
  expect([code, out[0]]).toEqual([1, `${ADMIT}  AN00000001  refused with AR`]);
});

test.for(['mllp', 'http'])('an unreachable target over %s: one line, exit code 1', async (protocol) => {
  await using node = await startFaultyNode(answers.aa());
  await node.refuse();
  const to = `${protocol}://127.0.0.1:${node.port}`;
  const { code, out, err } = await command('replay', FIXTURES, '--to', to);
  expect([code, out]).toEqual([1, []]);
  expect(err).toEqual([
    expect.stringMatching(/^a node could not be connected to .*ECONNREFUSED \[GW_ERR_NODE_CONNECT\]$/),
  ]);
});

test('Ctrl-C: the report of so far, exit code 1', async () => {
  await using node = await startFaultyNode(answers.aa());
  const run = start('replay', ADMIT, '--to', node.url, '--duration', '10m', '--rate', '50/s');
  await node.received(5);
  const { code, out } = await run.stop('SIGINT');
  expect(code).toBe(1);
  expect(out).toContain('interrupted; so far:');
  expect(out.some((line) => / accepted, 0 refused, /.test(line))).toBe(true);
});

test.for([
  [['--to', 'mllp://h:1', '--rate', '0/s'], /It takes a rate such as 200\/s or 30\/m/],
  [['--to', 'mllp://h:1', '--ramp', '1s'], /--ramp needs --rate/],
  [['--to', 'mllp://h:1', '--connections', '0'], /--connections takes 1 to 1000/],
  [['--to', 'http://h:1', '--pipelining', '2'], /--pipelining needs mllp/],
  [['--to', 'ftp://h'], /--to takes mllp:\/\/HOST:PORT/],
  [[], /through a config \(--config FILE\), or sent to a live target \(--to URL\)/],
  [['--to', 'mllp://h:1', '--config', 'x.yaml'], /--config plays in this process/],
  [['--diff', 'mllp://h:1'], /--diff takes two targets/],
  [['--diff', 'mllp://h:1', 'x.yaml'], /two URLs or two config files/],
  [['--diff', 'mllp://h:1', 'mllp://h:2', '--ignore', 'MSH'], /--ignore takes fields such as MSH-7/],
] as const)('bad usage: %j', async ([args, words]) => {
  const { code, err } = await command('replay', ADMIT, ...args);
  expect(code).toBe(2);
  expect(err.join('\n')).toMatch(words);
});

test('--new-ids of UTF-16: exit code 2, and nothing is sent', async () => {
  await using node = await startFaultyNode(answers.aa());
  const folder = folderWith({});
  writeFileSync(join(folder, 'wide.hl7'), Buffer.from('MSH|^~\\&|A|B|C|D|2026||ADT|1|P|2.5\r', 'utf16le'));
  const { code, err } = await command('replay', folder, '--to', node.url, '--new-ids');
  expect([code, err]).toEqual([2, [expect.stringMatching(/--new-ids cannot be written into UTF-16/)]]);
  expect(node.connections.total).toBe(0);
});

test('--diff of two targets: what their answers differ in, field by field', async () => {
  await using a = await startFaultyNode(answers.aa());
  await using b = await startFaultyNode(answers.inSequence(answers.aa(), answers.ae()));
  const same = await command('replay', ADMIT, '--diff', a.url, a.url);
  expect([same.code, same.out]).toEqual([0, ['1 compared, 0 different']]);
  const { code, out } = await command('replay', ADMIT, RESULT, '--diff', a.url, b.url);
  expect(code).toBe(1);
  expect(out[0]).toMatch(/^message +type +where +mllp:\S+ +mllp:\S+$/);
  expect(out.some((line) => /oru-r01-lab-numeric\.hl7 \S+ +ORU\S+ +MSA-1 +AA +AE$/.test(line))).toBe(true);
  expect(out.at(-1)).toBe('2 compared, 1 different');
  const ignoring = await command('replay', RESULT, '--diff', a.url, b.url, '--ignore', 'none', '--json');
  const [line] = ignoring.out.map((text) => JSON.parse(text));
  expect(line.differences.map(({ path }: { path: string }) => path)).toContain('MSA-1');
});

test('--diff of two targets, one of them silent, or both', async () => {
  await using a = await startFaultyNode(answers.aa());
  await using b = await startFaultyNode(answers.none());
  const timed = ['--timeout', '300ms'];
  const one = await command('replay', ADMIT, '--diff', a.url, b.url, '--json', ...timed);
  expect(one.code).toBe(1);
  expect(JSON.parse(one.out[0] ?? '').differences).toEqual([
    { path: 'answer', left: 'AA', right: 'GW_ERR_ACK_TIMEOUT' },
  ]);
  const both = await command('replay', ADMIT, '--diff', b.url, b.url, ...timed);
  expect([both.code, both.out]).toEqual([1, ['1 compared, 0 different, 1 answered by neither']]);
});

test('--diff of two configs: which route and node, nothing sent', async () => {
  const config = (type: string, node: string): string => `
listeners: { adt: { protocol: mllp, bind: '127.0.0.1:0' } }
pools: { p: { nodes: { ${node}: { url: 'mllp://127.0.0.1:1' } } } }
routes: [{ name: first, when: { MSH-9.1: ${type} }, to: p }, { name: rest, reject: { code: AR, text: not here } }]
`;
  const folder = folderWith({
    'a.yaml': config('ADT', 'one'),
    'b.yaml': config('ORU', 'one'),
    'c.yaml': config('ADT', 'two'),
  });
  const [a, b, c] = ['a.yaml', 'b.yaml', 'c.yaml'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const routes = await command('replay', ADMIT, '--diff', a, b, '--json');
  expect(routes.code).toBe(1);
  expect(JSON.parse(routes.out[0] ?? '')).toMatchObject({ controlId: 'AN00000001', listener: 'adt' });
  expect(JSON.parse(routes.out[0] ?? '').differences).toEqual(
    expect.arrayContaining([
      { path: 'outcome', left: 'taken', right: 'AR' },
      { path: 'route', left: 'first', right: 'rest' },
      { path: 'node', left: 'one' },
    ]),
  );
  const nodes = await command('replay', ADMIT, '--diff', a, c);
  expect(nodes.out.some((line) => / adt node +one +two$/.test(line))).toBe(true);
  expect((await command('replay', FIXTURES, '--diff', a, a)).code).toBe(0);
});
