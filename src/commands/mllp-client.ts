// Sends messages one after the other over one connection and waits for each answer: `send`, and the demo's sender.
import type { Socket } from 'node:net';
import type { Ack } from '../hl7/ack.ts';
import { readHeader } from '../hl7/header.ts';
import { frame, payloadOf } from '../mllp/frame.ts';
import { type DialTls, dial } from '../upstream/dial.ts';
import { MllpConnection } from '../upstream/mllp-connection.ts';

export interface MllpClientOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: DialTls | undefined;
  readonly connectMs: number;
  readonly ackMs: number;
}

export interface Answer {
  readonly ack: Ack;
  readonly payload: Buffer;
  readonly ms: number;
}

/** What a gateway answers may hold a query's whole result. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export class MllpClient {
  readonly #options: MllpClientOptions;
  #connection: MllpConnection | undefined;

  constructor(options: MllpClientOptions) {
    this.#options = options;
  }

  /** @throws GatewayError GW_ERR_NODE_… and GW_ERR_ACK_…, where `node` is what was connected to */
  async send(message: Buffer): Promise<Answer> {
    const header = readHeader(message);
    if (this.#connection?.isOpen !== true) this.#connection = await this.#connect();
    const connection = this.#connection;
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      connection.send({
        frame: frame(message),
        header,
        expectsAnswer: true,
        assigned: () => {},
        written: () => {},
        answered: (ack, framed) =>
          resolve({ ack, payload: payloadOf(framed), ms: performance.now() - startedAt }),
        unanswered: () => {},
        failed: reject,
      });
    });
  }

  close(): void {
    this.#connection?.retire();
  }

  async #connect(): Promise<MllpConnection> {
    const { host, port } = this.#options;
    const node = `${host}:${port}`;
    const socket = await new Promise<Socket>((resolve, reject) => {
      dial({ ...this.#options, node, settleMs: 0 }, resolve, reject);
    });
    const answers = {
      maxFrameBytes: MAX_ANSWER_BYTES,
      maxJunkBytes: 1024,
      strayEndByte: 'content',
      missingCr: 'refuse',
    } as const;
    const owner = { onSettled: () => {}, onClosed: () => {}, onStrayAnswer: () => {} };
    return new MllpConnection(socket, 0, { node, ackMs: this.#options.ackMs, pipelining: 1, answers }, owner);
  }
}
