// The HTTP proxies under test: the gateway, HAProxy in HTTP mode, nginx, and two of Node.js's world.
// Promises: one thread or process each, keep-alive on both sides, X-Forwarded-For added by all of them.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { StartOptions } from './part.ts';
import {
  freePort,
  type NodePorts,
  nodesConfig,
  type ProxyProcess,
  spawnGateway,
  started,
} from './proxies.ts';

export async function startHttpGateway(
  nodes: NodePorts,
  folder: string,
  options: StartOptions = {},
): Promise<ProxyProcess> {
  const port = await freePort();
  const config = {
    listeners: { web: { protocol: 'http', bind: `127.0.0.1:${port}` } },
    pools: { p: { nodes: nodesConfig('http', nodes) } },
    routes: [
      { name: 'admissions', when: { 'MSH-9.1': 'ADT' }, to: 'p' },
      { name: 'rest', when: { listener: 'web' }, to: 'p' },
    ],
    telemetry: { log: { level: 'warn', messages: false } },
  };
  return spawnGateway('gateway', folder, port, config, options);
}

const PEER = fileURLToPath(new URL('./processes/http-peer.ts', import.meta.url));

/** Without proxying of their own: `node:http + undici`. */
export const HTTP_PEERS = ['node:http + undici', '@fastify/http-proxy', 'http-proxy-3'] as const;

export async function startHttpPeer(
  kind: (typeof HTTP_PEERS)[number],
  nodes: NodePorts,
): Promise<ProxyProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, [PEER, kind, String(port), ...nodes.map(String)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return started(kind, child, port);
}
