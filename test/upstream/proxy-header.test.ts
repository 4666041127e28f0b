// PROXY protocol headers to nodes: their bytes, and HAProxy (accept-proxy) as a node that was not written here.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readProxyHeader } from '../../listeners/accept/proxy-protocol.ts';
import { proxyHeader } from '../../src/upstream/proxy-header.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

const ends = (client: string, to: string) => ({
  client: { address: client, port: 40_000 },
  to: { address: to, port: 104 },
});

describe('the bytes', () => {
  test.each([
    ['10.0.0.1', '10.0.0.2', 'PROXY TCP4 10.0.0.1 10.0.0.2 40000 104\r\n'],
    ['::ffff:10.0.0.1', '10.0.0.2', 'PROXY TCP4 10.0.0.1 10.0.0.2 40000 104\r\n'],
    ['fd00::1', 'fe80::2%eth0', 'PROXY TCP6 fd00::1 fe80::2 40000 104\r\n'],
  ])('v1, %s to %s', (client, to, line) => {
    expect(proxyHeader('v1', ends(client, to)).toString()).toBe(line);
  });

  test.each([
    ['10.0.0.1', '10.0.0.2', 28],
    ['fd00::1', 'fd00::2', 52],
    ['10.0.0.1', 'fd00::2', 52],
  ])('v2, %s to %s', (client, to, bytes) => {
    const header = proxyHeader('v2', ends(client, to));
    expect(header).toHaveLength(bytes);
    expect(readProxyHeader(header)).toEqual({
      kind: 'header',
      version: 2,
      bytes,
      source: { address: client, port: 40_000 },
    });
  });

  test('a connection of nobody', () => {
    expect(proxyHeader('v1', undefined).toString()).toBe('PROXY UNKNOWN\r\n');
    expect(proxyHeader('v2', undefined).toString('hex')).toBe('0d0a0d0a000d0a515549540a20000000');
    expect(proxyHeader('v2', ends('', '10.0.0.2'))).toEqual(proxyHeader('v2', undefined));
  });
});

const config = (
  url: string,
  version: string,
  node = '',
  health = '{ type: none }',
  protocol = 'tcp',
): string => `
listeners: { in: { protocol: ${protocol}, bind: "127.0.0.1:0" } }
pools: { p: { nodes: { a: { url: "${url}"${node} } }, proxyProtocol: ${version}, health: ${health} } }
routes: [{ to: p }]`;

test.each([
  ['v1', 'tcp', 'tcp', 'PROXY UNKNOWN\r\n'],
  ['v2', 'tcp', 'tcp', '\r\n\r\n\0\r\nQUIT\n \0\0\0'],
  ['v1', 'mllp', 'tcp', 'PROXY UNKNOWN\r\n'],
  ['v1', 'http', 'http', 'PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n'],
])(
  'checks of the same port say that they are of nobody: %s over %s',
  async (version, protocol, type, header) => {
    let seen = '';
    const server = net.createServer((socket) => {
      socket
        .on('error', () => {})
        .on('data', (chunk) => {
          seen += chunk.toString('latin1');
        });
      socket.on('end', () => socket.end());
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    {
      await using _ = await startGateway(
        config(`${protocol}://127.0.0.1:${port}`, version, '', `{ type: ${type}, interval: 50ms }`, protocol),
      );
      await until(() => seen.length >= header.length);
    }
    server.close();
    expect(seen.startsWith(header)).toBe(true);
  },
);

function takesConnections(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(7104, host);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;

describe.runIf(hasHaproxy && process.platform === 'linux')('HAProxy with accept-proxy', () => {
  test.each([
    ['tcp', 'v1'],
    ['tcp', 'v2'],
    ['tls', 'v1'],
    ['tls', 'v2'],
    ['http', 'v1'],
    ['https', 'v2'],
  ])('%s, %s: it sees the sender', async (scheme, version) => {
    const isSecure = scheme === 'tls' || scheme === 'https';
    using folder = createTlsFolder();
    const { cert, key } = folder.files.good;
    const place = mkdtempSync(join(tmpdir(), 'haproxy-node-'));
    onTestFinished(() => rmSync(place, { recursive: true }));
    const pem = join(place, 'node.pem');
    writeFileSync(pem, `${readFileSync(cert, 'utf8')}${readFileSync(key, 'utf8')}`);
    // Nobody else's: all of 127.0.0.0/8 is this machine.
    const host = `127.${randomInt(1, 250)}.${randomInt(1, 250)}.${randomInt(2, 250)}`;
    const file = join(place, 'haproxy.cfg');
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 100
defaults
  mode http
  timeout connect 2s
  timeout client 1m
  timeout server 1m
frontend node
  bind ${host}:7104 accept-proxy ${isSecure ? `ssl crt ${pem}` : ''}
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst_port]"
`,
    );
    const child: ChildProcess = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
    await until(() => takesConnections(host), { what: 'HAProxy' });
    const tls = isSecure ? `, tls: { ca: ${folder.caFile}, servername: localhost }` : '';
    await using gateway = await startGateway(
      config(
        `${scheme}://${host}:7104`,
        version,
        tls,
        '{ type: none }',
        scheme.startsWith('http') ? 'http' : 'tcp',
      ),
    );
    const socket = net.connect({ port: gateway.port(), host: '127.0.0.1', localAddress: '127.0.0.77' });
    socket.on('error', () => {});
    await once(socket, 'connect');
    const { localPort } = socket;
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.write('GET / HTTP/1.1\r\nHost: vip.test\r\nConnection: close\r\n\r\n');
    await until(() => socket.closed);
    expect(answer).toContain('200 OK');
    // A connection to an HTTP node is kept for the client's next requests, and is to that node.
    const ports = scheme.startsWith('http') ? ' 7104' : `${localPort} ${gateway.port()}`;
    expect(answer).toContain(`127.0.0.77 ${ports}`);
  });
});

describe('an MLLP node', () => {
  test.each(['v1', 'v2'])('%s: each of its connections is of one sender, and says whose', async (version) => {
    await using node = await startFaultyNode(answers.aa());
    // One that reads such headers is the node.
    await using behind = await startGateway({
      nodes: [`mllp://127.0.0.1:${node.port}`],
      listener: { proxyProtocol: true, trustedProxies: ['127.0.0.1'] },
      pool: { health: { type: 'none' } },
    });
    await using gateway = await startGateway({
      nodes: [`mllp://127.0.0.1:${behind.port()}`],
      pool: { proxyProtocol: version, connections: { max: 2 } },
    });
    const clients = ['127.0.4.1', '127.0.4.2', '127.0.4.1', '127.0.4.3', '127.0.4.2'];
    for (const localAddress of clients) {
      await using sender = await connectSender(gateway.port(), { localAddress });
      expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
    }
    const lines = behind.log.filter(({ msg }) => msg === 'message');
    expect(lines.map(({ source }) => source)).toEqual(clients);
  });
});
