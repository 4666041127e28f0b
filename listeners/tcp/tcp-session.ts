// One connection that is passed on as it is, from its place in a pool to the end of both sides. Promises that nothing of it is read
// before a node has its connection, that another node is dialled only until then, and that each wait has its limit.
import type { Socket } from 'node:net';
import { sourceAddress } from '../../routing/message-view.ts';
import { stickyKey } from '../../routing/sticky-key.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import { asGatewayError, causeCode, GatewayError } from '../../src/errors.ts';
import { clearTimeout, monotonicMs, setTimeout, wallMs } from '../../src/platform/time.ts';
import type { PlacedNode, RouteTarget } from '../../src/relay/node-scheduler.ts';
import type { Admission, RouteResolver } from '../../src/relay/route-resolver.ts';
import type { ConnectionEnd, TcpConnection, TcpScheduler } from '../../src/relay/tcp-scheduler.ts';
import { isTlsSocket } from '../../src/tls-kinds.ts';
import { turnTime } from '../../src/turn.ts';
import { LazyDeadline } from '../../src/upstream/lazy-deadline.ts';
import type { Node } from '../../src/upstream/node.ts';
import type { ProxiedConnection } from '../../src/upstream/proxy-header.ts';
import type { NodePlace, PlaceHolder, TcpUpstream } from '../../src/upstream/tcp/tcp-upstream.ts';
import { type CarryWatcher, carry } from '../carry.ts';
import type { ConnectedSender } from '../listener.ts';

export interface TcpSessionOptions {
  readonly config: ListenerConfig;
  readonly admission: Admission;
  readonly routes: RouteResolver;
  /** A node has it. */
  readonly onCarried: (record: TcpConnection) => void;
  /** Nothing more happens to it. */
  readonly onOver: (session: TcpSession) => void;
}

/** Where every node has refused the connection, they are asked again so often, for as long as `queue.timeout` lasts. */
const DIAL_AGAIN_MS = 250;

export class TcpSession implements ConnectedSender, PlaceHolder {
  readonly record: TcpConnection;
  /** A connection has none. */
  readonly messages = 0;
  readonly pending = 0;
  readonly since = wallMs();
  readonly #socket: Socket;
  readonly #options: TcpSessionOptions;
  readonly #startedAt = monotonicMs();
  readonly #idle = new LazyDeadline(() => this.#onIdle());
  #target: RouteTarget<TcpScheduler> | undefined;
  #tried: Set<Node> | undefined;
  #choice: PlacedNode<TcpUpstream> | undefined;
  #place: NodePlace | undefined;
  #node: Socket | undefined;
  #stopWaiting: (() => void) | undefined;
  /** Whose end came first, and what went wrong first. */
  #endedBy: ConnectionEnd | undefined;
  #error: GatewayError | undefined;
  #open = 2;
  #isOver = false;

  /** `socket`: that nobody reads. */
  constructor(socket: Socket, record: TcpConnection, options: TcpSessionOptions) {
    this.#socket = socket;
    this.record = record;
    this.#options = options;
    socket.on('error', (thrown) => this.#fails('sender', 'GW_ERR_SENDER_RESET', thrown));
    socket.once('close', this.#onSenderGone);
  }

  get peer(): TcpConnection['peer'] {
    return this.record.peer;
  }

  get clientAddress(): string {
    return sourceAddress(this.peer.address);
  }

  get proxied(): ProxiedConnection {
    const { localAddress = '', localPort = 0 } = this.#socket;
    return { client: this.peer, to: { address: localAddress, port: localPort } };
  }

  start(): void {
    if (this.#isOver) return;
    this.#stopWaiting = undefined;
    try {
      const { pool } = this.#decide();
      const { listener, peer } = this.record;
      const { persistence } = pool.config;
      const key = persistence && stickyKey({ header: undefined, listener, peer }, persistence.by);
      const choice = pool.choose(key, this.#tried);
      if (typeof choice === 'object') this.#dial(choice);
      else if (choice === 'none' && this.#tried !== undefined) this.#dialAgain();
      else this.#waitForNode();
    } catch (thrown) {
      this.#refuse(asGatewayError(thrown));
    }
  }

  onConnected(node: Socket, connectMs: number): void {
    const { record } = this;
    const socket = this.#socket;
    this.#node = node;
    socket.off('close', this.#onSenderGone);
    node.on('error', (thrown) => this.#fails('node', 'GW_ERR_NODE_RESET', thrown));
    record.connected(connectMs);
    for (const side of [socket, node]) {
      side.allowHalfOpen = true;
      side.setTimeout(0);
    }
    const idleMs = this.#idleMs;
    if (idleMs > 0) this.#idle.begin(idleMs);
    const fromNode = this.#watch('node', (bytes) => {
      if (record.bytesToSender === 0) this.#place?.answered();
      record.bytesToSender += bytes;
    });
    const fromSender = this.#watch('sender', (bytes) => {
      record.bytesToNode += bytes;
    });
    this.#options.onCarried(record);
    carry(socket, node, fromSender);
    carry(node, socket, fromNode);
  }

  onDialFailed(error: GatewayError): void {
    this.#place = undefined;
    this.record.endAttempt(error);
    const { node } = this.#choice ?? {};
    if (node !== undefined) {
      node.count(error.code);
      this.#tried = (this.#tried ?? new Set()).add(node);
    }
    this.start();
  }

  onCut(): void {
    this.cut();
  }

  /** Ends it as it is. */
  cut(): void {
    this.#end('gateway', new GatewayError('GW_ERR_CONNECTION_CUT'));
  }

  /** What no node has goes by the config that is in force now. */
  #decide(): RouteTarget<TcpScheduler> {
    const { routes, admission } = this.#options;
    const { record } = this;
    const view = { header: undefined, listener: record.listener, peer: record.peer };
    if (this.#target !== undefined && !routes.isOutdated(record)) return this.#target;
    const target = routes.decideConnection(view, admission);
    this.#target = target;
    this.#tried = undefined;
    record.routed(target);
    return target;
  }

  #dial(choice: PlacedNode<TcpUpstream>): void {
    this.#choice = choice;
    this.record.beginAttempt(choice.node.name, choice.selectionReason);
    this.#place = choice.upstream.take(this);
  }

  #waitForNode(): void {
    const since = monotonicMs();
    this.record.waits(since);
    const leftMs = this.#leftMs(since);
    if (leftMs <= 0) {
      this.#refuse(new GatewayError('GW_ERR_QUEUE_TIMEOUT'));
      return;
    }
    this.#stopWaiting = this.#target?.pool.wait((queuedMs) => {
      this.record.wasQueued(queuedMs);
      this.start();
    }, leftMs);
    if (this.#stopWaiting === undefined) this.#refuse(new GatewayError('GW_ERR_QUEUE_FULL'));
  }

  #dialAgain(): void {
    const since = monotonicMs();
    const leftMs = this.#leftMs(since);
    if (leftMs <= 0) {
      this.#refuse(this.record.lastError ?? new GatewayError('GW_ERR_QUEUE_TIMEOUT'));
      return;
    }
    this.record.waits(since);
    this.#tried = undefined;
    const timer = setTimeout(() => this.start(), Math.min(leftMs, DIAL_AGAIN_MS));
    this.#stopWaiting = () => clearTimeout(timer);
  }

  #leftMs(now: number): number {
    return this.#startedAt + (this.#target?.pool.config.queue.timeoutMs ?? 0) - now;
  }

  /** The shorter of both sides'; 0: none. */
  get #idleMs(): number {
    const both = [
      this.#options.config.limits.idleTimeoutMs,
      this.#target?.pool.config.connections.idleMs ?? 0,
    ];
    const set = both.filter((ms) => ms > 0);
    return set.length === 0 ? 0 : Math.min(...set);
  }

  #watch(side: 'sender' | 'node', count: (bytes: number) => void): CarryWatcher {
    return {
      onBytes: (bytes) => {
        count(bytes);
        this.#idle.refresh(turnTime());
      },
      onEnd: () => {
        this.#endedBy ??= side;
      },
      onClosed: () => {
        this.#endedBy ??= side;
        if (--this.#open === 0) this.#settle();
      },
      breakOff,
    };
  }

  #fails(side: 'sender' | 'node', code: 'GW_ERR_SENDER_RESET' | 'GW_ERR_NODE_RESET', cause: unknown): void {
    this.#endedBy ??= side;
    const node = side === 'node' ? this.#choice?.node.name : undefined;
    this.#error ??= new GatewayError(code, { node, detail: causeCode(cause), cause });
  }

  readonly #onSenderGone = (): void => {
    this.#endedBy ??= 'sender';
    this.#settle();
  };

  #onIdle(): void {
    this.#end('gateway', new GatewayError('GW_ERR_SENDER_IDLE'));
  }

  #refuse(error: GatewayError): void {
    this.#end('gateway', error);
  }

  #end(by: ConnectionEnd, error: GatewayError): void {
    this.#endedBy ??= by;
    this.#error ??= error;
    // Its 'close' settles the rest.
    if (this.#node !== undefined) breakOff(this.#node);
    if (this.#node === undefined) this.#socket.destroy();
    else breakOff(this.#socket);
  }

  #settle(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#idle.end();
    this.#stopWaiting?.();
    const error = this.#error;
    this.#place?.end(error?.code === 'GW_ERR_NODE_RESET' ? error : undefined);
    if (error?.code === 'GW_ERR_NODE_RESET') this.#choice?.node.count(error.code);
    this.record.settle(this.#endedBy ?? 'gateway', error);
    this.#options.onOver(this);
  }
}

/** By a reset, which is no end. Over TLS the end lacks the alert that would make it one (RFC 8446 6.1). */
function breakOff(socket: Socket): void {
  if (isTlsSocket(socket) || socket.destroyed) socket.destroy();
  else socket.resetAndDestroy();
}
