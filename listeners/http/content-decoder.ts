// Undoes the content codings of a body while it comes (F104). Promises that neither the body nor anything on the way to it
// grows beyond its limit, that a body which is cut off or goes on behind its end is an error, and that a decoder whose
// output nobody takes takes no input.
import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import type { Coding } from '../../src/config/config.ts';
import { GatewayError } from '../../src/errors.ts';
import type { SourceBudget } from '../accept/buffer-budget.ts';

/**
 * A body may become so many times as large, as with Apache's DeflateInflateRatioLimit. Batches of equal messages reach 60;
 * only a body that is made for it has more.
 */
const MAX_RATIO = 200;

/** Below this it may be any number of times as large: it is less than one message that is not compressed may have. */
const FREE_BYTES = 1024 * 1024;

/** What a decoder takes at its start, measured: 26 KiB (gzip) to 43 KiB (br), and the bytes that wait to go into it. */
const DECODER_BYTES = 64 * 1024;

/** RFC 9659: 8 MiB, what every decoder of this coding has to support, and none has to go beyond. */
const ZSTD_WINDOW_LOG = 23;

type Decoder = Transform & { readonly bytesWritten: number };

interface Receiver {
  onData(bytes: Buffer): void;
  onEnd(): void;
  onError(error: GatewayError): void;
  /** After `write` has returned false: more may be written. */
  onDrain(): void;
}

/** The largest that a body of this length may become. */
export function maxDecodedBytes(length: number | undefined, maxBytes: number): number {
  return length === undefined ? maxBytes : Math.min(maxBytes, Math.max(FREE_BYTES, MAX_RATIO * length));
}

/** Its parts begin with the first byte, and hold memory in the budget until `close`. */
export class ContentDecoder {
  readonly #stages: readonly Stage[];
  #encodedBytes = 0;

  /** `codings`: in the order in which they were applied. `maxBytes`: of what comes out. */
  constructor(codings: readonly Coding[], maxBytes: number, source: SourceBudget, receiver: Receiver) {
    const stages: Stage[] = [];
    for (const coding of codings) {
      // The coding that was applied last is undone first.
      const next = stages[0];
      const onData = next === undefined ? (bytes: Buffer) => receiver.onData(bytes) : undefined;
      const stage: Stage = new Stage(coding, source, {
        onData: (bytes) => {
          const limit = maxDecodedBytes(this.#encodedBytes, maxBytes);
          if (stage.decodedBytes > limit) receiver.onError(tooLarge(coding, limit, maxBytes));
          else if (onData !== undefined) onData(bytes);
          else if (next?.write(bytes) === false) stage.pause();
        },
        onEnd: () => (next === undefined ? receiver.onEnd() : next.end()),
        onError: (error) => receiver.onError(error),
        onDrain: () => {
          const before = this.#stages[this.#stages.indexOf(stage) - 1];
          if (before === undefined) receiver.onDrain();
          else before.resume();
        },
      });
      stages.unshift(stage);
    }
    this.#stages = stages;
  }

  /** False: not to be written to before `onDrain`. */
  write(bytes: Buffer): boolean {
    this.#encodedBytes += bytes.length;
    return this.#stages[0]?.write(bytes) ?? true;
  }

  /** The body has come to its end. */
  end(): void {
    this.#stages[0]?.end();
  }

  /** Nothing comes out before `resume`. */
  pause(): void {
    this.#stages.at(-1)?.pause();
  }

  resume(): void {
    this.#stages.at(-1)?.resume();
  }

  close(): void {
    for (const stage of this.#stages) stage.close();
  }
}

/** One coding. */
class Stage {
  decodedBytes = 0;
  readonly #coding: Coding;
  readonly #source: SourceBudget;
  readonly #receiver: Receiver;
  #decoder: Decoder | undefined;
  #encodedBytes = 0;

  constructor(coding: Coding, source: SourceBudget, receiver: Receiver) {
    this.#coding = coding;
    this.#source = source;
    this.#receiver = receiver;
  }

  write(bytes: Buffer): boolean {
    if (bytes.length === 0) return true;
    this.#decoder ??= this.#open(bytes[0] as number);
    this.#encodedBytes += bytes.length;
    return this.#decoder.write(bytes);
  }

  end(): void {
    // Nothing has been encoded as nothing, as some clients do with the bodies that they do not have.
    if (this.#decoder === undefined) this.#receiver.onEnd();
    else this.#decoder.end();
  }

  pause(): void {
    this.#decoder?.pause();
  }

  resume(): void {
    this.#decoder?.resume();
  }

  close(): void {
    if (this.#decoder === undefined) return;
    // An error that comes late is nobody's.
    this.#decoder.removeAllListeners().on('error', () => undefined);
    this.#decoder.destroy();
    this.#decoder = undefined;
    this.#source.hold(-DECODER_BYTES);
  }

  #open(firstByte: number): Decoder {
    const decoder = decoderOf(this.#coding, firstByte);
    this.#source.hold(DECODER_BYTES);
    decoder.on('data', (bytes: Buffer) => {
      this.decodedBytes += bytes.length;
      this.#receiver.onData(bytes);
    });
    decoder.on('end', () => {
      // What is behind the end is no part of a body, and may be the rest of one that was damaged. Decoders leave it.
      if (decoder.bytesWritten === this.#encodedBytes) this.#receiver.onEnd();
      else this.#receiver.onError(broken(this.#coding, 'bytes behind the end'));
    });
    decoder.on('error', ({ message }: Error) => this.#receiver.onError(broken(this.#coding, message)));
    decoder.on('drain', () => this.#receiver.onDrain());
    return decoder;
  }
}

function decoderOf(coding: Coding, firstByte: number): Decoder {
  switch (coding) {
    case 'gzip':
      return zlib.createGunzip();
    case 'deflate':
      // RFC 9110 8.4.1.2: some send the bare data, without zlib's header, whose first byte has 8 for its method (RFC 1950).
      return (firstByte & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd':
      return zlib.createZstdDecompress({
        params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
      });
  }
}

function tooLarge(coding: Coding, limit: number, maxBytes: number): GatewayError {
  if (limit >= maxBytes) return new GatewayError('GW_ERR_FRAME_TOO_LARGE');
  return broken(coding, `more than ${MAX_RATIO} times its size`);
}

function broken(coding: Coding, why: string): GatewayError {
  return new GatewayError('GW_ERR_HTTP_DECODE', { detail: `${coding}: ${why}` });
}
