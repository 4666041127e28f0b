// The nodes of an HTTP pool as proxied requests see them, which a cookie may bind to one of them; and the record of such a request.
import type { Peer } from '../../routing/message-view.ts';
import type { PoolConfig } from '../config/config.ts';
import type { GatewayError } from '../errors.ts';
import { nodeToken } from '../http/cookie.ts';
import { TraceContext } from '../observe/traces/trace-context.ts';
import { turnTime } from '../turn.ts';
import type { HttpUpstream } from '../upstream/http/http-upstream.ts';
import type { Node } from '../upstream/node.ts';
import { NodeScheduler, type PlacedNode, RoutedRecord } from './node-scheduler.ts';

export type NodeChoice = PlacedNode<HttpUpstream>;

/** What binds a request to a node. */
export interface Binding {
  /** The value of the pool's own cookie. */
  readonly token: string | undefined;
  readonly key: string | undefined;
}

export class HttpScheduler extends NodeScheduler<HttpUpstream> {
  readonly #tokens = new Map<string, string>();

  override reconfigure(config: PoolConfig): void {
    super.reconfigure(config);
    // Of nodes that may be gone.
    this.#tokens.clear();
  }

  /** The node's value of the pool's cookie. */
  tokenOf(node: Node): string {
    let token = this.#tokens.get(node.name);
    if (token === undefined) {
      token = nodeToken(this.config.name, node.name);
      this.#tokens.set(node.name, token);
    }
    return token;
  }

  /** `wait`: the node that it shall go to has no room. `none`: no node may be given it. */
  place({ token, key }: Binding, tried: ReadonlySet<Node> | undefined): NodeChoice | 'wait' | 'none' {
    const bound =
      token === undefined ? undefined : this.pool.nodes.find((node) => this.tokenOf(node) === token);
    if (bound !== undefined && tried?.has(bound) !== true && this.pool.mayKeep(bound)) {
      return bound.hasRoom ? this.at(bound, 'cookie') : 'wait';
    }
    return this.choose(key, tried);
  }
}

/**
 * One proxied request from receipt to response: where it came from, every attempt with its times, what came of it. Logs and traces
 * are made from it when it is over; nothing of its path, its headers or its bodies is in it.
 */
export class ProxiedRequest extends RoutedRecord {
  readonly method: string;
  /** `1.0`, `1.1`, `2.0`. */
  readonly version: string;
  /** Of the response; undefined where there was none. */
  status: number | undefined;
  /** The protocol was switched. */
  upgraded = false;
  requestBytes = 0;
  responseBytes = 0;
  /** The response's headers went to the client. */
  repliedAt: number | undefined;

  constructor(
    listener: string,
    peer: Peer,
    method: string,
    version: string,
    trace: TraceContext = new TraceContext(),
  ) {
    super(listener, peer, trace);
    this.method = method;
    this.version = version;
  }

  override responded(status: number): void {
    super.responded(status);
    this.status = status;
    this.repliedAt = turnTime();
  }

  settle(error: GatewayError | undefined): void {
    this.over(error);
  }
}
