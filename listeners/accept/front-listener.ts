// A listener's port, where other processes carry its messages (src/workers/): accepts connections and gives them away before a byte
// is read. Promises that `limits.maxConnections` and `limits.maxConnectionsPerSource` hold for all those processes together.
import type net from 'node:net';
import type { Peer } from '../../routing/message-view.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import { causeCode, GatewayError } from '../../src/errors.ts';
import { listenError } from '../../src/listen-error.ts';
import type { Observers } from '../../src/observe/observer.ts';
import { TraceContext } from '../../src/observe/traces/trace-context.ts';
import { platform } from '../../src/platform/current.ts';
import type { Admission } from '../../src/relay/route-resolver.ts';
import { MAX_SURPLUS } from '../http/connections.ts';
import { admissionOf, type ConnectedSender, type Listener, type StrayCounts } from '../listener.ts';
import { LISTEN_BACKLOG } from './connection-acceptor.ts';
import { reportedBy } from './proxy-protocol-acceptor.ts';
import { SourceConnections } from './source-connections.ts';

/** Gives connections to processes. */
export interface ConnectionDistributor {
  /** `onEnd` is called once, when the connection has ended or its process has. False: nobody takes it. */
  give(listener: string, socket: net.Socket, onEnd: () => void): boolean;
}

interface HeldConnection {
  readonly socket: net.Socket;
  /** Gives its place among those of its source back. */
  readonly release: () => void;
}

export class FrontListener implements Listener {
  readonly name: string;
  readonly strays: StrayCounts = { skippedBytes: 0, emptyFrames: 0 };
  #config: ListenerConfig;
  readonly #observers: Observers;
  readonly #distributor: ConnectionDistributor;
  readonly #server: net.Server;
  readonly #bySource: SourceConnections | undefined;
  /** Accepted before the processes go by the config that has this listener. */
  #held: HeldConnection[] | undefined = [];
  #count = 0;
  #port: number;
  #drained: (() => void) | undefined;

  constructor(config: ListenerConfig, observers: Observers, distributor: ConnectionDistributor) {
    this.name = config.name;
    this.#config = config;
    this.#port = config.bind.port;
    this.#observers = observers;
    this.#distributor = distributor;
    const { maxConnectionsPerSource } = config.limits;
    this.#bySource =
      maxConnectionsPerSource === undefined ? undefined : new SourceConnections(maxConnectionsPerSource);
    this.#server = platform.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
      this.#onConnection(socket),
    );
  }

  get config(): ListenerConfig {
    return this.#config;
  }

  get admission(): Admission {
    return admissionOf(this.#config);
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    const { host } = this.#config.bind;
    return `${host.includes(':') ? `[${host}]` : host}:${this.#port}`;
  }

  /** Of all processes. */
  get connections(): number {
    return this.#count;
  }

  /** The processes know them. */
  senders(): readonly ConnectedSender[] {
    return [];
  }

  async start(): Promise<void> {
    const server = this.#server;
    const { name, bind, reusePort } = this.#config;
    const { host, port } = bind;
    await new Promise<void>((resolve, reject) => {
      const refuse = (cause: Error): void => reject(listenError(`listener ${name} on`, host, port, cause));
      server.once('error', refuse);
      server.listen({ host, port, backlog: LISTEN_BACKLOG, reusePort }, () => {
        server.off('error', refuse);
        server.on('error', (cause) =>
          this.#fault(new GatewayError('GW_ERR_LISTEN', { detail: causeCode(cause), cause }), undefined),
        );
        resolve();
      });
    });
    const bound = server.address();
    if (typeof bound === 'object' && bound !== null) this.#port = bound.port;
  }

  /** The processes have the connections. */
  answerAfterMove(): boolean {
    return false;
  }

  /** The processes go by its config now. */
  open(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const one of held) this.#give(one);
  }

  reconfigure(config: ListenerConfig): void {
    this.#config = config;
  }

  close(): void {
    this.#server.close();
  }

  async drain(): Promise<void> {
    this.close();
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Those that were given away are their processes'. */
  stop(): void {
    this.close();
    for (const { socket } of this.#held ?? []) socket.destroy();
    this.#held = [];
  }

  #onConnection(socket: net.Socket): void {
    // Until it is given away.
    socket.on('error', () => {});
    const { limits, protocol } = this.#config;
    const peer = reportedBy(socket);
    const max = limits.maxConnections + (protocol === 'http' ? MAX_SURPLUS : 0);
    if (this.#count >= max) {
      this.#refuse(socket, peer, undefined);
      return;
    }
    const release = this.#bySource === undefined ? () => {} : this.#bySource.take(peer.address);
    if (release === undefined) {
      this.#refuse(socket, peer, 'limits.maxConnectionsPerSource');
      return;
    }
    this.#count++;
    if (this.#held === undefined) this.#give({ socket, release });
    else this.#held.push({ socket, release });
  }

  #give({ socket, release }: HeldConnection): void {
    const peer = reportedBy(socket);
    const onEnd = (): void => {
      this.#count--;
      release();
      if (this.#count === 0) this.#drained?.();
    };
    if (this.#distributor.give(this.name, socket, onEnd)) return;
    onEnd();
    this.#refuse(socket, peer, 'no process takes it');
  }

  #refuse(socket: net.Socket, peer: Peer, detail: string | undefined): void {
    this.#fault(new GatewayError('GW_ERR_SENDER_LIMIT', { detail }), peer);
    socket.destroy();
  }

  #fault(error: GatewayError, peer: Peer | undefined): void {
    const { protocol } = this.#config;
    const trace = new TraceContext();
    this.#observers.onFault({ listener: this.name, protocol, error, peer, header: undefined, trace });
  }
}
