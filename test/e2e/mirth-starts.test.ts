// Mirth servers that start and whose channels stop, as processes of their own: traffic goes by what their REST API says.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { type NodeChild, startGatewayProcess, startNode } from './child.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const TOKEN = 'a-token-for-this-test';
/** A busy machine with five processes on it. */
const PATIENT = { deadlineMs: 30_000 };

interface Mirth extends NodeChild {
  readonly api: string;
  /** Changes what its API says. */
  readonly set: (change: object) => Promise<void>;
}

async function startMirth(...args: readonly string[]): Promise<Mirth> {
  // Plain: the certificate is the business of other tests, and fetch takes none of the test's.
  const node = await startNode('--api', 'http://127.0.0.1:0', '--api-channel', 'ADT', ...args);
  const { api } = await node.line(({ api }) => api !== undefined, 'its API');
  const set = async (change: object): Promise<void> => {
    const headers = { 'x-requested-with': 'test' };
    const answer = await fetch(`${api}/control`, { method: 'PUT', headers, body: JSON.stringify(change) });
    expect(answer.status).toBe(200);
  };
  return Object.assign(node, { api: String(api), set });
}

interface NodeSeen {
  readonly node: string;
  readonly state: string;
  readonly lastCheck?: { readonly result: string; readonly reason?: string };
}

async function room(a: Mirth, b: Mirth) {
  const gateway = await startGatewayProcess({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: {
      pool: {
        nodes: { a: { url: a.url, healthUrl: a.api }, b: { url: b.url, healthUrl: b.api } },
        balance: 'round-robin',
        health: {
          type: 'mirth',
          channel: 'ADT',
          user: 'admin',
          password: 'admin',
          interval: '50ms',
          fastInterval: '50ms',
          timeout: '5s',
          initial: 'down',
        },
        queue: { timeout: '30s' },
      },
    },
    routes: [{ to: 'pool' }],
    admin: { bind: '127.0.0.1:0', token: TOKEN },
  });
  const { address } = await gateway.line(({ msg }) => msg === 'admin API listening', 'the admin API');
  const nodes = async (): Promise<readonly NodeSeen[]> => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    return (await (await fetch(`http://${address}/nodes`, { headers })).json()) as NodeSeen[];
  };
  const seen = (name: string, state: string, reason?: string) =>
    until(
      async () => {
        const one = (await nodes()).find(({ node }) => node === name);
        return one?.state === state && one.lastCheck?.reason === reason;
      },
      { ...PATIENT, what: `${name} ${state} ${reason ?? ''}` },
    );
  return { gateway, seen };
}

/** One after the other; each has to be answered AA. */
async function sendAll(sender: Sender, prefix: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  for (const controlId of ids)
    expect(msaOf(await sender.exchange(message({ controlId }), 30_000))).toEqual({ code: 'AA', controlId });
  return ids;
}

/** How many each has taken, once all of them are on record: a line may come later than the answer behind it. */
async function taken(nodes: readonly NodeChild[], count: number): Promise<number[]> {
  const counts = (): number[] => nodes.map((node) => node.controlIds().length);
  await until(() => counts().reduce((sum, one) => sum + one) >= count, {
    ...PATIENT,
    what: `${count} messages`,
  });
  return counts();
}

describe.each([
  ['its port closed meanwhile, as Mirth’s is', []],
  ['its port open all the time, so that only the API tells', ['--keep-open']],
])('%s', (_, more) => {
  test('it starts in 2, then 3, then 0: what comes goes to the other node, then over both', {
    timeout: 120_000,
  }, async () => {
    await using a = await startMirth(...more);
    await using b = await startMirth('--api-status', '2', ...more);
    const { gateway, seen } = await room(a, b);
    await using _gateway = gateway;
    await seen('a', 'up');
    await seen('b', 'down', 'status 2, the engine is starting');
    await using sender = await connectSender(gateway.port);
    const before = await sendAll(sender, 'TWO', 6);
    await b.set({ status: 3 });
    await seen('b', 'down', 'status 3, the channels are being deployed');
    before.push(...(await sendAll(sender, 'THREE', 6)));
    await taken([a, b], 12);
    expect([a.controlIds(), b.controlIds()]).toEqual([before, []]);
    // By the clock, as a real one comes to its end.
    await b.set({ status: '3@300ms,0' });
    await seen('b', 'up');
    const after = await sendAll(sender, 'OK', 12);
    await taken([a, b], 24);
    expect([...a.controlIds(), ...b.controlIds()].sort()).toEqual([...before, ...after].sort());
    expect(b.controlIds().length).toBe(6);
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });

  test('its channel is stopped while the server is well: traffic goes to the other node, and comes back', {
    timeout: 120_000,
  }, async () => {
    await using a = await startMirth(...more);
    await using b = await startMirth(...more);
    const { gateway, seen } = await room(a, b);
    await using _gateway = gateway;
    await seen('a', 'up');
    await seen('b', 'up');
    await using sender = await connectSender(gateway.port);
    await sendAll(sender, 'BOTH', 8);
    expect(await taken([a, b], 8)).toEqual([4, 4]);
    await a.set({ channels: { ADT: 'STOPPED' } });
    await seen('a', 'down', 'the channel is STOPPED');
    await sendAll(sender, 'OTHER', 8);
    expect(await taken([a, b], 16)).toEqual([4, 12]);
    await a.set({ channels: { ADT: 'STARTED' } });
    await seen('a', 'up');
    await sendAll(sender, 'AGAIN', 8);
    expect(await taken([a, b], 24)).toEqual([8, 16]);
  });
});
