// Shared state over TLS, with a server that hangs, with three servers of which some die, and over a hot restart. The gateway serves on in
// each, and all members come to the same in the end.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hasNats, NatsServer } from '../helpers/nats-server.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import {
  AWAY,
  admin,
  away,
  decide,
  exchange,
  nats,
  start,
  startBoth,
  TOKEN,
  there,
  twoNodes,
  untilNodes,
} from './shared-state-room.ts';

const LONG = { timeout: 240_000 };

/** Free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Three servers that keep everything three times. */
async function cluster(): Promise<NatsServer[]> {
  const ports = await freePorts(3);
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ');
  const servers = ports.map(
    (port, i) =>
      new NatsServer(
        `jetstream {}\nserver_name: n${i}\ncluster { name: c, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
      ),
  );
  onTestFinished(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  });
  await Promise.all(servers.map((server) => server.start()));
  return servers;
}

describe.skipIf(!hasNats)('shared state (skipped where nats-server is not installed)', LONG, () => {
  test('over TLS: the authority of the config is trusted, and no other', async () => {
    using folder = createTlsFolder();
    const { cert, key } = folder.files.good;
    const server = await nats(`jetstream {}\ntls { cert_file: "${cert}", key_file: "${key}" }`);
    const nodes = await twoNodes();
    const url = server.url.replace('nats:', 'tls:');
    const [one, stranger] = await Promise.all([
      start('gw1', nodes, { servers: [url], tls: { ca: folder.caFile } }),
      start('gw2', nodes, { servers: [url], tls: { ca: folder.files.selfSigned.cert } }),
    ]);
    await there(one);
    expect(await away(stranger)).toMatchObject({ reason: 'tls' });
    await exchange(stranger, 'A');
  });

  test('a server that hangs: messages and decisions go on, and what was decided is written when it goes on', async () => {
    const [server, nodes] = [await nats(), await twoNodes()];
    const [one, other] = await startBoth(nodes, { servers: [server.url] });
    server.pause();
    await decide(one, 'POST', '/nodes/pool/n0/maintenance');
    for (const app of ['A', 'B', 'C']) await exchange(one, app);
    expect(nodes[0]?.messages).toEqual([]);
    await until(() => [one, other].every(({ lines }) => lines.some(({ msg }) => AWAY.test(String(msg)))), {
      deadlineMs: 60_000,
      what: 'both saying that NATS is away',
    });
    server.resume();
    await untilNodes(other, { n0: 'maintenance 1' });
  });

  test('three servers: one dies and nothing is lost; two, and it is said; back, and all members agree', async () => {
    const [servers, nodes] = [await cluster(), await twoNodes()];
    const section = { servers: servers.map(({ url }) => url), replicas: 3 };
    const [one, other] = await startBoth(nodes, section);
    await decide(one, 'PUT', '/nodes/pool/n0/weight', '{"weight":7}');
    await untilNodes(other, { n0: 'up 7' });
    await servers[0]?.kill();
    await decide(one, 'POST', '/nodes/pool/n0/drain');
    await untilNodes(other, { n0: 'draining 7' });
    await servers[1]?.kill();
    await decide(other, 'POST', '/nodes/pool/n1/maintenance');
    await away(one);
    await exchange(one, 'A');
    await Promise.all([servers[0]?.start(), servers[1]?.start()]);
    for (const gateway of [one, other]) await untilNodes(gateway, { n0: 'draining 7', n1: 'maintenance 1' });
  });

  test('a hot restart: what the other member decides reaches the new process', async () => {
    const [server, nodes] = [await nats(), await twoNodes()];
    const [one, other] = await startBoth(nodes, { servers: [server.url] }, { hotRestart: true });
    await decide(one, 'POST', '/nodes/pool/n0/drain');
    await untilNodes(other, { n0: 'draining 1' });
    const { address } = await one.line(({ msg }) => msg === 'admin API listening', 'the admin API');
    const again = await start(
      'gw1',
      nodes,
      { servers: [server.url] },
      {
        hotRestart: true,
        listeners: { in: { bind: `127.0.0.1:${one.port}` } },
        admin: { bind: String(address), token: TOKEN },
      },
      ['--replace', String(one.process.pid)],
    );
    await there(again);
    await untilNodes(again, { n0: 'draining 1' });
    await one.exited;
    await decide(other, 'PUT', '/nodes/pool/n1/weight', '{"weight":3}');
    await untilNodes(again, { n0: 'draining 1', n1: 'up 3' });
    expect((await admin(again, 'GET', '/readyz')).status).toBe(200);
  });
});
