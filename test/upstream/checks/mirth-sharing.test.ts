// F94: what checks of type mirth ask of one Mirth is asked once for all of them, by one session, and is left to its end; an API
// that is late takes no node out that answers messages.
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { NodeTls } from '../../../certs/node-tls.ts';
import { parseConfig } from '../../../src/config/load.ts';
import type { Check, Occasion } from '../../../src/upstream/checks/check.ts';
import { createCheck } from '../../../src/upstream/checks/create-check.ts';
import { MirthServers } from '../../../src/upstream/checks/mirth-servers.ts';
import { simpleConfig, startGateway } from '../../helpers/gateway.ts';
import { type MirthApi, startMirthApi } from '../../helpers/mirth-api.ts';
import { createTlsFolder, type TlsFolder } from '../../helpers/tls-folder.ts';
import { turns, until } from '../../helpers/until.ts';
import { worded } from './check-parts.ts';

const LONG = { timeout: 120_000 } as const;
const PATIENCE = { deadlineMs: 60_000 };

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());
afterEach(() => void vi.useRealTimers());

function start(loginCostMs?: number): Promise<MirthApi> {
  const { certPem: cert, keyPem: key } = folder.pems.good;
  return startMirthApi({ cert, key }, loginCostMs);
}

const CHANNEL = { user: 'health', password: 'right', channel: 'ADT' };

/** A check of a pool of its own. */
function checkAmong(servers: MirthServers, api: MirthApi, health: object = CHANNEL): Check {
  const url = `https://{host}:${api.port}`;
  const all = { type: 'mirth', url, tls: { ca: folder.caFile }, timeout: '30s', ...health };
  const text = simpleConfig({ nodes: ['mllp://127.0.0.1:1'], pool: { health: all } });
  const [pool] = parseConfig(text, { env: {} }).config.pools;
  const [node] = pool?.nodes ?? [];
  if (pool === undefined || node === undefined) throw new Error('no node');
  const parts = createCheck(pool, node, node.tls && new NodeTls(node.tls, node.host), servers);
  if (parts === undefined) throw new Error('no check');
  return parts.check;
}

const ALONE = Number.NEGATIVE_INFINITY;
const NEW: Occasion = { maxAgeMs: 0, answeredAt: ALONE };
const HOUR: Occasion = { maxAgeMs: 3_600_000, answeredAt: ALONE };

async function ask(check: Check, occasion: Occasion = NEW): Promise<string> {
  return worded(await check.ask(new AbortController().signal, occasion));
}

const askAll = (checks: readonly Check[], occasion?: Occasion): Promise<readonly string[]> =>
  Promise.all(checks.map((check) => ask(check, occasion)));

const count = ({ requests }: MirthApi, path: string): number =>
  requests.filter((request) => request.path.endsWith(path)).length;

const counts = (api: MirthApi) => ({
  status: count(api, '/api/server/status'),
  channels: count(api, '/api/channels/statuses'),
  logins: api.logins,
});

describe('F94 many checks of one Mirth', LONG, () => {
  test('ask it together: each thing once, by one session', async () => {
    await using api = await start();
    const servers = new MirthServers();
    const checks = Array.from({ length: 30 }, () => checkAmong(servers, api));
    expect(new Set(await askAll(checks))).toEqual(new Set(['passed']));
    expect(counts(api)).toEqual({ status: 1, channels: 1, logins: 1 });
    await askAll(checks, HOUR);
    expect(counts(api)).toEqual({ status: 1, channels: 1, logins: 1 });
    await askAll(checks);
    expect(counts(api)).toEqual({ status: 2, channels: 2, logins: 1 });
    expect(servers.size).toBe(1);
  });

  test('each by the channel that it asks for', async () => {
    await using api = await start();
    api.channels = { ADT: 'STARTED', LAB: 'STOPPED' };
    const servers = new MirthServers();
    const checks = ['ADT', 'LAB', 'GONE'].map((channel) => checkAmong(servers, api, { ...CHANNEL, channel }));
    checks.push(checkAmong(servers, api, {}));
    expect(await askAll(checks)).toEqual([
      'passed',
      'the channel is STOPPED',
      'the channel is not deployed',
      'passed',
    ]);
    expect(counts(api)).toEqual({ status: 1, channels: 1, logins: 1 });
  });

  test('users have sessions of their own, and other ways to trust it a server of their own', async () => {
    await using api = await start();
    const servers = new MirthServers();
    const one = checkAmong(servers, api);
    const wrong = checkAmong(servers, api, { ...CHANNEL, password: 'wrong' });
    const insecure = checkAmong(servers, api, { ...CHANNEL, tls: { insecure: true } });
    const strict = checkAmong(servers, api, { ...CHANNEL, tls: {} });
    expect(await askAll([one, wrong])).toEqual(['passed', 'passed: the API refuses user and password']);
    expect(counts(api)).toEqual({ status: 1, channels: 2, logins: 1 });
    expect(await ask(insecure)).toBe('passed');
    // What is trusted for one is not for another.
    expect(await ask(strict, HOUR)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(servers.size).toBe(3);
  });

  test('a wrong password is tried once for all of them', async () => {
    await using api = await start();
    const servers = new MirthServers();
    const checks = Array.from({ length: 30 }, () =>
      checkAmong(servers, api, { ...CHANNEL, password: 'wrong' }),
    );
    await askAll(checks);
    await askAll(checks);
    expect(count(api, '/api/channels/statuses')).toBe(1);
  });

  test('two Mirths are two', async () => {
    await using a = await start();
    await using b = await start();
    const servers = new MirthServers();
    await askAll(Array.from({ length: 30 }, (_, i) => checkAmong(servers, i % 2 === 0 ? a : b)));
    for (const api of [a, b]) expect(counts(api)).toEqual({ status: 1, channels: 1, logins: 1 });
  });

  test('the last one that leaves ends what is under way, and forgets the session', async () => {
    await using api = await start();
    const servers = new MirthServers();
    const [first, second] = [checkAmong(servers, api), checkAmong(servers, api)] as const;
    await askAll([first, second]);
    first.close?.();
    first.close?.();
    expect(await ask(second)).toBe('passed');
    expect(counts(api).logins).toBe(1);
    api.override = () => {};
    const asking = ask(second);
    await until(() => api.connections === 1, PATIENCE);
    second.close?.();
    await asking;
    await until(() => api.connections === 0, PATIENCE);
    expect(servers.size).toBe(0);
    api.override = undefined;
    expect(await ask(checkAmong(servers, api))).toBe('passed');
    expect(counts(api).logins).toBe(2);
  });
});

describe('F94 a gateway with 30 channels on two Mirths', LONG, () => {
  test('asks each of them once an interval, by one session', async () => {
    await using a = await start();
    await using b = await start();
    const intervalMs = 1_000;
    const nodes = Object.fromEntries(
      [a, b].map(({ port }, i) => [
        `n${i}`,
        { url: 'mllp://127.0.0.1:1', healthUrl: `https://127.0.0.1:${port}` },
      ]),
    );
    const health = { type: 'mirth', tls: { ca: folder.caFile }, interval: `${intervalMs}ms`, ...CHANNEL };
    await using gw = await startGateway(
      JSON.stringify({
        listeners: { in: { bind: '127.0.0.1:0' } },
        pools: Object.fromEntries(
          Array.from({ length: 30 }, (_, i) => [`channel-${i}`, { nodes, health, slowStart: '0' }]),
        ),
        routes: Array.from({ length: 30 }, (_, i) => ({ when: { 'MSH-5': `${i}` }, to: `channel-${i}` })),
      }),
    );
    const from = performance.now();
    await until(() => [a, b].every((api) => counts(api).status >= 4), PATIENCE);
    const most = (performance.now() - from) / intervalMs + 2;
    for (const api of [a, b]) {
      const { status, channels, logins } = counts(api);
      expect(logins).toBe(1);
      expect(Math.max(status, channels)).toBeLessThanOrEqual(most);
    }
    const states = [...gw.gateway.queues.values()].flatMap(({ pool }) =>
      pool.nodes.map(({ state }) => state),
    );
    expect([states.length, new Set(states)]).toEqual([60, new Set(['up'])]);
  });
});

describe('F94 a login that takes its time', LONG, () => {
  test('is waited for beyond the check that began it, is not begun a second time, and is kept', async () => {
    await using api = await start(1500);
    const servers = new MirthServers();
    const checks = Array.from({ length: 30 }, () =>
      checkAmong(servers, api, { ...CHANNEL, timeout: '200ms' }),
    );
    expect(new Set(await askAll(checks))).toEqual(new Set(['no answer in time']));
    const [check] = checks as [Check];
    await until(async () => (await ask(check)) === 'passed', PATIENCE);
    expect(await ask(check)).toBe('passed');
    expect(counts(api).logins).toBe(1);
    expect(api.cutOff).toBe(0);
  });

  test('is not cut off by a check that ends, nor by its abort', async () => {
    await using api = await start(1000);
    const servers = new MirthServers();
    const [ending, staying] = [checkAmong(servers, api), checkAmong(servers, api)] as const;
    const stop = new AbortController();
    const asked = ending.ask(stop.signal, NEW);
    await until(() => count(api, '/api/channels/statuses') === 1, PATIENCE);
    stop.abort();
    ending.close?.();
    expect(await asked).toEqual({ kind: 'failed', reason: 'aborted' });
    expect(await ask(staying)).toBe('passed');
    expect([counts(api).logins, api.cutOff]).toEqual([1, 0]);
  });
});

describe('F94 an API that is late', LONG, () => {
  test('says nothing of a node that answers messages, whichever pool they are of', async () => {
    await using api = await start();
    const servers = new MirthServers();
    const health = { ...CHANNEL, timeout: '50ms' };
    const [busy, idle] = [checkAmong(servers, api, health), checkAmong(servers, api, health)] as const;
    api.override = () => {};
    expect(await ask(busy)).toBe('no answer in time');
    expect(await ask(busy, { maxAgeMs: 0, answeredAt: performance.now() })).toBe(
      'unknown: no answer in time',
    );
    expect(await ask(idle)).toBe('unknown: no answer in time');
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 61_000);
    expect(await ask(idle)).toBe('no answer in time');
    clock.mockRestore();
  });

  test('says something once the node that answered has failed since', async () => {
    await using api = await start();
    const servers = new MirthServers();
    const health = { ...CHANNEL, timeout: '50ms' };
    const [busy, idle] = [checkAmong(servers, api, health), checkAmong(servers, api, health)] as const;
    api.override = () => {};
    const answering = { maxAgeMs: 0, answeredAt: performance.now() };
    expect(await ask(busy, answering)).toBe('unknown: no answer in time');
    expect(await ask(busy)).toBe('no answer in time');
    expect(await ask(idle)).toBe('no answer in time');
    expect(await ask(idle, answering)).toBe('unknown: no answer in time');
    idle.close?.();
    expect(await ask(busy)).toBe('no answer in time');
  });

  test('takes nothing back that it does say', async () => {
    await using api = await start();
    const servers = new MirthServers();
    const check = checkAmong(servers, api);
    const answering = { maxAgeMs: 0, answeredAt: performance.now() };
    api.channels = { ADT: 'STOPPED' };
    expect(await ask(check, answering)).toBe('the channel is STOPPED');
    api.status = 1;
    expect(await ask(check, answering)).toBe('status 1, unavailable');
    api.override = (response) => void response.destroy();
    expect(await ask(check, answering)).toMatch(/^closed without an answer|ECONNRESET$/);
  });

  test('has one request to answer, however often it is asked', async () => {
    await using api = await start();
    const servers = new MirthServers();
    const checks = Array.from({ length: 10 }, () =>
      checkAmong(servers, api, { ...CHANNEL, timeout: '50ms' }),
    );
    api.override = () => {};
    for (let i = 0; i < 5; i++) await askAll(checks);
    expect([api.requests.length, api.connections, api.cutOff]).toEqual([1, 1, 0]);
  });

  test('is cut off in the end, and then left alone for longer and longer', async () => {
    await using api = await start();
    const servers = new MirthServers();
    const check = checkAmong(servers, api, { ...CHANNEL, timeout: '1s' });
    api.override = () => {};
    const now = performance.now.bind(performance);
    let aheadMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const lasting: number[] = [];
    for (let round = 1; round <= 4; round++) {
      const asking = ask(check);
      await until(() => api.requests.length === round, PATIENCE);
      await vi.advanceTimersByTimeAsync(1_001);
      expect(await asking).toBe('no answer in time');
      await vi.advanceTimersByTimeAsync(30_000);
      vi.useRealTimers();
      await until(() => api.connections === 0, PATIENCE);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      for (let pauseMs = 0; ; pauseMs += 500) {
        aheadMs += 500;
        const early = ask(check);
        await turns(3);
        await vi.advanceTimersByTimeAsync(1_001);
        expect(await early).toBe('no answer in time');
        if (api.requests.length > round || pauseMs > 60_000) {
          lasting.push(pauseMs);
          break;
        }
      }
    }
    vi.useRealTimers();
    vi.restoreAllMocks();
    expect(lasting.map((ms, i) => ms >= ([500, 1500, 3500, 7500][i] ?? 0))).toEqual([true, true, true, true]);
  });
});
