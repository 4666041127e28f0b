// A way to a target, as the replay sees it; and that over MLLP. Whatever carries a message, one result comes of it.
import type { Socket } from 'node:net';
import type { GatewayError } from '../../../errors.ts';
import type { AckCode } from '../../../hl7/ack.ts';
import type { Header } from '../../../hl7/header.ts';
import { frame, payloadOf } from '../../../mllp/frame.ts';
import { awaitedOf } from '../../../relay/admission.ts';
import { type DialTls, dial } from '../../../upstream/dial.ts';
import { MllpConnection } from '../../../upstream/mllp/mllp-connection.ts';

export type SendResult =
  /** `none`: nothing came, and by MSH-15 and MSH-16 nothing had to (F90). */
  | { readonly code: AckCode | 'none'; readonly payload: Buffer }
  /** `safe`: not a byte of the message was written. */
  | { readonly error: GatewayError };

/** Longer than a gateway waits itself before it says nothing (`timeouts.silence`). */
const SILENCE_MS = 3_000;

export interface SendLine {
  readonly isOpen: boolean;
  /** Messages that may wait for their answers. */
  readonly pipelining: number;
  /** `done` is called once, never before this returns. */
  send(message: Buffer, header: Header, done: (result: SendResult) => void): void;
  close(): void;
}

/** Rejects with a GatewayError GW_ERR_NODE_…. */
export type OpenLine = () => Promise<SendLine>;

export interface MllpLineOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: DialTls | undefined;
  readonly timeoutMs: number;
  readonly pipelining: number;
  readonly maxAnswerBytes: number;
}

export function openingMllp({
  host,
  port,
  tls,
  timeoutMs,
  pipelining,
  maxAnswerBytes,
}: MllpLineOptions): OpenLine {
  const node = `${host}:${port}`;
  const answers = {
    maxFrameBytes: maxAnswerBytes,
    maxJunkBytes: 1024,
    strayEndByte: 'content',
    missingCr: 'refuse',
  } as const;
  const owner = { onSettled: () => {}, onClosed: () => {}, onStrayAnswer: () => {} };
  return async () => {
    const socket = await new Promise<Socket>((resolve, reject) => {
      dial({ node, host, port, tls, connectMs: timeoutMs, settleMs: 0 }, resolve, reject);
    });
    const connection = new MllpConnection(
      socket,
      0,
      { node, ackMs: timeoutMs, silenceMs: SILENCE_MS, pipelining, answers },
      owner,
    );
    return {
      pipelining,
      get isOpen() {
        return connection.isOpen;
      },
      send: (message, header, done) =>
        connection.send({
          frame: frame(message),
          header,
          expectsAnswer: true,
          silenceIsSuccess: awaitedOf(header, 'by-header') !== 'answer',
          assigned: () => {},
          written: () => {},
          answered: ({ code }, framed) => done({ code, payload: payloadOf(framed) }),
          unanswered: () => done({ code: 'none', payload: Buffer.alloc(0) }),
          failed: (error) => done({ error }),
        }),
      close: () => connection.end(),
    };
  };
}
