// The nodes of a TCP pool as connections see them, and the record of one connection that is passed on.
import type { Peer } from '../../routing/message-view.ts';
import type { GatewayError } from '../errors.ts';
import { TraceContext } from '../observe/traces/trace-context.ts';
import type { TcpUpstream } from '../upstream/tcp/tcp-upstream.ts';
import { NodeScheduler, RoutedRecord } from './node-scheduler.ts';

export class TcpScheduler extends NodeScheduler<TcpUpstream> {}

/** Who ended a connection. */
export type ConnectionEnd = 'sender' | 'node' | 'gateway';

/**
 * One connection of a sender that is passed on, from when it was accepted to its end: where it came from, every dial with its times, the
 * bytes each way as they are counted so far. Logs, metrics and traces are made from it; nothing of what it carries is in it.
 */
export class TcpConnection extends RoutedRecord {
  /** Handed to the node's connection. */
  bytesToNode = 0;
  /** Handed to the sender's connection. */
  bytesToSender = 0;
  /** Whose end came first. Undefined: not over. */
  endedBy: ConnectionEnd | undefined;

  constructor(listener: string, peer: Peer) {
    super(listener, peer, new TraceContext());
  }

  /** Of the node that has it. */
  get node(): string | undefined {
    return this.lastAttempt?.node;
  }

  /** A node's connection is there for it. */
  connected(connectMs: number): void {
    const attempt = this.lastAttempt;
    if (attempt !== undefined) attempt.connectMs = connectMs;
    this.written();
  }

  /** Nothing more happens to it. */
  settle(by: ConnectionEnd, error: GatewayError | undefined): void {
    if (this.lastAttempt?.endedAt === undefined) this.endAttempt(error);
    this.endedBy = by;
    this.over(error);
  }
}
