// A gateway for a test: from YAML as a user writes it, on port 0, with its log kept and every message's exchange.
import { parseConfig } from '../../src/config/load.ts';
import { Gateway, type GatewayOptions } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import type { ProxiedRequest } from '../../src/relay/http-scheduler.ts';
import type { Message } from '../../src/relay/message.ts';
import { until } from './until.ts';

export class TestGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  /** What it logged, parsed, in order; from debug up. */
  readonly log: readonly Record<string, unknown>[];
  /** Those that are over, in the order in which they ended. */
  readonly messages: readonly Message[];
  /** The same for proxied requests. */
  readonly proxied: readonly ProxiedRequest[];
  /** Codes of all faults, also of those whose log lines are left out as too many alike. */
  readonly faults: readonly string[];

  constructor(
    gateway: Gateway,
    log: readonly Record<string, unknown>[],
    messages: readonly Message[],
    proxied: readonly ProxiedRequest[],
    faults: readonly string[],
  ) {
    this.gateway = gateway;
    this.log = log;
    this.messages = messages;
    this.proxied = proxied;
    this.faults = faults;
  }

  /** Of the listener with that name, or of the first. */
  port(listener?: string): number {
    const found = this.gateway.listeners.find(({ name }) => listener === undefined || name === listener);
    if (found === undefined) throw new Error(`no listener ${listener}`);
    return found.port;
  }

  /** Codes of everything that was logged with one: refused messages, framing faults, broken connections. */
  get codes(): string[] {
    return this.log.map(({ code }) => code).filter((code) => typeof code === 'string');
  }

  /** Resolves when something was logged with this code. */
  async logged(code: string): Promise<Record<string, unknown>> {
    await until(() => this.codes.includes(code));
    return this.log.find((line) => line.code === code) as Record<string, unknown>;
  }

  /** Messages and bytes that are held: both zero once every message is over. */
  get held(): { queued: number; inFlight: number; bytes: number } {
    let queued = 0;
    let inFlight = 0;
    for (const queue of this.gateway.queues.values()) {
      queued += queue.queued;
      for (const node of queue.pool.nodes) inFlight += node.inFlight;
    }
    return { queued, inFlight, bytes: this.gateway.heldBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.stop();
  }
}

/** `TEST_OFFLOAD=always npm test`: every test of a gateway, with each header read in the parse pool. */
const OFFLOAD = process.env.TEST_OFFLOAD === 'always' ? 'always' : undefined;

/**
 * Starts a gateway on a config in YAML. `{ listener, pool, nodes }` instead puts flow maps into the usual one:
 * one listener `in`, one pool `pool` with nodes `a`, `b`, … at those URLs, one route `all`.
 */
export async function startGateway(
  config: string | SimpleConfig,
  options: GatewayOptions = {},
): Promise<TestGateway> {
  const text = typeof config === 'string' ? config : simpleConfig(config);
  const { config: loaded } = parseConfig(text, { env: {} });
  const parsing = { ...loaded.parsing, offload: OFFLOAD ?? loaded.parsing.offload };
  const lines: Record<string, unknown>[] = [];
  const messages: Message[] = [];
  const log = createLog(
    { level: 'debug', format: 'json' },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const proxied: ProxiedRequest[] = [];
  const faults: string[] = [];
  const gateway = new Gateway({ ...loaded, parsing }, log, {
    ...options,
    observers: [
      {
        onMessage: (message) => void messages.push(message),
        onRequest: (request) => void proxied.push(request),
        onFault: ({ error }) => void faults.push(error.code),
      },
      ...(options.observers ?? []),
    ],
  });
  await gateway.start();
  return new TestGateway(gateway, lines, messages, proxied, faults);
}

export interface SimpleConfig {
  /** URLs, or flow maps such as `{ url: "mllp://…", backup: true }`. */
  readonly nodes: readonly (string | { readonly url: string; readonly backup?: boolean })[];
  /** More keys of the listener, as a YAML flow map: `{ onUnavailable: AE }`. */
  readonly listener?: Record<string, unknown>;
  /** More keys of the pool. */
  readonly pool?: Record<string, unknown>;
  /** Instead of the one route for all. */
  readonly routes?: readonly Record<string, unknown>[];
  readonly parsing?: Record<string, unknown>;
}

/** JSON is YAML. Checks of the nodes' health are far apart, so that they are not seen where a test counts connections. */
export function simpleConfig({ nodes, listener, pool, routes, parsing }: SimpleConfig): string {
  const named = nodes.map((node, i) => [
    String.fromCharCode(97 + i),
    typeof node === 'string' ? { url: node } : node,
  ]);
  return JSON.stringify({
    listeners: { in: { protocol: 'mllp', bind: '127.0.0.1:0', ...listener } },
    pools: {
      pool: { nodes: Object.fromEntries(named), health: { interval: '1h', fastInterval: '1h' }, ...pool },
    },
    routes: routes ?? [{ name: 'all', to: 'pool' }],
    shutdown: { timeout: '3s' },
    parsing: parsing ?? {},
    telemetry: { log: { level: 'debug' } },
  });
}
