// A gateway with two VIPs in front of HTTP nodes, one in clear text and one over TLS, in this process or in its own; and
// two simulated nodes. Promises: both VIPs have the same pool and routes, and a client trusts them by `caFile` alone.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../certs/authority.ts';
import type { ProxiedRequest } from '../../src/relay/http-scheduler.ts';
import { MIRTH_HTTP_DEFAULTS } from '../../src/tools/simulation/mirth-defaults.ts';
import { SimulatedHttpNode } from '../../src/tools/simulation/simulated-http-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/until.ts';
import { Child, type GatewayChild, startGatewayProcess } from './child.ts';

/** Also the listener's name. */
export type Vip = 'http' | 'https';
export const VIPS: readonly Vip[] = ['http', 'https'];

/** What a test waits for anything: a machine that others use as well is slow. */
export const PATIENCE_MS = 30_000;
/** For a test that waits for several things in a row. */
export const LONG = { timeout: 120_000 } as const;

export interface VipCertificate extends Disposable {
  readonly caFile: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly files: { readonly cert: string; readonly key: string };
}

/** Of `localhost` and 127.0.0.1. */
export function vipCertificate(): VipCertificate {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  const write = (name: string, text: string): string => {
    const file = join(path, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const authority = createAuthority({ commonName: 'trusted by the test', days: 2, key: 'ec-p256' });
  const { certPem, keyPem } = authority.issue({
    commonName: 'vip',
    dns: ['localhost'],
    ip: ['127.0.0.1'],
    usage: 'server',
    key: 'ec-p256',
  });
  return {
    caFile: write('ca.crt.pem', authority.certPem),
    caPem: authority.certPem,
    certPem,
    files: { cert: write('vip.crt.pem', certPem), key: write('vip.key.pem', keyPem) },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

export interface VipOptions {
  /** URLs, or maps with more keys; they are called `a`, `b` and so on. */
  readonly nodes: readonly (string | { readonly url: string })[];
  /** More keys of both listeners. */
  readonly listener?: Record<string, unknown>;
  /** More keys of the pool. By default each node gets its turn, so that what binds a client to one shows. */
  readonly pool?: Record<string, unknown>;
  readonly routes?: readonly Record<string, unknown>[];
  readonly shutdown?: string;
}

function vipConfig(certificate: VipCertificate, options: VipOptions): Record<string, unknown> {
  const { nodes, listener, pool, routes = [{ to: 'web' }], shutdown = '3s' } = options;
  const bound = { protocol: 'http', bind: '127.0.0.1:0', ...listener };
  const named = nodes.map((node, i) => [
    String.fromCharCode(97 + i),
    typeof node === 'string' ? { url: node } : node,
  ]);
  return {
    listeners: { http: bound, https: { ...bound, tls: { ...certificate.files } } },
    pools: { web: { nodes: Object.fromEntries(named), balance: 'round-robin', ...pool } },
    routes,
    shutdown: { timeout: shutdown },
  };
}

export interface Vips extends AsyncDisposable {
  readonly gw: TestGateway;
  /** The proxied requests, once this many are over: that may be after their clients have got the last byte. */
  proxied(count: number): Promise<readonly ProxiedRequest[]>;
  port(vip: Vip): number;
  /** `path` begins with a slash. */
  url(vip: Vip, path?: string): string;
}

/** In this process: what went through is in `gw`. */
export async function openVips(certificate: VipCertificate, options: VipOptions): Promise<Vips> {
  const gw = await startGateway(JSON.stringify(vipConfig(certificate, options)));
  const port = (vip: Vip): number => gw.port(vip);
  return {
    gw,
    port,
    url: urlAt(port),
    async proxied(count) {
      const what = `${count} requests over`;
      await until(() => gw.proxied.length >= count, { deadlineMs: PATIENCE_MS, what });
      return gw.proxied;
    },
    [Symbol.asyncDispose]: () => gw[Symbol.asyncDispose](),
  };
}

export interface VipProcess extends AsyncDisposable {
  readonly child: GatewayChild;
  port(vip: Vip): number;
  url(vip: Vip, path?: string): string;
}

/** As a user starts it. */
export async function startVips(
  certificate: VipCertificate,
  options: VipOptions,
  main?: string,
): Promise<VipProcess> {
  const child = await startGatewayProcess(vipConfig(certificate, options), [], main);
  const ports = new Map<unknown, number>();
  for (const vip of VIPS) {
    const line = await child.line(
      ({ msg, listener }) => msg === 'listening' && listener === vip,
      `${vip}'s port`,
    );
    ports.set(vip, Number(String(line.address).split(':').at(-1)));
  }
  const port = (vip: Vip): number => ports.get(vip) ?? 0;
  return { child, port, url: urlAt(port), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

function urlAt(port: (vip: Vip) => number): (vip: Vip, path?: string) => string {
  return (vip, path = '/') => `${vip}://127.0.0.1:${port(vip)}${path}`;
}

export interface SimulatedNodes extends AsyncDisposable {
  readonly nodes: readonly [SimulatedHttpNode, SimulatedHttpNode];
  readonly urls: readonly [string, string];
}

/** Named `a` and `b`, as they are in the pool. */
export async function startSimulatedNodes(): Promise<SimulatedNodes> {
  const nodes = [simulated('a'), simulated('b')] as const;
  for (const node of nodes) await node.start();
  const [a, b] = nodes;
  return {
    nodes,
    urls: [`http://127.0.0.1:${a.port}`, `http://127.0.0.1:${b.port}`],
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes) await node.stop();
    },
  };
}

function simulated(name: string): SimulatedHttpNode {
  return new SimulatedHttpNode({ ...MIRTH_HTTP_DEFAULTS, name });
}

export interface NodeProcess extends Child {
  readonly url: string;
}

/** A simulated node in a process of its own, which can be killed; `port` 0: any. */
export async function startNodeProcess(name: string, port = 0): Promise<NodeProcess> {
  const child = new Child(['node', '--listen', `http://127.0.0.1:${port}`, '--json', '--name', name]);
  const { listening } = await child.line((line) => line.listening !== undefined, 'its address');
  return Object.assign(child, { url: String(listening) });
}
