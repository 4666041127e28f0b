// What the messages of one connection to a node fail of. Promises to say what the node spoke where that was not MLLP (F99).
import { causeCode, type ErrorCode, GatewayError } from '../../errors.ts';
import { classifyBytes, isUnframedHl7 } from '../../mllp/frame.ts';
import type { FrameReader } from '../../mllp/frame-reader.ts';

export class ConnectionErrors {
  readonly #node: string;
  readonly #reader: FrameReader;
  /** What the transport broke of. */
  broken: Error | undefined;

  constructor(node: string, reader: FrameReader) {
    this.#node = node;
    this.#reader = reader;
  }

  /** An answer without a start block has begun, or been all there is. */
  get isUnframed(): boolean {
    return isUnframedHl7(this.#reader.sample);
  }

  /** Nothing of the message was written. */
  stale(): GatewayError {
    return this.#error('GW_ERR_NODE_STALE');
  }

  mismatch(): GatewayError {
    return this.#error('GW_ERR_ACK_MISMATCH');
  }

  /** F36: a frame with this payload is no acknowledgement. */
  noAck(payload: Buffer): GatewayError {
    return this.#error(
      'GW_ERR_ACK_INVALID',
      payload.length === 0 ? 'an empty frame' : release2Block(payload),
    );
  }

  /** F99: what has come is in no frame. */
  noFrame(detail?: string): GatewayError {
    return this.#error('GW_ERR_ACK_INVALID', this.#looksLike ?? detail);
  }

  timeout(): GatewayError {
    return this.#error('GW_ERR_ACK_TIMEOUT', this.#looksLike);
  }

  closed(): GatewayError {
    const { broken } = this;
    const cause = broken === undefined ? undefined : causeCode(broken);
    return this.#error('GW_ERR_NODE_CLOSED', this.#looksLike ?? cause);
  }

  /** What bytes outside of frames look like. */
  get #looksLike(): string | undefined {
    const { sample } = this.#reader;
    return sample.length === 0 ? undefined : `it looks like ${classifyBytes(sample)}`;
  }

  #error(code: ErrorCode, detail?: string): GatewayError {
    return new GatewayError(code, { node: this.#node, detail });
  }
}

/** F99: MLLP release 2 has blocks of one byte for what has been received (v2.9.1 appendix C.5). */
function release2Block(payload: Buffer): string | undefined {
  if (payload.length !== 1) return undefined;
  if (payload[0] === 0x06) return 'a commit block (06) of MLLP release 2';
  return payload[0] === 0x15 ? 'a negative commit block (15) of MLLP release 2' : undefined;
}
