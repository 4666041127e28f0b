// A live replay against nodes of this process: order of each sender, rates, what is counted when a target fails.
import { expect, test } from 'vitest';
import { readHeader } from '../../../../src/hl7/header.ts';
import type { LiveMessage } from '../../../../src/tools/replay/live/messages.ts';
import { type LiveOptions, replayLive, type Target } from '../../../../src/tools/replay/live/replay-live.ts';
import { asJson, inWords, isGood, shortfall } from '../../../../src/tools/replay/live/report.ts';
import { Tally } from '../../../../src/tools/replay/live/tally.ts';
import { MllpClient } from '../../../../src/upstream/client/mllp-client.ts';
import { answers, type FaultyNode, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { headerField } from '../../../helpers/mllp.ts';
import { gate, until } from '../../../helpers/until.ts';

function messages(senders: number, each: number): LiveMessage[] {
  return Array.from({ length: senders * each }, (_, i) => {
    const bytes = Buffer.from(`MSH|^~\\&|S${i % senders}|F|||2026||ADT^A01|N${i}|P|2.5\rPID|1\r`, 'latin1');
    const header = readHeader(bytes);
    return { file: 'made', number: i + 1, bytes, header, sender: `S${i % senders}` };
  });
}

function target({ port, url }: FaultyNode, { pipelining = 1, timeoutMs = 10_000 } = {}): Target {
  const limits = { connectMs: timeoutMs, ackMs: timeoutMs, maxReplyBytes: 100_000 };
  const options = { host: '127.0.0.1', port, tls: undefined, ...limits, pipelining };
  return { url, open: () => new MllpClient(options).open() };
}

const QUIET: Omit<LiveOptions, 'targets'> = {
  connections: 4,
  pace: undefined,
  durationMs: undefined,
  newIds: false,
  until: new AbortController().signal,
};

test.for([1, 16])(
  'each sender’s messages come in order on one connection (pipelining %i)',
  async (pipelining) => {
    await using node = await startFaultyNode(answers.aa());
    const tally = await replayLive(messages(7, 30), { ...QUIET, targets: [target(node, { pipelining })] });
    expect([tally.sentCount, tally.accepted, isGood(tally)]).toEqual([210, 210, true]);
    expect(node.connections.total).toBe(4);
    const of = (sender: string) => node.messages.filter(({ payload }) => headerField(payload, 3) === sender);
    for (let s = 0; s < 7; s++) {
      const numbers = of(`S${s}`).map(({ controlId }) => Number(controlId.slice(1)));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      expect(new Set(of(`S${s}`).map(({ connection }) => connection)).size).toBe(1);
    }
  },
);

test('no more connections than senders, and targets share them', async () => {
  await using a = await startFaultyNode(answers.aa());
  await using b = await startFaultyNode(answers.aa());
  const tally = await replayLive(messages(3, 4), {
    ...QUIET,
    connections: 8,
    targets: [target(a), target(b)],
  });
  expect([tally.connections, a.connections.total, b.connections.total]).toEqual([3, 2, 1]);
  expect([a.messages.length, b.messages.length]).toEqual([8, 4]);
});

test('at a rate no answer slows what goes: latency counts from when each was due', async () => {
  const hold = gate();
  await using node = await startFaultyNode(answers.after(hold));
  const pace = { perSecond: 1000, rampMs: 0 };
  const done = replayLive(messages(1, 50), { ...QUIET, pace, targets: [target(node)] });
  await node.received(1);
  const startedAt = performance.now();
  // All 50 are due by now, and 49 wait behind the first.
  await until(() => performance.now() - startedAt > 150);
  hold.open();
  const tally = await done;
  expect(tally.accepted).toBe(50);
  // From when each went it would be a fraction of it for all but the first.
  expect(tally.latency.percentileMs(10)).toBeGreaterThan(80);
  expect(tally.held).toBeLessThan(0.9);
  expect(shortfall(tally, pace)).toMatch(/^the rate was not held: .* of 1000\/s; /);
});

test('a machine that was behind says so, whether the rate was held or not', () => {
  const pace = { perSecond: 100, rampMs: 0 };
  const about = { targets: ['mllp://a:1'], pace };
  const held = new Tally({ senders: 1, connections: 1 });
  held.start(0);
  for (let i = 0; i < 100; i++) {
    held.behind(30);
    held.sent(i * 10, i * 10);
  }
  expect(shortfall(held, pace)).toBeUndefined();
  expect(inWords(held, about)).toContain(
    'the sender machine was behind by 30 ms (99 %), 30 ms at most: the latencies below are in part its own',
  );
  const slow = new Tally({ senders: 1, connections: 1 });
  slow.start(0);
  for (let i = 0; i < 100; i++) {
    slow.behind(i * 5);
    slow.sent(i * 15, i * 10);
  }
  expect(slow.held).toBeCloseTo(2 / 3, 5);
  expect(shortfall(slow, pace)).toMatch(
    /^the rate was not held: 66\.\d\/s of 100\/s; the sender machine was behind by \d+ ms/,
  );
  const waiting = new Tally({ senders: 1, connections: 3 });
  waiting.start(0);
  waiting.sent(0, 0);
  waiting.sent(1000, 10);
  expect(shortfall(waiting, pace)).toMatch(/; the answers came too slowly for 3 connections$/);
});

test('--duration: over the messages again, with ids of their own, as many as were due', async () => {
  await using node = await startFaultyNode(answers.aa());
  const pace = { perSecond: 500, rampMs: 0 };
  const options = { ...QUIET, pace, durationMs: 200, newIds: true, targets: [target(node)] };
  const tally = await replayLive(messages(2, 2), options);
  // Due at 0, 2, … 198 ms.
  expect([tally.sentCount, tally.accepted, tally.notSent]).toEqual([100, 100, 0]);
  expect(new Set(node.controlIds).size).toBe(100);
});

test('--duration without a rate: as many as were answered in that time, and nothing is owed', async () => {
  await using node = await startFaultyNode(answers.aa());
  const tally = await replayLive(messages(2, 2), { ...QUIET, durationMs: 500, targets: [target(node)] });
  expect(tally.sentCount).toBeGreaterThan(4);
  expect([tally.accepted, tally.notSent, isGood(tally)]).toEqual([tally.sentCount, 0, true]);
});

test('refused and failed messages are counted, named, and make it a failure', async () => {
  const script = answers.inSequence(answers.aa(), answers.ae(), answers.close(), answers.aa());
  await using node = await startFaultyNode(script);
  const tally = await replayLive(messages(1, 4), { ...QUIET, targets: [target(node)] });
  expect([tally.accepted, tally.refused, tally.failedCount]).toEqual([2, 1, 1]);
  expect(tally.failures.map(({ controlId, code }) => [controlId, code])).toEqual([
    ['N1', 'AE'],
    ['N2', 'GW_ERR_NODE_CLOSED'],
  ]);
  expect(isGood(tally)).toBe(false);
  const about = { targets: [node.url], pace: undefined };
  expect(inWords(tally, about).slice(0, 2)).toEqual([
    'made (message 2)  N1  refused with AE',
    expect.stringMatching(/^made \(message 3\) {2}N2 {2}a node closed its connection before it answered/),
  ]);
  expect(asJson(tally, about)).toMatchObject({
    sent: 4,
    answers: { AA: 2, AE: 1 },
    errors: { GW_ERR_NODE_CLOSED: 1 },
  });
});

test('a target that goes away fails what is due, and each message has its result', async () => {
  await using node = await startFaultyNode(answers.inSequence(answers.aa(), answers.close()));
  node.script = async (exchange) => {
    await answers.aa()(exchange);
    await node.refuse();
    node.closeConnections();
  };
  const tally = await replayLive(messages(2, 10), { ...QUIET, connections: 1, targets: [target(node)] });
  expect(tally.accepted + tally.failedCount).toBe(20);
  expect(tally.errors.get('GW_ERR_NODE_CONNECT')).toBeGreaterThan(0);
});

test('unreachable at the start: an error before anything is sent to any', async () => {
  await using up = await startFaultyNode(answers.aa());
  await using down = await startFaultyNode(answers.aa());
  await down.refuse();
  const run = replayLive(messages(2, 1), { ...QUIET, targets: [target(up), target(down)] });
  await expect(run).rejects.toMatchObject({ code: 'GW_ERR_NODE_CONNECT' });
  expect(up.messages).toEqual([]);
});

test('interrupted: nothing more goes, what is under way is waited for, the report is of so far', async () => {
  const hold = gate();
  await using node = await startFaultyNode(answers.after(hold));
  const ending = new AbortController();
  const done = replayLive(messages(1, 100), { ...QUIET, until: ending.signal, targets: [target(node)] });
  await node.received(1);
  ending.abort();
  hold.open();
  const tally = await done;
  expect([tally.sentCount, tally.accepted, tally.interrupted, tally.notSent]).toEqual([1, 1, true, 99]);
  expect(isGood(tally)).toBe(false);
  expect(node.messages).toHaveLength(1);
});

test('interrupted, and no answer comes: the report does not wait for the deadline', async () => {
  await using node = await startFaultyNode(answers.none());
  const ending = new AbortController();
  const done = replayLive(messages(1, 3), { ...QUIET, until: ending.signal, targets: [target(node)] });
  await node.received(1);
  ending.abort();
  const tally = await done;
  expect([tally.sentCount, tally.unanswered]).toEqual([1, 1]);
});
