// TLS, HTTP and a hot restart with several processes.
import { Agent } from 'undici';
import { expect, test } from 'vitest';
import { startGatewayProcess } from '../e2e/child.ts';
import { type Record, sendInLockstep } from '../e2e/lockstep.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { isStarted, startSeveral } from './several.ts';

const LONG = { deadlineMs: 20_000 };

test('TLS: each worker shakes hands, and a session that one has begun is resumed with another', async () => {
  using folder = createTlsFolder();
  await using node = await startFaultyNode();
  const { cert, key } = folder.files.good;
  await using gateway = await startSeveral({
    listeners: { in: { bind: '127.0.0.1:0', tls: { cert, key } } },
    pools: { pool: { nodes: { a: { url: node.url } }, health: { interval: '1h', fastInterval: '1h' } } },
    routes: [{ to: 'pool' }],
  });
  const tls = { ca: folder.caPem, servername: 'localhost', checkServerIdentity: () => undefined };
  const first = await connectSender(gateway.port, { tls });
  let session: Buffer | undefined;
  first.socket.on('session', (one: Buffer) => {
    session = one;
  });
  expect(msaOf(await first.exchange(message({ controlId: 'T1' }), LONG.deadlineMs))?.controlId).toBe('T1');
  const ticket = await until(() => session, LONG);
  const second = await connectSender(gateway.port, { tls: { ...tls, session: ticket } });
  expect(msaOf(await second.exchange(message({ controlId: 'T2' }), LONG.deadlineMs))?.controlId).toBe('T2');
  expect(Reflect.apply(Reflect.get(second.socket, 'isSessionReused'), second.socket, [])).toBe(true);
  const lines = () => gateway.lines.filter(({ msg }) => msg === 'message');
  await until(() => lines().length === 2, LONG);
  expect(new Set(lines().map(({ worker }) => worker))).toEqual(new Set([1, 2]));
});

test('a PROXY header is read by the worker that has the connection', async () => {
  await using node = await startFaultyNode();
  await using gateway = await startSeveral({
    listeners: { in: { bind: '127.0.0.1:0', proxyProtocol: true, trustedProxies: ['127.0.0.1'] } },
    pools: { pool: { nodes: { a: { url: node.url } }, health: { interval: '1h', fastInterval: '1h' } } },
    routes: [{ to: 'pool' }],
  });
  for (const source of ['10.9.8.7', '10.9.8.6']) {
    const sender = await connectSender(gateway.port);
    void sender.write(`PROXY TCP4 ${source} 10.0.0.1 4711 2575\r\n`);
    expect(msaOf(await sender.exchange(message({ controlId: source }), LONG.deadlineMs))?.controlId).toBe(
      source,
    );
  }
  const lines = () => gateway.lines.filter(({ msg }) => msg === 'message');
  await until(() => lines().length === 2, LONG);
  expect(new Set(lines().map(({ source }) => source))).toEqual(new Set(['10.9.8.7', '10.9.8.6']));
  expect(new Set(lines().map(({ worker }) => worker))).toEqual(new Set([1, 2]));
});

test('HTTP: messages and requests, with as many connections as the listener has for all workers', async () => {
  await using node = await startFaultyNode();
  await using gateway = await startSeveral({
    listeners: { web: { protocol: 'http', bind: '127.0.0.1:0', limits: { maxConnections: 4 } } },
    pools: { pool: { nodes: { a: { url: node.url } }, health: { interval: '1h', fastInterval: '1h' } } },
    routes: [{ name: 'all', to: 'pool' }],
  });
  const url = `http://127.0.0.1:${gateway.port}/`;
  const clients = Array.from({ length: 4 }, () => new Agent({ connections: 1 }));
  const post = async (client: Agent, controlId: string): Promise<string> => {
    const { statusCode, body } = await client.request({
      origin: url,
      path: '/',
      method: 'POST',
      headers: { 'content-type': 'application/hl7-v2' },
      body: message({ controlId }),
    });
    return `${statusCode} ${msaOf(Buffer.from(await body.arrayBuffer()))?.controlId}`;
  };
  for (let round = 0; round < 3; round++)
    for (const [i, client] of clients.entries())
      expect(await post(client, `W${round}-${i}`)).toBe(`200 W${round}-${i}`);
  expect((await gateway.workers()).map(({ connections }) => connections)).toEqual([2, 2]);
  await Promise.all(clients.map((client) => client.close()));
  await until(
    async () => (await gateway.metric('hl7_gateway_sender_connections')).get('listener="web"') === 0,
    LONG,
  );
  gateway.kill('SIGTERM');
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
});

test('a new gateway of several processes takes the port over: every message is answered once', async () => {
  await using a = await startFaultyNode();
  const config = (port: number) => ({
    listeners: { in: { bind: `127.0.0.1:${port}` } },
    pools: { pool: { nodes: { a: { url: a.url } } } },
    routes: [{ to: 'pool' }],
    hotRestart: true,
    workers: 2,
    telemetry: { log: { messages: false } },
  });
  await using first = await startGatewayProcess(config(0));
  await isStarted(first);
  const { port } = first;
  const all: Record[] = Array.from({ length: 6 }, () => ({
    acked: [],
    unanswered: [],
    wrong: [],
    resets: [],
  }));
  let done = false;
  const sending = all.map((record, i) => sendInLockstep(port, `H${i}`, record, () => done));
  const acked = (): number => all.reduce((sum, one) => sum + one.acked.length, 0);
  await until(() => acked() > 100, LONG);
  await using second = await startGatewayProcess(config(port), ['--replace', String(first.process.pid)]);
  expect(await first.exited).toMatchObject({ code: 0 });
  const before = acked();
  await until(() => acked() > before + 100, LONG);
  done = true;
  await Promise.all(sending);
  expect(second.port).toBe(port);
  for (const { wrong } of all) expect(wrong).toEqual([]);
  expect(a.controlIds.length).toBe(new Set(a.controlIds).size);
  expect(new Set(a.controlIds)).toEqual(new Set(all.flatMap((one) => one.acked)));
});
