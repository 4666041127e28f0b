// A client that sends messages to an address and waits for their answers: `send`, `demo` and `replay --to` use it, whatever
// protocol carries the message.
import type { GatewayError } from '../../errors.ts';
import type { Ack } from '../../hl7/ack.ts';
import type { Header } from '../../hl7/header.ts';
import type { DialTls } from '../dial.ts';

export interface MessageClientOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined: none. */
  readonly tls: DialTls | undefined;
  readonly connectMs: number;
  readonly ackMs: number;
  /** `MAX_REPLY_BYTES`, unless said otherwise. */
  readonly maxReplyBytes?: number;
}

/** What a gateway answers may hold a query's whole result. */
export const MAX_REPLY_BYTES = 64 * 1024 * 1024;

export interface MessageReply {
  /** Undefined: none came, and by MSH-15 and MSH-16 none had to (F90). */
  readonly ack: Ack | undefined;
  readonly payload: Buffer;
  readonly ms: number;
}

export interface MessageClient {
  readonly isOpen: boolean;
  /** Messages that may wait for their answers. */
  readonly pipelining: number;
  /** @throws GatewayError GW_ERR_NODE_…, where `node` is what cannot be connected to */
  open(): Promise<this>;
  /** On an open connection. `done` is called once, never before this returns. */
  send(message: Buffer, header: Header, done: (result: MessageReply | GatewayError) => void): void;
  /**
   * Opens the connection where it is not. `traceparent`: the trace that the message is to belong to; over MLLP there is no
   * place for it.
   *
   * @throws GatewayError GW_ERR_NODE_… and GW_ERR_ACK_…
   */
  ask(message: Buffer, traceparent?: string): Promise<MessageReply>;
  close(): void;
}
