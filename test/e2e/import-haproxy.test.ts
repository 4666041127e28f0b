// HAProxy itself, and the gateway on what `import` makes of the same file: each request goes to the same server, by the same path, with the
// same headers, or is refused by both.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { importConfig } from '../../src/tools/import/import-config.ts';
import { startGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/until.ts';

const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;

const SERVERS = ['web', 'api', 'lab', 'old'] as const;

const cfg = (bind: string, ports: Readonly<Record<string, number>>): string => `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend front
  bind ${bind}
  acl is_api path_beg /api/
  acl is_lab hdr(host) -i lab.example
  acl is_lab hdr_end(host) -i .lab.example
  acl reads method GET HEAD
  acl known req.hdr(x-key) -m found
  acl known hdr(x-other) -i one two
  http-request deny if { path_end .php } or { path -m reg ^/[0-9]+$ }
  http-request deny if is_api !reads !known
  http-request set-header X-Edge "yes, 100%%"
  http-request del-header X-Drop
  use_backend lab if is_lab !{ path_dir admin }
  use_backend api if is_api reads or { path /ping }
  use_backend old if { path_beg -i /old/ } { path_sub a }
  default_backend web
backend web
  server s 127.0.0.1:${ports.web}
backend api
  http-request deny if { path_sub secret }
  http-request add-header X-Api 1
  server s 127.0.0.1:${ports.api}
backend lab
  http-response set-header X-Lab in
  server s 127.0.0.1:${ports.lab}
backend old
  http-request replace-path /[oO]ld/(.*) /new/\\1
  server s 127.0.0.1:${ports.old}
`;

const PATHS = [
  '/',
  '/api/x',
  '/api',
  '/Api/x',
  '/api/secret',
  '/ping',
  '/ping/',
  '/old/a',
  '/OLD/b/a',
  '/old/b',
  '/x.php',
  '/12',
  '/12a',
  '/a/admin/b',
  '/admin',
];
const HOSTS = ['lab.example', 'LAB.example', 'a.lab.example', 'other.example'];
const HEADERS: readonly Record<string, string>[] = [
  {},
  { 'x-key': 'k', 'x-drop': 'd' },
  { 'x-other': 'TWO' },
  { 'x-other': 'three' },
];

/** Tells in its headers who it is and what it got. */
async function startServer(name: string): Promise<number> {
  const server = http.createServer(({ url, headers }, response) => {
    const told = ['x-edge', 'x-api', 'x-drop'].map((header) => `${headers[header] ?? ''}`).join('|');
    response.writeHead(200, { 'x-server': name, 'x-path': url ?? '', 'x-told': told }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

type Target = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** What became of a request, in a line. */
function ask(target: Target, method: string, path: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.request({ ...target, method, path, headers, agent: false }, (response) => {
      const { 'x-server': server, 'x-path': got, 'x-told': told, 'x-lab': lab } = response.headers;
      response.resume();
      response.on('end', () => resolve([response.statusCode, server, got, told, lab].join(' ')));
    });
    request.on('error', reject).end();
  });
}

test.skipIf(!hasHaproxy)(
  `720 requests come out as with HAProxy${hasHaproxy ? '' : ' (skipped: no haproxy)'}`,
  async () => {
    const ports = Object.fromEntries(
      await Promise.all(SERVERS.map(async (name) => [name, await startServer(name)] as const)),
    );
    const folder = mkdtempSync(join(tmpdir(), 'import-haproxy-'));
    const socketPath = join(folder, 'front.sock');
    writeFileSync(join(folder, 'haproxy.cfg'), cfg(`unix@${socketPath}`, ports));
    const haproxy = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' });
    onTestFinished(async () => {
      const ended = once(haproxy, 'exit');
      haproxy.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    });
    const answers = async (): Promise<boolean> =>
      (await ask({ socketPath }, 'GET', '/', {}).catch(() => '')) !== '';
    await until(answers);

    const imported = importConfig(cfg('127.0.0.1:0', ports), 'haproxy', 'haproxy.cfg', {
      mllp: [],
      tcp: false,
    });
    expect([imported.leftOvers, imported.problems]).toEqual([[], []]);
    await using gateway = await startGateway(imported.yaml ?? '');
    const ours = { host: '127.0.0.1', port: gateway.port() };

    const seen = new Set<string>();
    for (const path of PATHS)
      for (const host of HOSTS)
        for (const method of ['GET', 'POST', 'HEAD'])
          for (const more of HEADERS) {
            const headers = { host, ...more };
            const [theirs, own] = await Promise.all([
              ask({ socketPath }, method, path, headers),
              ask(ours, method, path, headers),
            ]);
            expect(own, `${method} ${path} ${JSON.stringify(headers)}`).toBe(theirs);
            seen.add(theirs.split(' ').slice(0, 2).join(' '));
          }
    // Each of the servers, and refusals, are among them.
    expect([...seen].toSorted()).toEqual(['200 api', '200 lab', '200 old', '200 web', '403 ']);
  },
);
