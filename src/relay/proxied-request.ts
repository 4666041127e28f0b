// One proxied request from receipt to response: where it came from, every attempt with its times, what came of it.
// Logs and traces are made from it when it is over; nothing of its path, its headers or its bodies is in it.
import type { Peer } from '../../routing/message-view.ts';
import type { PoolConfig, RouteConfig } from '../config/config.ts';
import type { GatewayError } from '../errors.ts';
import { TraceContext } from '../observe/traces/trace-context.ts';
import { type Attempt, newAttempt } from './message.ts';

export class ProxiedRequest {
  readonly receivedAt = performance.now();
  readonly trace: TraceContext;
  readonly listener: string;
  /** With the client's address, as trusted proxies tell it. */
  readonly peer: Peer;
  readonly method: string;
  /** `1.0`, `1.1`, `2.0`. */
  readonly version: string;
  route: RouteConfig | undefined;
  pool: PoolConfig | undefined;
  queuedMs = 0;
  /** It waits, and has since then, for a node. */
  waitingSince: number | undefined;
  readonly attempts: Attempt[] = [];
  /** Of the response; undefined where there was none. */
  status: number | undefined;
  /** The protocol was switched. */
  upgraded = false;
  requestBytes = 0;
  responseBytes = 0;
  error: GatewayError | undefined;
  /** The response's headers went to the client. */
  repliedAt: number | undefined;
  settledAt: number | undefined;

  constructor(
    listener: string,
    peer: Peer,
    method: string,
    version: string,
    trace: TraceContext = new TraceContext(),
  ) {
    this.trace = trace;
    this.listener = listener;
    this.peer = peer;
    this.method = method;
    this.version = version;
  }

  /** How often it has been written to a node. */
  get writes(): number {
    let writes = 0;
    for (const attempt of this.attempts) if (attempt.writtenAt !== undefined) writes++;
    return writes;
  }

  /** Of the latest attempt. */
  get lastError(): GatewayError | undefined {
    return this.attempts.at(-1)?.error;
  }

  /** It is given to this node. */
  begin(node: string, selectionReason: string): void {
    this.attempts.push(newAttempt(node, selectionReason, this.waitingSince));
    this.waitingSince = undefined;
  }

  /** Its bytes are handed to the operating system: from now on the node may have it. */
  written(): void {
    const attempt = this.attempts.at(-1);
    if (attempt !== undefined) attempt.writtenAt = performance.now();
  }

  /** The node's response has begun. */
  responded(status: number): void {
    const attempt = this.attempts.at(-1);
    if (attempt !== undefined) attempt.status = status;
    this.status = status;
    this.repliedAt = performance.now();
  }

  ended(error: GatewayError | undefined): void {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined) return;
    attempt.endedAt = performance.now();
    attempt.error = error;
  }

  settle(error: GatewayError | undefined): void {
    this.error = error;
    this.settledAt = performance.now();
  }
}
