// `node` as a child process: the line by which its port is found, and each way in which it can be told to fail.
import { expect, test } from 'vitest';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { command, start, startNode } from './command-line.ts';

const connect = (url: string): Promise<Sender> => connectSender(Number(new URL(url).port));
const codeOf = (ack: Buffer): string | undefined => msaOf(ack)?.code;

test('it says where it listens, answers AA, prints a line for each message, and ends on SIGTERM with 0', async () => {
  const { node, url } = await startNode();
  {
    await using sender = await connect(url);
    const sent = message({ controlId: 'N-1' });
    expect(msaOf(await sender.exchange(sent))).toEqual({ code: 'AA', controlId: 'N-1' });
    await node.line(new RegExp(`^ADT\\^A01\\^ADT_A01 {2}N-1 {2}${sent.length} bytes {2}AA$`));
  }
  const { code, signal, out, err } = await node.stop();
  expect({ code, signal, err }).toEqual({ code: 0, signal: null, err: [] });
  expect(out).toHaveLength(2);
  expect(out[0]).toBe(`simulated node on ${url}, Ctrl-C ends it`);
});

test('Ctrl-C ends it with 0, also with a connection open', async () => {
  const { node, url } = await startNode();
  await using sender = await connect(url);
  await sender.exchange(message());
  const stopped = node.stop('SIGINT');
  expect((await sender.closed).hadError).toBe(false);
  expect(await stopped).toMatchObject({ code: 0, signal: null, err: [] });
});

test('a terminal that is closed ends it', async () => {
  const { node } = await startNode();
  expect(await node.stop('SIGHUP')).toMatchObject({ signal: 'SIGHUP', err: [] });
});

test('--json prints JSON lines', async () => {
  const node = start('node', '--listen', 'mllp://127.0.0.1:0', '--json');
  const [line] = await node.line(/^\{"listening".*$/);
  const { listening } = JSON.parse(line) as { listening: string };
  await using sender = await connect(listening);
  const sent = message({ controlId: 'N-2' });
  await sender.exchange(sent);
  const [second] = await node.line(/^\{"type".*$/);
  expect(JSON.parse(second)).toEqual({
    type: 'ADT^A01^ADT_A01',
    controlId: 'N-2',
    bytes: sent.length,
    answer: 'AA',
  });
});

test('--quiet prints no line for messages', async () => {
  const { node, url } = await startNode('--quiet');
  {
    await using sender = await connect(url);
    await sender.exchange(message());
  }
  expect((await node.stop()).out).toHaveLength(1);
});

test.for(['AE', 'AR', 'CA', 'CE', 'CR'])('--ack %s is how it answers', async (answer) => {
  const { url } = await startNode('--ack', answer);
  await using sender = await connect(url);
  expect(codeOf(await sender.exchange(message()))).toBe(answer);
});

test('--delay is how long a message takes, one after the other on a connection', async () => {
  const { url } = await startNode('--delay', '60ms');
  await using sender = await connect(url);
  const startedAt = performance.now();
  await sender.sendTogether([message(), message()]);
  await sender.nextAcks(2);
  // A lower bound only, so that a busy machine cannot break it; timers may be up to 1 ms early.
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(118);
});

test('--fail-every 3 answers every third message AE', async () => {
  const { url } = await startNode('--fail-every', '3');
  await using sender = await connect(url);
  const codes: (string | undefined)[] = [];
  for (let i = 0; i < 6; i++) codes.push(codeOf(await sender.exchange(message())));
  expect(codes).toEqual(['AA', 'AA', 'AE', 'AA', 'AA', 'AE']);
});

test('--close-after 2 closes at every second message, unanswered', async () => {
  const { url } = await startNode('--close-after', '2');
  await using sender = await connect(url);
  expect(codeOf(await sender.exchange(message()))).toBe('AA');
  await expect(sender.exchange(message())).rejects.toThrow('the connection has ended');
  await using again = await connect(url);
  expect(codeOf(await again.exchange(message()))).toBe('AA');
});

test('--max-connections 2 accepts the third and closes it at once, and makes room when one ends', async () => {
  const { url } = await startNode('--max-connections', '2');
  await using first = await connect(url);
  {
    await using second = await connect(url);
    await second.exchange(message());
    await using third = await connect(url);
    await third.closed;
    expect(third.received).toHaveLength(0);
    await second.end();
    await second.closed;
  }
  await using fourth = await connect(url);
  expect(codeOf(await fourth.exchange(message()))).toBe('AA');
  expect(codeOf(await first.exchange(message()))).toBe('AA');
});

test('--listen on a port in use is one line that names the address, and exit code 1', async () => {
  const { url } = await startNode();
  const { code, out, err } = await command('node', '--listen', url);
  expect({ code, out, lines: err.length }).toEqual({ code: 1, out: [], lines: 1 });
  expect(err[0]).toMatch(
    /^the address could not be listened on: simulated node on 127\.0\.0\.1:\d+: the port is in use; .+ \[GW_ERR_LISTEN\]$/,
  );
  expect(err[0]).toContain(new URL(url).port);
});
