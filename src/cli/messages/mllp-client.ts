// Sends messages one after the other over one connection and waits for each answer: `send`, and the demo's sender.
import type { Socket } from 'node:net';
import type { Ack } from '../../hl7/ack.ts';
import { readHeader } from '../../hl7/header.ts';
import { frame, payloadOf } from '../../mllp/frame.ts';
import { awaitedOf } from '../../relay/admission.ts';
import { type DialTls, dial } from '../../upstream/dial.ts';
import { MllpConnection } from '../../upstream/mllp/mllp-connection.ts';

export interface MllpClientOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: DialTls | undefined;
  readonly connectMs: number;
  readonly ackMs: number;
}

export interface MllpReply {
  /** Undefined: none came, and by MSH-15 and MSH-16 none had to (F90). */
  readonly ack: Ack | undefined;
  readonly payload: Buffer;
  readonly ms: number;
}

/** F90: where success means silence, the gateway itself waits for a second by default before it says nothing. */
const SILENCE_MS = 3_000;

/** What a gateway answers may hold a query's whole result. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export class MllpClient {
  readonly #options: MllpClientOptions;
  #connection: MllpConnection | undefined;

  constructor(options: MllpClientOptions) {
    this.#options = options;
  }

  /** @throws GatewayError GW_ERR_NODE_… and GW_ERR_ACK_…, where `node` is what was connected to */
  async send(message: Buffer): Promise<MllpReply> {
    const header = readHeader(message);
    if (this.#connection?.isOpen !== true) this.#connection = await this.#connect();
    const connection = this.#connection;
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      connection.send({
        frame: frame(message),
        header,
        expectsAnswer: true,
        silenceIsSuccess: awaitedOf(header, 'by-header') !== 'answer',
        assigned: () => {},
        written: () => {},
        answered: (ack, framed) =>
          resolve({ ack, payload: payloadOf(framed), ms: performance.now() - startedAt }),
        unanswered: () =>
          resolve({ ack: undefined, payload: Buffer.alloc(0), ms: performance.now() - startedAt }),
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
    const { ackMs } = this.#options;
    const options = { node, ackMs, silenceMs: SILENCE_MS, pipelining: 1, answers };
    return new MllpConnection(socket, 0, options, owner);
  }
}
