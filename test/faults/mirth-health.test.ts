// F94: gateways whose pools are checked by Mirth's REST API, with a Mirth whose logins cost and whose API is late.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { type MirthApi, startMirthApi } from '../helpers/mirth-api.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

const LONG = { timeout: 120_000 } as const;
const PATIENCE = { deadlineMs: 60_000 };

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

function startApi(loginCostMs?: number): Promise<MirthApi> {
  const { certPem: cert, keyPem: key } = folder.pems.good;
  return startMirthApi({ cert, key }, loginCostMs);
}

interface PoolParts {
  readonly name: string;
  readonly nodes: Readonly<Record<string, { readonly url: string; readonly healthUrl: string }>>;
  readonly health?: object;
}

/** Every pool is asked for the channel ADT. */
function configOf(pools: readonly PoolParts[]): string {
  const health = {
    ...{ type: 'mirth', tls: { ca: folder.caFile }, user: 'health', password: 'right', channel: 'ADT' },
  };
  return JSON.stringify({
    listeners: { in: { protocol: 'mllp', bind: '127.0.0.1:0' } },
    pools: Object.fromEntries(
      pools.map(({ name, nodes, health: more }) => [name, { nodes, health: { ...health, ...more } }]),
    ),
    routes: pools.map(({ name }) => ({ when: { 'MSH-5': name }, to: name })),
    shutdown: { timeout: '3s' },
    telemetry: { log: { level: 'debug' } },
  });
}

const statuses = (gw: TestGateway) =>
  [...gw.gateway.pools.runtimes.values()].flatMap(({ nodes }) => nodes.map(({ status }) => status));

const downs = (gw: TestGateway) => gw.log.filter(({ msg }) => msg === 'node down');

async function send(gw: TestGateway, pool: string, id: string): Promise<string | undefined> {
  await using sender = await connectSender(gw.port());
  const body = message({ controlId: id, receivingApp: pool });
  return msaOf(await sender.exchange(body, PATIENCE.deadlineMs))?.code;
}

test(
  'F94 30 channels on two Mirths: each API is asked once an interval, by one session, and every node comes up',
  LONG,
  async () => {
    await using a = await startApi(300);
    await using b = await startApi(300);
    const INTERVAL_MS = 400;
    const health = {
      interval: `${INTERVAL_MS}ms`,
      fastInterval: '100ms',
      timeout: '5s',
      initial: 'down',
      rise: 1,
    };
    const nodes = {
      a: { url: 'mllp://127.0.0.1:1', healthUrl: a.url },
      b: { url: 'mllp://127.0.0.1:1', healthUrl: b.url },
    };
    await using gw = await startGateway(
      configOf(Array.from({ length: 30 }, (_, i) => ({ name: `p${i}`, nodes, health }))),
    );
    await until(() => statuses(gw).every(({ state }) => state === 'up'), PATIENCE);
    const upAt = performance.now();
    const askedSince = ({ requests }: MirthApi) =>
      requests.filter(({ at, path }) => at > upAt && path === '/api/server/status');
    await until(() => askedSince(a).length >= 5 && askedSince(b).length >= 5, PATIENCE);
    await until(() => statuses(gw).every(({ checks }) => checks.passed >= 3), PATIENCE);
    for (const api of [a, b]) {
      expect([api.logins, api.cutOff]).toEqual([1, 0]);
      // The first may be of a check that was not up yet.
      const times = askedSince(api)
        .map(({ at }) => at)
        .slice(1);
      const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
      expect(gaps.filter((ms) => ms < INTERVAL_MS * 0.95)).toEqual([]);
    }
    expect(downs(gw)).toEqual([]);
  },
);

describe('F94 a Mirth that is busy', LONG, () => {
  const health = { interval: '50ms', fastInterval: '50ms', timeout: '1s', fall: 1 };

  async function open(over: object = {}) {
    const api = await startApi();
    const node = await startFaultyNode();
    const idle = await startFaultyNode();
    const of = ({ url }: FaultyNode) => ({ a: { url, healthUrl: api.url } });
    const more = { ...health, ...over };
    const gw = await startGateway(
      configOf([
        { name: 'busy', nodes: of(node), health: more },
        { name: 'idle', nodes: of(idle), health: more },
      ]),
    );
    return {
      ...{ api, node, gw },
      [Symbol.asyncDispose]: async () => {
        await gw[Symbol.asyncDispose]();
        await node.close();
        await idle.close();
        await api[Symbol.asyncDispose]();
      },
    };
  }

  /** A message is answered, and checks have heard of it: on a busy machine some may have been late before. */
  async function firstAnswer({ gw }: { readonly gw: TestGateway }): Promise<number> {
    await until(async () => (await send(gw, 'busy', 'X0').catch(() => undefined)) === 'AA', PATIENCE);
    const asked = (): number => Object.values(statuses(gw)[0]?.checks ?? {}).reduce((sum, n) => sum + n, 0);
    const before = asked();
    await until(() => asked() >= before + 2 && statuses(gw).every(({ state }) => state === 'up'), PATIENCE);
    return downs(gw).length;
  }

  test('stays in use while it answers messages of any pool, and says that its checks are late', async () => {
    await using room = await open();
    const earlier = await firstAnswer(room);
    const failed = statuses(room.gw).map(({ checks }) => checks.failed);
    room.api.override = () => {};
    const late = () => statuses(room.gw).every(({ checks }) => checks.unknown >= 2);
    for (let i = 1; !late(); i++) expect(await send(room.gw, 'busy', `X${i}`)).toBe('AA');
    expect(await send(room.gw, 'idle', 'Y1')).toBe('AA');
    expect(statuses(room.gw)).toMatchObject([
      { state: 'up', lastCheck: { result: 'unknown', reason: 'no answer in time' } },
      { state: 'up', lastCheck: { result: 'unknown' } },
    ]);
    expect(statuses(room.gw).map(({ checks }) => checks.failed)).toEqual(failed);
    expect(downs(room.gw).length).toBe(earlier);
    // One request has been waiting all the time.
    expect([room.api.connections, room.api.cutOff]).toEqual([1, 0]);
  });

  test('is down when its messages are not answered either', async () => {
    await using room = await open({ fall: 2 });
    const earlier = await firstAnswer(room);
    room.api.override = () => {};
    await until(() => statuses(room.gw)[0]?.lastCheck?.result === 'unknown', PATIENCE);
    room.node.script = answers.close();
    await using sender = await connectSender(room.gw.port());
    void sender.send(message({ controlId: 'X1', receivingApp: 'busy' }));
    await until(() => statuses(room.gw)[0]?.state === 'down', PATIENCE);
    expect(downs(room.gw).slice(earlier)).toMatchObject([{ pool: 'busy', node: 'a' }]);
  });

  test('is down when nothing shows that it works', async () => {
    await using room = await open();
    room.api.override = () => {};
    await until(() => statuses(room.gw).every(({ state }) => state === 'down'), PATIENCE);
    expect(downs(room.gw)[0]).toMatchObject({ reason: 'check: no answer in time' });
  });
});

describe('F94 over a reload', LONG, () => {
  const health = { interval: '50ms', fastInterval: '50ms', timeout: '5s' };
  const node = (api: MirthApi) => ({ a: { url: 'mllp://127.0.0.1:1', healthUrl: api.url } });

  /** The same nodes, asked nothing. */
  function unchecked({ url }: MirthApi): string {
    const health = { type: 'http', url, interval: '1h', fastInterval: '1h' };
    const config = JSON.parse(configOf([{ name: 'none', nodes: {} }]));
    config.pools.none = { nodes: { a: { url: 'mllp://127.0.0.1:1' } }, health };
    return JSON.stringify(config);
  }

  async function reload(gw: TestGateway, text: string): Promise<void> {
    await gw.gateway.reload(parseConfig(text, { env: {} }).config);
  }

  test('the session stays for as long as a pool asks, and no longer', async () => {
    await using api = await startApi();
    const one = { name: 'one', nodes: node(api), health };
    await using gw = await startGateway(configOf([one]));
    await until(() => statuses(gw).every(({ checks }) => checks.passed > 0), PATIENCE);
    // Other checks of the same server take the place of the first one's, and of those again.
    await reload(gw, configOf([{ ...one, health: { ...health, interval: '60ms' } }]));
    await until(() => statuses(gw).every(({ checks }) => checks.passed > 0), PATIENCE);
    await reload(gw, configOf([{ ...one, name: 'two' }]));
    await until(() => statuses(gw).every(({ checks }) => checks.passed > 0), PATIENCE);
    expect(api.logins).toBe(1);
    await reload(gw, unchecked(api));
    await until(() => gw.gateway.pools.servers.size === 0 && api.connections === 0, PATIENCE);
    const asked = api.requests.length;
    await reload(gw, configOf([one]));
    await until(() => api.requests.length > asked && statuses(gw)[0]?.checks.passed, PATIENCE);
    expect(api.logins).toBe(2);
  });

  test('a reload that is given up on leaves nothing behind', async () => {
    await using api = await startApi();
    await using gw = await startGateway(unchecked(api));
    const prepared = gw.gateway.pools.prepare(
      parseConfig(configOf([{ name: 'one', nodes: node(api), health }]), { env: {} }).config,
    );
    prepared.rollback();
    expect(api.requests).toEqual([]);
    expect(gw.gateway.pools.servers.size).toBe(0);
  });
});
