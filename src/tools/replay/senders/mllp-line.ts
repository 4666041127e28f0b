// One MLLP connection of a scenario's sender. Promises that every message on it is over some time: answered, closed, or
// late; and that an answer is credited by its MSA-2, or in order where that says nothing.
import type { Socket } from 'node:net';
import { readAck } from '../../../hl7/ack.ts';
import { answers } from '../../../hl7/answers.ts';
import { readHeader } from '../../../hl7/header.ts';
import { frame, payloadOf } from '../../../mllp/frame.ts';
import { FrameReader } from '../../../mllp/frame-reader.ts';
import { type Door, openSendLine } from './connect.ts';
import type { SentStep } from './sent.ts';

/** Query answers may be as large as messages. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export class MllpLine {
  readonly #socket: Socket;
  readonly #localPort: number;
  readonly #waiting = new Set<SentStep>();
  #closed = false;

  private constructor(socket: Socket, localPort: number) {
    this.#socket = socket;
    this.#localPort = localPort;
    const reader = new FrameReader(
      {
        onFrame: (framed) => this.#onAnswer(Buffer.from(payloadOf(framed))),
        onEmptyFrame: () => {},
        onFault: () => this.close(),
      },
      {
        maxFrameBytes: MAX_ANSWER_BYTES,
        maxJunkBytes: MAX_ANSWER_BYTES,
        strayEndByte: 'content',
        missingCr: 'refuse',
      },
    );
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('error', () => {});
    socket.on('end', () => {
      this.#onClosed();
      socket.end();
    });
    socket.on('close', () => this.#onClosed());
  }

  static async open(door: Door): Promise<MllpLine> {
    const { socket, localPort } = await openSendLine(door);
    return new MllpLine(socket, localPort);
  }

  get isOpen(): boolean {
    return !this.#closed && this.#socket.writable;
  }

  /** In one write. */
  send(messages: readonly SentStep[], timeoutMs: number, cutOff?: number): void {
    if (this.#closed) {
      for (const sent of messages) sent.ended('closed');
      return;
    }
    for (const sent of messages) {
      sent.port = this.#localPort;
      sent.sentAt = performance.now();
      this.#waiting.add(sent);
      const late = setTimeout(() => sent.ended('late'), timeoutMs);
      sent.over.then(() => {
        clearTimeout(late);
        this.#waiting.delete(sent);
      });
    }
    const bytes = Buffer.concat(messages.map(({ payload }) => frame(payload)));
    if (cutOff === undefined) this.#socket.write(bytes);
    else this.#socket.end(bytes.subarray(0, cutOff));
  }

  /** FIN; answers are still read. */
  halfClose(): void {
    this.#socket.end();
  }

  close(): void {
    this.#onClosed();
    this.#socket.destroy();
  }

  #onAnswer(answer: Buffer): void {
    const ack = readAck(answer);
    const waiting = [...this.#waiting];
    const own = ack && waiting.find(({ payload }) => isAnsweredBy(payload, ack));
    (own ?? waiting[0])?.answered(answer);
  }

  #onClosed(): void {
    this.#closed = true;
    for (const sent of [...this.#waiting]) sent.ended('closed');
  }
}

function isAnsweredBy(payload: Buffer, ack: NonNullable<ReturnType<typeof readAck>>): boolean {
  try {
    return answers(ack, readHeader(payload));
  } catch {
    return false;
  }
}
