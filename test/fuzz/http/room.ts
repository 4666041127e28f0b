// What the HTTP fuzzers have in common: the gateway's config, its ports, and a node. Promises: nothing of the product is in it.
import { DEADLINE, HANG_MS, LONG, type Surroundings } from '../target.ts';
import { connectLine, type Line } from '../wire/line.ts';
import { HttpNode, type HttpNodeOptions } from './node.ts';

export const DOORS = ['http', 'https'] as const;
export type Door = (typeof DOORS)[number];

export class HttpRoom implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #around: Surroundings;
  #ports: Readonly<Record<string, number>> = {};

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** `probe`: an honest node of its own for what comes to /probe. */
  async start(node: HttpNodeOptions, probe: HttpNodeOptions, pool: object = {}): Promise<void> {
    const { tls } = this.#around;
    const [fuzzed, honest] = [
      this.#stack.use(await HttpNode.start(node)),
      this.#stack.use(await HttpNode.start(probe)),
    ];
    const http = { headersTimeout: DEADLINE, bodyTimeout: DEADLINE, keepAlive: DEADLINE };
    const limits = { frameTimeout: DEADLINE, writeTimeout: DEADLINE };
    const pools = (url: string, more: object): object => ({
      nodes: { a: { url } },
      connections: { max: 256, idle: '1s' },
      timeouts: { connect: LONG, ack: LONG },
      queue: { timeout: LONG },
      health: { type: 'none', fall: 1_000 },
      ...more,
    });
    const gateway = await this.#around.start({
      listeners: {
        http: { protocol: 'http', bind: '127.0.0.1:0', http, limits },
        https: { protocol: 'http', bind: '127.0.0.1:0', http, limits, tls: { cert: tls.cert, key: tls.key } },
      },
      pools: { fuzzed: pools(fuzzed.url, pool), probe: pools(honest.url, {}) },
      routes: [{ when: { path: '/probe' }, to: 'probe' }, { to: 'fuzzed' }],
      shutdown: { timeout: '5s' },
    } as { listeners: object });
    this.#ports = Object.fromEntries(DOORS.map((name) => [name, gateway.port(name)]));
  }

  connect(door: Door, protocols: readonly string[] = ['http/1.1']): Promise<Line | undefined> {
    const port = this.#ports[door] ?? 0;
    return connectLine({
      port,
      tls: door === 'https' ? { ca: this.#around.tls.ca, protocols } : undefined,
    });
  }

  port(door: Door): number {
    return this.#ports[door] ?? 0;
  }

  async probe(number: number): Promise<string | undefined> {
    const line = await this.connect(number % 2 === 0 ? 'http' : 'https');
    if (line === undefined) return 'no connection for a probe';
    line.write(Buffer.from('GET /probe HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    await line.until(() => line.received.includes('honest') || line.gone, HANG_MS);
    const text = line.received.toString('latin1');
    line.destroy();
    return text.startsWith('HTTP/1.1 200 ')
      ? undefined
      : `a probe was answered ${JSON.stringify(text.slice(0, 200))}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
