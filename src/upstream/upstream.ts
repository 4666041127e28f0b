// A protocol's way to a node, and what it tells the node that it belongs to.
import type { GatewayError } from '../errors.ts';
import type { AckCode } from '../hl7/ack.ts';
import type { Channel, Delivery } from './delivery.ts';
import type { AnswerObserver } from './mllp/node-quirks.ts';

export interface Upstream {
  readonly inFlight: number;
  readonly hasRoom: boolean;
  readonly isFull: boolean;
  readonly openConnections: number;
  /** F96: it has been full while it served. */
  readonly isLimited?: boolean;
  /** See `Candidate`. */
  readonly joinsTurn?: boolean;
  /** A connection is on its way. */
  readonly isDialling?: boolean;
  send(delivery: Delivery, channel?: Channel): void;
  close(): void;
  /** Ends the connections that are open, each when what it has is answered. New messages are given new ones. */
  retire?(): void;
  /** Fails what has been taken and waits for a connection, so that it goes elsewhere. */
  giveBack?(): void;
}

/** What an upstream says of itself. */
export interface UpstreamLoad {
  readonly inFlight: number;
  readonly connections: number;
  readonly isFull: boolean;
  readonly isDialling: boolean;
  readonly isLimited: boolean;
}

export interface UpstreamOwner extends AnswerObserver {
  /** The node took a connection and kept it. */
  onReached(): void;
  /** `none`: the message needed no answer (F42). Undefined: an answer that has no code. */
  onAnswered(code?: AckCode | 'none'): void;
  /** A dial failed, or a connection broke that had messages under way. */
  onFailure(error: GatewayError): void;
  /** There is room for one more message. */
  onRoom(): void;
  /** `isFull` has changed. */
  onFullness(): void;
  onStrayAnswer(): void;
  /** A connection was ended for want of one on which a message's control id is not a repeated one. */
  onRepeatedId(): void;
  /** F84: the node changes control ids or codes in its answers, so it has one message a connection from now on. Called once. */
  onAlike(): void;
}
