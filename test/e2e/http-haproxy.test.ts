// HAProxy before the gateway's HTTP listeners, with send-proxy-v2: the client that the nodes, the routes and the log see
// is the one that came to HAProxy. It passes bytes on (mode tcp), so TLS is the gateway's.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { holdPort } from '../helpers/port-hold.ts';
import { until } from '../helpers/until.ts';
import { curl, hasCurl } from './curl.ts';
import {
  LONG,
  openVips,
  PATIENCE_MS,
  startSimulatedNodes,
  VIPS,
  type Vip,
  type VipOptions,
  type Vips,
  vipCertificate,
} from './http-vips.ts';
import { User } from './user.ts';
import { End } from './web-sockets.ts';

const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;
/** As addresses of this machine any of them can be a client's. */
const CLIENT = '127.0.0.2';

let certificate: ReturnType<typeof vipCertificate>;
beforeAll(() => {
  certificate = vipCertificate();
});
afterAll(() => certificate[Symbol.dispose]());

/** Nobody else gets it until it is released. */
async function freePort(): Promise<{ port: number; release(): Promise<void> }> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const hold = await holdPort('127.0.0.1', port, () => server.close());
  return { port, release: () => hold.release() };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Where HAProxy listens for each VIP; `server` is what its `server` lines say behind the address. */
async function startHaproxy(vips: Vips, server: string): Promise<Pick<Vips, 'url' | 'port'>> {
  const place = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const file = join(place, 'haproxy.cfg');
  // It takes no port 0.
  const doors = await Promise.all(VIPS.map(() => freePort()));
  const sections = VIPS.map(
    (vip, i) => `listen ${vip}
  bind 127.0.0.1:${doors[i]?.port}
  server gateway 127.0.0.1:${vips.port(vip)} ${server}
`,
  );
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 100
defaults
  mode tcp
  timeout connect ${PATIENCE_MS}ms
  timeout client 1m
  timeout server 1m
${sections.join('')}`,
  );
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(place, { recursive: true, force: true });
  });
  const port = (vip: Vip): number => doors[VIPS.indexOf(vip)]?.port ?? 0;
  for (const door of doors) {
    await until(() => accepts(door.port), { deadlineMs: PATIENCE_MS, what: 'HAProxy listening' });
    await door.release();
  }
  return { port, url: (vip, path = '/') => `${vip}://127.0.0.1:${port(vip)}${path}` };
}

const listener = { proxyProtocol: true, trustedProxies: '127.0.0.1' };

/** Both, in one: nodes, gateway and HAProxy. */
async function open(options: Partial<VipOptions> = {}, server = 'send-proxy-v2') {
  const room = await startSimulatedNodes();
  onTestFinished(() => room[Symbol.asyncDispose]());
  const vips = await openVips(certificate, { nodes: room.urls, listener, ...options });
  onTestFinished(() => vips[Symbol.asyncDispose]());
  const haproxy = await startHaproxy(vips, server);
  return { vips, haproxy, client: (source = CLIENT) => new User(certificate, haproxy, { source }) };
}

describe.skipIf(!hasHaproxy).each(VIPS)(
  'the %s VIP behind HAProxy (skipped without haproxy)',
  LONG,
  (vip) => {
    test('the nodes are told of the client, not of HAProxy', async () => {
      const { vips, haproxy, client } = await open();
      const port = haproxy.port(vip);
      for (const source of [CLIENT, '127.0.0.3']) {
        const { status, seen } = await client(source).get(vip, '/echo');
        expect(status).toBe(200);
        expect(seen).toMatchObject({
          'x-forwarded-for': source,
          'x-forwarded-proto': vip,
          'x-forwarded-host': `127.0.0.1:${port}`,
          forwarded: `for=${source};host="127.0.0.1:${port}";proto=${vip}`,
        });
      }
      expect((await vips.proxied(2)).map(({ peer }) => peer.address)).toEqual([CLIENT, '127.0.0.3']);
      await until(() => vips.gw.log.filter(({ source }) => source === CLIENT).length === 1, {
        deadlineMs: PATIENCE_MS,
      });
      expect(vips.gw.codes).toEqual([]);
    });

    test('what the client claims to be counts for nothing: HAProxy is trusted, it is not', async () => {
      const { haproxy } = await open();
      const liar = new User(certificate, haproxy, {
        source: CLIENT,
        headers: { 'x-forwarded-for': '10.9.9.9' },
      });
      expect((await liar.get(vip, '/echo')).seen['x-forwarded-for']).toBe(CLIENT);
    });

    test('routes and sticky keys by source go by the client', async () => {
      const { vips, client } = await open({
        pool: { persistence: { by: ['source'] } },
        routes: [{ name: 'known', when: { source: `${CLIENT}/32` }, to: 'web' }, { reject: {} }],
      });
      const homes = new Set<string>();
      for (let i = 0; i < 4; i++) homes.add((await client().get(vip)).node);
      expect(homes.size).toBe(1);
      expect((await client('127.0.0.3').get(vip)).status).toBe(403);
      expect(vips.gw.codes).toEqual(['GW_ERR_ROUTE_REJECTED']);
    });

    test.skipIf(!hasCurl).each(['--http1.0', '--http1.1', '--http2'])(
      'curl %s (skipped without curl)',
      async (version) => {
        const { haproxy } = await open({}, 'send-proxy-v2 proxy-v2-options crc32c,unique-id');
        const run = await curl([
          '--cacert',
          certificate.caFile,
          version,
          '--interface',
          CLIENT,
          haproxy.url(vip, '/echo'),
        ]);
        const { headers } = JSON.parse(run.body.toString()) as { headers: Record<string, string> };
        expect(headers['x-forwarded-for']).toBe(CLIENT);
      },
    );

    test('a WebSocket', async () => {
      const { vips, haproxy } = await open();
      const socket = new WebSocket(haproxy.url(vip, '/ws').replace('http', 'ws'), {
        ca: certificate.caPem,
        localAddress: CLIENT,
      });
      await using end = new End(socket);
      await once(socket, 'open');
      expect(await end.exchange('through two')).toBe('through two');
      socket.close(1000);
      await end.ended();
      const [record] = await vips.proxied(1);
      expect(record?.peer.address).toBe(CLIENT);
    });

    test('F61 another balancer than the trusted one is not let in', async () => {
      const { vips, client } = await open({ listener: { ...listener, trustedProxies: '127.0.0.9' } });
      await expect(client().get(vip)).rejects.toThrow();
      expect(await vips.gw.logged('GW_ERR_SENDER_PROXY')).toMatchObject({ source: '127.0.0.1' });
    });
  },
);
