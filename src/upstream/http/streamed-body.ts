// The body of a request that is streamed to a node: framed as it comes, no faster than the node takes it, its trailers behind it.
// Promises that nothing is written before its first byte has come, and no end to a body that was cut off (F68).
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { GatewayError } from '../../errors.ts';
import type { BodyFraming } from '../../http/request-head.ts';

export interface StreamedBodyOptions {
  readonly socket: Socket;
  readonly body: Readable;
  readonly framing: Exclude<BodyFraming, 'none'>;
  /** The request's head; an empty body has another one than was thought. */
  readonly head: (framing: BodyFraming) => string;
  /** What goes behind the body, which has ended. */
  readonly trailers: () => readonly string[];
  /** Some of it was written. */
  readonly onProgress: () => void;
  readonly onError: (error: Error) => void;
}

export class StreamedBody {
  readonly #options: StreamedBodyOptions;
  #bytes = 0;
  #isWritten = false;
  #isStopped = false;

  constructor(options: StreamedBodyOptions) {
    this.#options = options;
    const { body } = options;
    body
      .on('error', this.#onError)
      .on('close', this.#onClose)
      .on('end', this.#onEnd)
      .on('data', this.#onData);
  }

  /** All of it, with its end. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** Nothing more of it is wanted. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { body } = this.#options;
    body.off('data', this.#onData).off('end', this.#onEnd);
    if (!this.#isWritten) body.destroy();
  }

  /** The socket takes more. */
  onDrain(): void {
    if (!this.#isStopped && !this.#isWritten) this.#options.body.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    const { socket, body, framing, head, onProgress } = this.#options;
    const start = this.#bytes === 0 ? head(framing) : '';
    this.#bytes += chunk.length;
    if (framing !== 'chunked' && this.#bytes > framing.length) {
      this.#onError(new GatewayError('GW_ERR_HTTP_CUT'));
      return;
    }
    onProgress();
    const before =
      framing === 'chunked' ? `${start === '' ? '\r\n' : start}${chunk.length.toString(16)}\r\n` : start;
    socket.cork();
    if (before !== '') socket.write(before, 'latin1');
    if (!socket.write(chunk)) body.pause();
    socket.uncork();
  };

  readonly #onEnd = (): void => {
    const { socket, framing, head, trailers, onProgress } = this.#options;
    if (framing !== 'chunked' && this.#bytes < framing.length) {
      this.#onError(new GatewayError('GW_ERR_HTTP_CUT'));
      return;
    }
    this.#isWritten = true;
    onProgress();
    if (framing !== 'chunked') return;
    const fields = trailers();
    // RFC 9112 7.1.2: trailers stand behind chunks alone, so that a body of no bytes that has some is one of no chunks.
    if (this.#bytes === 0 && fields.length === 0) {
      socket.write(head('none'), 'latin1');
      return;
    }
    let end = `${this.#bytes === 0 ? head(framing) : '\r\n'}0\r\n`;
    for (let i = 0; i < fields.length; i += 2) end += `${fields[i]}: ${fields[i + 1]}\r\n`;
    socket.write(`${end}\r\n`, 'latin1');
  };

  readonly #onError = (error: Error): void => {
    if (!this.#isStopped && !this.#isWritten) this.#options.onError(error);
  };

  /** Behind an end or an error it says nothing new. */
  readonly #onClose = (): void => this.#onError(new GatewayError('GW_ERR_HTTP_CUT'));
}
