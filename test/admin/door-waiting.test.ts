// The admin API of a process that takes over from another: it waits for the port, one attempt at a time, and for nothing
// any more once it is stopped or wanted elsewhere.
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { AdminListener } from '../../src/admin/admin-listener.ts';
import { AdminServer } from '../../src/admin/admin-server.ts';
import type { AdminConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { reloadAll } from '../../src/reload/transaction.ts';
import { until } from '../helpers/until.ts';
import { TOKEN, tell } from './door-room.ts';
import { FakeControl } from './fake-control.ts';

// `until` waits by a timer that is none of these.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const at = (port: number): AdminConfig => ({
  bind: { host: '127.0.0.1', port },
  token: TOKEN,
  tls: undefined,
  tap: false,
  messages: 0,
  insecure: false,
  users: new Map(),
  hosts: [],
  sessions: { idleMs: 1_800_000, absoluteMs: 43_200_000 },
});

function doorTo(port: number) {
  const log: Record<string, unknown>[] = [];
  const door = new AdminListener(at(port), {
    control: new FakeControl(),
    log: createLog({ level: 'info', format: 'json' }, { write: (line) => void log.push(JSON.parse(line)) }),
    secure: () => {},
  });
  onTestFinished(() => door.stop());
  return { door, said: () => log.map(({ msg }) => String(msg)) };
}

/** As a reload of the gateway does it. */
async function takeUp(door: AdminListener, config: AdminConfig): Promise<void> {
  await reloadAll([['admin', door]], config, { onDefect: () => expect.unreachable() });
}

/** One that has its port, and another that wants it. */
async function pair() {
  const old = doorTo(0);
  await old.door.start({ waitForPort: false });
  const port = Number(old.door.address?.split(':').at(-1));
  const next = doorTo(port);
  await next.door.start({ waitForPort: true });
  expect(next.said()).toEqual(['the admin API waits for the other process to end']);
  return { old, next, port };
}

const WAITS = 'the admin API waits for the other process to end';
const OPEN = 'admin API listening';

test('it is open soon after the other has gone, and says so once', async () => {
  const { old, next, port } = await pair();
  const start = vi.spyOn(AdminServer.prototype, 'start');
  for (let i = 1; i <= 3; i++) {
    vi.advanceTimersByTime(500);
    await until(() => start.mock.settledResults.filter(({ type }) => type === 'rejected').length === i);
  }
  await old.door.stop();
  vi.advanceTimersByTime(500);
  await until(() => next.said().includes(OPEN));
  expect((await tell(port, '/nodes')).status).toBe(200);
  vi.advanceTimersByTime(60_000);
  expect([start.mock.calls.length, next.said()]).toEqual([4, [WAITS, OPEN]]);
  // Opened once, it stays: nothing is tried any more.
  expect(vi.getTimerCount()).toBe(0);
});

test('an attempt that takes its time is not overtaken by the next', async () => {
  const { next } = await pair();
  const attempt = Promise.withResolvers<void>();
  const start = vi.spyOn(AdminServer.prototype, 'start').mockReturnValue(attempt.promise);
  vi.advanceTimersByTime(10_000);
  expect(start).toHaveBeenCalledTimes(1);
  start.mockRestore();
  attempt.reject(new Error('slow'));
  // What is no port in use will not go by waiting.
  await until(() => next.said().some((line) => line.startsWith('there is no admin API')));
  expect(vi.getTimerCount()).toBe(0);
});

test('once it is stopped nothing is tried any more', async () => {
  const { old, next, port } = await pair();
  const start = vi.spyOn(AdminServer.prototype, 'start');
  await next.door.stop();
  await old.door.stop();
  vi.advanceTimersByTime(60_000);
  expect([start.mock.calls.length, next.said()]).toEqual([0, [WAITS]]);
  await expect(tell(port, '/livez')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('stopped in the middle of an attempt, it leaves the port again', async () => {
  const { old, next, port } = await pair();
  await old.door.stop();
  vi.advanceTimersByTime(500);
  await next.door.stop();
  expect(next.said()).toEqual([WAITS]);
  await expect(tell(port, '/livez')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a reload that wants it elsewhere ends the waiting; one that wants it there does not', async () => {
  const { old, next, port } = await pair();
  await takeUp(next.door, at(port));
  vi.advanceTimersByTime(500);
  await takeUp(next.door, at(0));
  const elsewhere = next.door.address;
  expect(elsewhere).not.toBe(`127.0.0.1:${port}`);
  await old.door.stop();
  vi.advanceTimersByTime(60_000);
  expect(next.door.address).toBe(elsewhere);
  await until(() => next.said().includes('admin API closed'));
  await expect(tell(port, '/livez')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('after an hour it gives up, and says that there is none; a reload tries again', async () => {
  const { old, next, port } = await pair();
  const start = vi.spyOn(AdminServer.prototype, 'start');
  vi.advanceTimersByTime(500);
  await until(() => start.mock.settledResults.some(({ type }) => type === 'rejected'));
  const later = performance.now() + 3_600_000;
  vi.spyOn(performance, 'now').mockReturnValue(later);
  vi.advanceTimersByTime(500);
  await until(() => next.said().length === 2);
  expect(next.said()[1]).toMatch(/^there is no admin API: .*port is in use/);
  expect(vi.getTimerCount()).toBe(0);
  await old.door.stop();
  await takeUp(next.door, at(port));
  expect(next.door.address).toBe(`127.0.0.1:${port}`);
});
