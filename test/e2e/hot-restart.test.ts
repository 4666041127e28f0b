// Reload and hot restart of the real process under load: nothing is lost, nothing comes twice, no connection breaks while
// an answer is owed on it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { until } from '../helpers/until.ts';
import { type Line, startGatewayProcess } from './child.ts';
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

test('--replace: the admin API comes to the new process when the old one has ended, which it does not hold up', async () => {
  await using a = await startFaultyNode();
  const token = 'a-token-for-this-test';
  const config = (port: number, admin: string) => ({
    listeners: { in: { bind: `127.0.0.1:${port}` } },
    pools: { pool: { nodes: { a: { url: a.url } } } },
    routes: [{ to: 'pool' }],
    hotRestart: true,
    admin: { bind: admin, token },
  });
  await using first = await startGatewayProcess(config(0, '127.0.0.1:0'));
  const isOpen = ({ msg }: Line): boolean => msg === 'admin API listening';
  const { address } = await first.line(isOpen, 'its admin API');
  const pid = async (): Promise<unknown> => {
    const answer = await fetch(`http://${address}/status`, { headers: { authorization: `Bearer ${token}` } });
    return ((await answer.json()) as { pid: unknown }).pid;
  };
  expect(await pid()).toBe(first.process.pid);
  const replace = ['--replace', String(first.process.pid)];
  await using second = await startGatewayProcess(config(first.port, String(address)), replace);
  expect(await first.exited).toMatchObject({ code: 0 });
  expect((await second.line(isOpen, 'its admin API')).address).toBe(address);
  expect(await pid()).toBe(second.process.pid);
  // A third one takes over from somebody else, who has not got that port: what it waits for keeps nothing up.
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], { stdio: 'ignore' });
  onTestFinished(() => void other.kill('SIGKILL'));
  await once(other, 'spawn');
  await using third = await startGatewayProcess(config(0, String(address)), ['--replace', String(other.pid)]);
  await third.line(({ msg }) => String(msg).startsWith('the admin API waits'), 'that it waits');
  third.kill('SIGTERM');
  expect(await third.exited).toEqual({ code: 0, signal: null });
  expect(third.lines.filter(isOpen)).toEqual([]);
});
