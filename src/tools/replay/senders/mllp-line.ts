// One MLLP connection of a scenario's sender. Promises that every message on it is over some time: answered, closed, or
// late; and that an answer is credited by its MSA-2, or in order where that says nothing.
import type { Socket } from 'node:net';
import { readAck } from '../../../hl7/ack.ts';
import { answers } from '../../../hl7/answers.ts';
import { readHeader } from '../../../hl7/header.ts';
import { frame } from '../../../mllp/frame.ts';
import { readFrames } from '../../../mllp/read-frames.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../../../platform/time.ts';
import { type Door, openSendLine } from './connect.ts';
import type { SentStep } from './sent.ts';

/** Query answers may be as large as messages. */
const LIMITS = { maxFrameBytes: 64 * 1024 * 1024, maxJunkBytes: 64 * 1024 * 1024 };

export class MllpLine {
  readonly #socket: Socket;
  readonly #localPort: number;
  readonly #waiting = new Set<SentStep>();
  #closed = false;

  private constructor(socket: Socket, localPort: number) {
    this.#socket = socket;
    this.#localPort = localPort;
    readFrames(socket, LIMITS, {
      onPayload: (answer) => this.#onAnswer(Buffer.from(answer)),
      onEmptyFrame: () => {},
      onFault: () => this.close(),
      onEnd: () => {
        this.#onClosed();
        socket.end();
      },
    });
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
      sent.sentAt = monotonicMs();
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
