// Sends messages over one MLLP connection. Promises that answers are matched as the gateway matches a node's.
import type { Socket } from 'node:net';
import { GatewayError } from '../../errors.ts';
import { awaitedOf } from '../../hl7/answers.ts';
import { type Header, readHeader } from '../../hl7/header.ts';
import { payloadOf } from '../../mllp/frame.ts';
import { SocketTransport } from '../../mllp/socket-transport.ts';
import { monotonicMs } from '../../platform/time.ts';
import { dial } from '../dial.ts';
import { MllpConnection } from '../mllp/mllp-connection.ts';
import {
  MAX_REPLY_BYTES,
  type MessageClient,
  type MessageClientOptions,
  type MessageReply,
} from './message-client.ts';

export interface MllpClientOptions extends MessageClientOptions {
  /** 1, unless said otherwise. */
  readonly pipelining?: number;
}

/** F90: where success means silence, the gateway itself waits for a second by default before it says nothing. */
const SILENCE_MS = 3_000;
const MAX_JUNK_BYTES = 1024;
const NOTHING = Buffer.alloc(0);
const NOBODY = { onSettled: () => {}, onClosed: () => {} };

export class MllpClient implements MessageClient {
  readonly pipelining: number;
  readonly #options: MllpClientOptions;
  #connection: MllpConnection | undefined;

  constructor(options: MllpClientOptions) {
    this.#options = options;
    this.pipelining = options.pipelining ?? 1;
  }

  get isOpen(): boolean {
    return this.#connection?.isOpen === true;
  }

  async open(): Promise<this> {
    const { host, port, ackMs, maxReplyBytes = MAX_REPLY_BYTES } = this.#options;
    const node = `${host}:${port}`;
    const socket = await new Promise<Socket>((resolve, reject) => {
      dial({ ...this.#options, node, settleMs: 0 }, resolve, reject);
    });
    const answers = {
      maxFrameBytes: maxReplyBytes,
      maxJunkBytes: MAX_JUNK_BYTES,
      strayEndByte: 'content',
      missingCr: 'refuse',
    } as const;
    const options = { node, ackMs, silenceMs: SILENCE_MS, pipelining: this.pipelining, answers };
    this.#connection = new MllpConnection(new SocketTransport(socket), 0, options, NOBODY);
    return this;
  }

  send(message: Buffer, header: Header, done: (result: MessageReply | GatewayError) => void): void {
    const startedAt = monotonicMs();
    const end = (ack: MessageReply['ack'], payload: Buffer): void =>
      done({ ack, payload, ms: monotonicMs() - startedAt });
    this.#connection?.send({
      payload: message,
      header,
      expectsAnswer: true,
      silenceIsSuccess: awaitedOf(header, 'by-header') !== 'answer',
      assigned: () => {},
      written: () => {},
      answered: (ack, framed) => end(ack, payloadOf(framed)),
      unanswered: () => end(undefined, NOTHING),
      failed: done,
    });
  }

  async ask(message: Buffer): Promise<MessageReply> {
    const header = readHeader(message);
    if (!this.isOpen) await this.open();
    const { promise, resolve } = Promise.withResolvers<MessageReply | GatewayError>();
    this.send(message, header, resolve);
    const result = await promise;
    if (result instanceof GatewayError) throw result;
    return result;
  }

  close(): void {
    this.#connection?.end();
  }
}
