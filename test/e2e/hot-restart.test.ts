// Reload and hot restart of the real process under load: nothing is lost, nothing comes twice, no connection breaks while
// an answer is owed on it.
import { renameSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { until } from '../helpers/until.ts';
import { startGatewayProcess } from './child.ts';
import { type Record, sendInLockstep } from './lockstep.ts';

const SENDERS = 8;

function records(): Record[] {
  return Array.from({ length: SENDERS }, () => ({ acked: [], unanswered: [], wrong: [], resets: [] }));
}

const acked = (all: readonly Record[]): number => all.reduce((sum, { acked: one }) => sum + one.length, 0);

test('SIGHUP takes up the config while senders send: none lost, none twice, no connection ended', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  const config = (nodes: object, more: object = {}) => ({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: { pool: { nodes, ...more } },
    routes: [{ to: 'pool' }],
    telemetry: { log: { messages: false } },
  });
  await using gateway = await startGatewayProcess(config({ a: { url: a.url } }));
  const all = records();
  let done = false;
  const sending = all.map((record, i) => sendInLockstep(gateway.port, `S${i}`, record, () => done));
  const loaded = (): number => gateway.lines.filter(({ msg }) => msg === 'config loaded').length;
  for (let round = 1; round <= 10; round++) {
    const nodes = round % 2 === 0 ? { a: { url: a.url } } : { a: { url: a.url }, b: { url: b.url } };
    const more = round % 3 === 0 ? { timeouts: { ack: `${20 + round}s` } } : {};
    writeFileSync(`${gateway.configFile}.new`, JSON.stringify(config(nodes, more)));
    renameSync(`${gateway.configFile}.new`, gateway.configFile);
    gateway.kill('SIGHUP');
    await until(() => loaded() === round, { deadlineMs: 20_000, what: `reload ${round}` });
    const before = acked(all);
    await until(() => acked(all) > before + 50, { deadlineMs: 20_000 });
  }
  writeFileSync(gateway.configFile, '{ listeners: ');
  gateway.kill('SIGHUP');
  await until(() => gateway.lines.some(({ msg }) => String(msg).includes('the old config stays in force')));
  const before = acked(all);
  await until(() => acked(all) > before + 50, { deadlineMs: 20_000 });
  done = true;
  await Promise.all(sending);
  for (const { unanswered, wrong, resets } of all)
    expect({ unanswered, wrong, resets }).toEqual({ unanswered: [], wrong: [], resets: [] });
  const delivered = [...a.controlIds, ...b.controlIds];
  expect(new Set(delivered).size).toBe(delivered.length);
  expect(new Set(delivered)).toEqual(new Set(all.flatMap(({ acked: one }) => one)));
  expect(b.messages.length).toBeGreaterThan(0);
});

test('a new process takes the port over: every message is answered once, by one of the two', async () => {
  await using a = await startFaultyNode();
  const config = (port: number) => ({
    listeners: { in: { bind: `127.0.0.1:${port}` } },
    pools: { pool: { nodes: { a: { url: a.url } } } },
    routes: [{ to: 'pool' }],
    hotRestart: true,
    telemetry: { log: { messages: false } },
  });
  await using first = await startGatewayProcess(config(0));
  const { port } = first;
  const all = records();
  let done = false;
  const sending = all.map((record, i) => sendInLockstep(port, `S${i}`, record, () => done));
  await until(() => acked(all) > 200, { deadlineMs: 20_000 });
  await using second = await startGatewayProcess(config(port), ['--replace', String(first.process.pid)]);
  expect(await first.exited).toMatchObject({ code: 0 });
  const before = acked(all);
  await until(() => acked(all) > before + 200, { deadlineMs: 20_000 });
  done = true;
  await Promise.all(sending);
  expect(second.port).toBe(port);
  // A connection is ended between two messages, where its sender may have begun the next: that one was not delivered.
  for (const { wrong, resets } of all) expect({ wrong, resets }).toEqual({ wrong: [], resets: [] });
  const answered = new Set(all.flatMap(({ acked: one }) => one));
  const unanswered = new Set(all.flatMap(({ unanswered: one }) => one));
  expect(a.controlIds.length).toBe(new Set(a.controlIds).size);
  expect(new Set(a.controlIds)).toEqual(answered);
  for (const id of a.controlIds) expect(unanswered.has(id)).toBe(false);
});
