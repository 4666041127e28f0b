// What the gateway has of the machine beside its memory: time, chance, the network and threads. Everything that carries messages
// asks here and nowhere else (test/platform.test.ts), so that all of it runs in a simulated world as well (test/simulation/).
import type { NetConnectOpts, Server, ServerOpts, Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/**
 * Not in it: `process.nextTick` and promises. They run before anything further happens, in any world.
 *
 * Its functions may not rely on `this`.
 */
export interface Platform {
  /** Milliseconds since a moment of its own; never goes back. */
  monotonicMs(): number;
  /** Milliseconds since 1970; somebody may set the clock. */
  wallMs(): number;
  setTimeout<A extends unknown[]>(callback: (...args: A) => void, ms: number, ...args: A): NodeJS.Timeout;
  setInterval(callback: () => void, ms: number): NodeJS.Timeout;
  setImmediate<A extends unknown[]>(callback: (...args: A) => void, ...args: A): NodeJS.Immediate;
  clearImmediate(immediate: NodeJS.Immediate | undefined): void;
  clearTimeout(timer: NodeJS.Timeout | undefined): void;
  clearInterval(timer: NodeJS.Timeout | undefined): void;
  /** At least 0, less than 1. */
  random(): number;
  /** Fills `bytes`, not to be guessed by anybody. */
  randomFill(bytes: Uint8Array): void;
  randomUUID(): string;
  /** Looks a name up. What goes wrong is told by the socket's `error`. */
  connect(options: NetConnectOpts & ClientSource): Socket;
  connectTls(options: ConnectionOptions & ClientSource): Socket;
  createServer(options: ServerOpts, onConnection: (socket: Socket) => void): Server;
  /** A server for TLS or HTTP cannot listen by itself: it gets its connections from one that `createServer` made. */
  readonly hasOnlyPlainServers: boolean;
  readonly names: Names;
  /** Undefined: piscina makes them. */
  readonly createThreads: ((options: ThreadOptions) => Threads) | undefined;
  /** Undefined: opentelemetry-js has the way to the collector. */
  readonly openSpanLine: (() => SpanLine) | undefined;
}

/** Names that are looked up for the time that the answers are good for. Servers: none are the machine's own. */
export interface Names {
  /** A and AAAA. `unknown`: the family whose look-up failed where the other's did not. */
  addresses(
    name: string,
    servers: readonly string[],
  ): Promise<{
    readonly found: readonly { readonly address: string; readonly ttl: number }[];
    readonly unknown: 4 | 6 | undefined;
  }>;
  /** SRV. */
  services(
    name: string,
    servers: readonly string[],
  ): Promise<
    readonly {
      readonly name: string;
      readonly port: number;
      readonly priority: number;
      readonly weight: number;
    }[]
  >;
}

/** Where batches of spans go, as the messages of OTLP that they are. `done` is called once for each. */
export interface SpanLine {
  send(
    batch: { readonly spans: number; readonly bytes: Uint8Array },
    done: (sent: {
      readonly error: Error | undefined;
      readonly isTaken: boolean;
      readonly rejected: number;
    }) => void,
  ): void;
  shutdown(): Promise<void>;
}

/** Where a connection comes from, if not from an address of this machine. */
export interface ClientSource {
  /** See `connectFromClient`. */
  readonly from?: string | undefined;
}

/** A part of piscina's. */
export interface ThreadOptions {
  /** A URL. */
  readonly filename: string;
  readonly minThreads: number;
  readonly maxThreads: number;
  readonly idleTimeout: number;
  readonly resourceLimits: { readonly maxOldGenerationSizeMb: number };
  readonly recordTiming: boolean;
}

/** A part of piscina's. */
export interface Threads {
  run(task: unknown, options: ThreadRunOptions): Promise<unknown>;
  /** A thread has ended while it had no task. */
  on(event: 'error', listener: (thrown: unknown) => void): unknown;
  destroy(): Promise<void>;
}

export interface ThreadRunOptions {
  readonly signal: AbortSignal;
  readonly transferList?: object;
}
