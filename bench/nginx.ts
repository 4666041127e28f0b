// nginx with one process, before HTTP nodes and, by its stream module, before MLLP nodes. Promises: without a master, so that
// the child is the process that works; all its files in a folder of its own.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type NodePorts, type ProxyProcess, started } from './proxies.ts';
import { NGINX_TLS_OPTIONS, type TlsFiles } from './tls-files.ts';

const { status, stderr } = spawnSync('nginx', ['-V'], { encoding: 'utf8' });
export const hasNginx = status === 0;
const built = stderr ?? '';
const STREAM_MODULE = join(/--modules-path=(\S+)/.exec(built)?.[1] ?? '', 'ngx_stream_module.so');
const isStreamBuiltIn = / --with-stream( |$)/.test(built);
/** Debian has it in libnginx-mod-stream. */
export const hasNginxStream = hasNginx && (isStreamBuiltIn || existsSync(STREAM_MODULE));

export function nginxVersion(): string {
  return /nginx\/(\d+\.\d+)/.exec(built)?.[1] ?? '';
}

const serversOf = (nodes: NodePorts): string => nodes.map((port) => `server 127.0.0.1:${port};`).join(' ');

async function startNginx(
  name: string,
  folder: string,
  configOf: (port: number, home: string) => string,
  before = '',
): Promise<ProxyProcess> {
  const port = await freePort();
  const home = join(folder, `nginx-${port}`);
  mkdirSync(home);
  const file = join(home, 'nginx.conf');
  writeFileSync(
    file,
    `${before}
daemon off;
master_process off;
pid ${home}/pid;
error_log ${home}/error.log;
events { worker_connections 16384; }
${configOf(port, home)}
`,
  );
  const child = spawn('nginx', ['-c', file, '-p', home], { stdio: ['ignore', 'ignore', 'inherit'] });
  return started(name, child, port);
}

export function startNginxHttp(nodes: NodePorts, folder: string): Promise<ProxyProcess> {
  return startNginx(
    'nginx',
    folder,
    (port, home) => `http {
  access_log off;
  client_body_temp_path ${home}/body;
  proxy_temp_path ${home}/proxy;
  fastcgi_temp_path ${home}/f;
  uwsgi_temp_path ${home}/u;
  scgi_temp_path ${home}/s;
  upstream nodes { least_conn; ${serversOf(nodes)} keepalive 64; }
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
}`,
  );
}

/** A connection to a node for each sender's, as HAProxy in TCP mode. */
export function startNginxStream(nodes: NodePorts, folder: string, files?: TlsFiles): Promise<ProxyProcess> {
  const tls = files === undefined ? '' : `ssl_certificate ${files.cert}; ssl_certificate_key ${files.key};`;
  return startNginx(
    'nginx stream',
    folder,
    (port) => `stream {
  upstream nodes { least_conn; ${serversOf(nodes)} }
  server {
    listen 127.0.0.1:${port}${files === undefined ? '' : ' ssl'} backlog=4096;
    ${tls === '' ? '' : `${tls} ${NGINX_TLS_OPTIONS}`}
    proxy_pass nodes;
    proxy_timeout 1m;
    proxy_half_close on;
  }
}`,
    isStreamBuiltIn ? '' : `load_module ${STREAM_MODULE};`,
  );
}
