// The options of `node` that are ways of a real Mirth (F82, F93–F97), typed as a user types them: what is seen from outside,
// and what a wrong one is told.
import { expect, test } from 'vitest';
import { message, msaOf, unframe } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { connectSender } from '../helpers/sender.ts';
import { ask, post, told } from '../http-hl7/room.ts';
import { command, type RunningCommand, start } from './command-line.ts';

const PATIENCE_MS = 30_000;

async function startAt(
  scheme: string,
  ...args: readonly string[]
): Promise<{ node: RunningCommand; url: string; port: number }> {
  const node = start('node', '--listen', `${scheme}://127.0.0.1:0`, ...args);
  const [, url = ''] = await node.line(/(\w+:\/\/127\.0\.0\.1:[1-9]\d*)/);
  return { node, url, port: Number(new URL(url).port) };
}

test('F97 --close-after-answer: the answer, then the end; the next message takes the next connection', async () => {
  const { node, port } = await startAt('mllp', '--close-after-answer');
  for (const controlId of ['C1', 'C2', 'C3']) {
    await using sender = await connectSender(port);
    expect(msaOf(await sender.exchange(message({ controlId })))).toEqual({ code: 'AA', controlId });
    expect((await sender.closed).hadError).toBe(false);
  }
  // Two frames in one write: the second is not taken.
  await using hurried = await connectSender(port);
  await hurried.sendTogether(['C4', 'C5'].map((controlId) => message({ controlId })));
  await hurried.closed;
  expect(hurried.acks.map((ack) => msaOf(ack)?.controlId)).toEqual(['C4']);
  const { code, out } = await node.stop();
  expect([code, out.length]).toEqual([0, 5]);
});

test('F97 --close-after-answer over HTTP: the response, and then the end of the connection', async () => {
  const { port } = await startAt('http', '--close-after-answer');
  for (const controlId of ['C1', 'C2']) {
    await using client = await connectClient(port);
    const answer = await ask(client, post(message({ controlId }), { type: 'text/plain' }));
    expect(told(answer)).toBe(`200 AA ${controlId}`);
    await client.when(() => client.ended, 'the end', PATIENCE_MS);
  }
});

test('F95 --late-full 90ms: one connection too many is taken, and closed unanswered so long after', async () => {
  const { port } = await startAt('mllp', '--max-connections', '1', '--late-full', '90ms');
  await using first = await connectSender(port);
  expect(msaOf(await first.exchange(message({ controlId: 'L1' })))?.code).toBe('AA');
  await using second = await connectSender(port);
  const startedAt = performance.now();
  void second.send(message({ controlId: 'L2' }));
  await second.closed;
  // A lower bound only; timers may be up to 1 ms early.
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(80);
  expect(second.received.length).toBe(0);
  expect(msaOf(await first.exchange(message({ controlId: 'L3' })))?.controlId).toBe('L3');
});

test('F82 --process-batch: each message of a frame has a frame of its own, and what is right behind is swallowed', async () => {
  const { node, port } = await startAt('mllp', '--process-batch');
  await using sender = await connectSender(port);
  const batch = Buffer.concat(['P1', 'P2', 'P3'].map((controlId) => message({ controlId })));
  await sender.send(batch);
  const acks = await sender.nextAcks(3, PATIENCE_MS);
  expect(acks.map((ack) => msaOf(ack)?.controlId)).toEqual(['P1', 'P2', 'P3']);
  expect(unframe(sender.received).length).toBe(3);
  void sender.send(message({ controlId: 'SWALLOWED' }));
  await using other = await connectSender(port);
  expect(msaOf(await other.exchange(message({ controlId: 'P4' })))?.controlId).toBe('P4');
  await node.line(/ P4 /);
  expect(sender.acks.length).toBe(3);
});

test('without --process-batch the first message of a frame is answered, once', async () => {
  const { port } = await startAt('mllp');
  await using sender = await connectSender(port);
  const batch = Buffer.concat(['P1', 'P2'].map((controlId) => message({ controlId })));
  expect(msaOf(await sender.exchange(batch))?.controlId).toBe('P1');
  expect(msaOf(await sender.exchange(message({ controlId: 'P3' })))?.controlId).toBe('P3');
});

const USAGE: readonly (readonly [args: readonly string[], why: string])[] = [
  [
    ['mllp://127.0.0.1:0', '--http-error-acks'],
    '--http-error-acks and --status-500 need http:// or https://',
  ],
  [['mllps://127.0.0.1:0', '--status-500'], '--http-error-acks and --status-500 need http:// or https://'],
  [
    ['http://127.0.0.1:0', '--status-500', '--http-error-acks'],
    '--status-500 has no acknowledgements for --http-error-acks',
  ],
  [['http://127.0.0.1:0', '--late-full', '90ms'], '--late-full and --process-batch need mllp:// or mllps://'],
  [['https://127.0.0.1:0', '--process-batch'], '--late-full and --process-batch need mllp:// or mllps://'],
  [['mllp://127.0.0.1:0', '--login-cost', '700ms'], '--login-cost needs --api'],
];

test.for(USAGE)('%j is exit code 2 and one line', async ([args, why]) => {
  expect(await command('node', '--listen', ...args)).toEqual({
    code: 2,
    signal: null,
    out: [],
    err: [`the command was called wrongly: ${why} [GW_ERR_USAGE]`],
  });
});

test.for([
  ['--late-full', 'soon'],
  ['--late-full', '-1ms'],
  ['--late-full'],
  ['--login-cost', '700'],
  ['--api-delay', 'x'],
  ['--close-after-answer=yes'],
  ['--process-batch=1'],
  ['--late-ful', '90ms'],
])('%j, a value that is none, is exit code 2 and a line that names the option', async (args) => {
  const { code, out, err } = await command('node', '--listen', 'mllp://127.0.0.1:0', ...args);
  expect([code, out]).toEqual([2, []]);
  expect(err[0]).toMatch(/^error: /);
  expect(err[0]).toContain((args[0] ?? '').split('=')[0]);
  // Hints are in parentheses.
  expect(err.slice(1).filter((line) => !/^\(.*\)$/.test(line))).toEqual([]);
});
