// The HTTP proxies under test: the gateway, HAProxy in HTTP mode, nginx, and two of Node.js's world.
// Promises: one thread or process each, keep-alive on both sides, X-Forwarded-For added by all of them.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, hasHaproxy, MAIN, type NodePorts, type ProxyProcess, started } from './proxies.ts';

export const hasNginx = spawnSync('nginx', ['-v']).status === 0;

export async function startHttpGateway(
  nodes: NodePorts,
  folder: string,
  nodeOptions: readonly string[] = [],
): Promise<ProxyProcess> {
  const port = await freePort();
  const config = {
    listeners: { web: { protocol: 'http', bind: `127.0.0.1:${port}` } },
    pools: {
      p: {
        nodes: { a: { url: `http://127.0.0.1:${nodes[0]}` }, b: { url: `http://127.0.0.1:${nodes[1]}` } },
      },
    },
    routes: [
      { name: 'admissions', when: { 'MSH-9.1': 'ADT' }, to: 'p' },
      { name: 'rest', when: { listener: 'web' }, to: 'p' },
    ],
    telemetry: { log: { level: 'warn', messages: false } },
  };
  const file = join(folder, `gateway-http-${port}.yaml`);
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(process.execPath, ['--expose-gc', ...nodeOptions, MAIN, 'run', '-c', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return started('gateway', child, port);
}

async function startHaproxyHttp(nodes: NodePorts, folder: string): Promise<ProxyProcess> {
  const port = await freePort();
  const file = join(folder, `haproxy-http-${port}.cfg`);
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-keep-alive
  option forwardfor
  timeout connect 2s
  timeout client 1m
  timeout server 1m
  http-reuse safe
frontend in
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance leastconn
  server a 127.0.0.1:${nodes[0]}
  server b 127.0.0.1:${nodes[1]}
`,
  );
  const child = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  return started('HAProxy, HTTP mode', child, port);
}

async function startNginx(nodes: NodePorts, folder: string): Promise<ProxyProcess> {
  const port = await freePort();
  const home = join(folder, `nginx-${port}`);
  mkdirSync(home);
  const file = join(home, 'nginx.conf');
  // Without a master, so that the child is the process that works.
  writeFileSync(
    file,
    `daemon off;
master_process off;
pid ${home}/pid;
error_log ${home}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${home}/body;
  proxy_temp_path ${home}/proxy;
  fastcgi_temp_path ${home}/f;
  uwsgi_temp_path ${home}/u;
  scgi_temp_path ${home}/s;
  upstream nodes { least_conn; server 127.0.0.1:${nodes[0]}; server 127.0.0.1:${nodes[1]}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000000;
    location / {
      proxy_pass http://nodes;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`,
  );
  const child = spawn('nginx', ['-c', file, '-p', home], { stdio: ['ignore', 'ignore', 'inherit'] });
  return started('nginx', child, port);
}

const PEER = fileURLToPath(new URL('./processes/http-peer.ts', import.meta.url));

async function startPeer(
  kind: 'http-proxy-3' | '@fastify/http-proxy' | 'node:http + undici',
  nodes: NodePorts,
): Promise<ProxyProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, [PEER, kind, String(port), ...nodes.map(String)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return started(kind, child, port);
}

/** Those that are installed; HAProxy first, as the others are compared with it. */
export async function startHttpProxies(nodes: NodePorts, folder: string): Promise<ProxyProcess[]> {
  const proxies: ProxyProcess[] = [];
  if (hasHaproxy) proxies.push(await startHaproxyHttp(nodes, folder));
  if (hasNginx) proxies.push(await startNginx(nodes, folder));
  proxies.push(await startHttpGateway(nodes, folder));
  proxies.push(await startPeer('node:http + undici', nodes));
  proxies.push(await startPeer('@fastify/http-proxy', nodes));
  proxies.push(await startPeer('http-proxy-3', nodes));
  return proxies;
}
