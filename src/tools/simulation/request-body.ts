// Reads a request's body to its end: kept whole if it is an HL7 message, else only counted and hashed as it passes.
// Promises that what is kept stays below a bound for one message, and for all that are being read at once.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isHl7Type, parseContentType } from '../../hl7/content-type.ts';

export interface RequestBody {
  readonly bytes: number;
  readonly sha256: string;
  /** The message; `too large` if there was no room for it; undefined if it is none. */
  readonly hl7: Buffer | 'too large' | undefined;
}

/** A byte order mark, some line ends and the segment's name, in UTF-16. */
const HEAD_BYTES = 24;

/** Room for all messages of a node that are being read. */
export class BodyBudget {
  readonly #maxBodyBytes: number;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBodyBytes: number, maxBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#maxBytes = maxBytes;
  }

  /** Rejects if the client goes away. `mayBeHl7`: false for what is to be hashed whatever it is. */
  async read(request: IncomingMessage, mayBeHl7: boolean): Promise<RequestBody> {
    const hash = createHash('sha256');
    let isHl7 = mayBeHl7 ? isHl7Typed(request) || undefined : false;
    let kept: Buffer[] = [];
    let keptBytes = 0;
    let bytes = 0;
    let tooLarge = false;
    const forget = (): void => {
      this.#bytes -= keptBytes;
      keptBytes = 0;
      kept = [];
    };
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        hash.update(chunk);
        // Read on all the same: an answer to a request that is still coming would meet a reset.
        if (isHl7 === false || tooLarge) continue;
        kept.push(chunk);
        keptBytes += chunk.length;
        this.#bytes += chunk.length;
        if (isHl7 === undefined && bytes >= HEAD_BYTES) isHl7 = beginsLikeHl7(Buffer.concat(kept));
        tooLarge = bytes > this.#maxBodyBytes || this.#bytes > this.#maxBytes;
        if (tooLarge || isHl7 === false) forget();
      }
      const payload = Buffer.concat(kept);
      isHl7 ??= beginsLikeHl7(payload);
      return {
        bytes,
        sha256: hash.digest('hex'),
        hl7: !isHl7 ? undefined : tooLarge ? 'too large' : payload,
      };
    } finally {
      forget();
    }
  }
}

function isHl7Typed(request: IncomingMessage): boolean {
  const type = parseContentType(request.headers['content-type'] ?? '');
  return type !== undefined && isHl7Type(type.type);
}

/** Mirth takes HL7 of any type; this is how it is told from a form or a file here. */
function beginsLikeHl7(bytes: Buffer): boolean {
  const head = bytes.toString('latin1', 0, HEAD_BYTES).replaceAll('\0', '');
  return /^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\r\n]*(?:MSH|FHS|BHS)/.test(head);
}
