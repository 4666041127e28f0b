// Cuts a stream into HTTP/1.1 requests with a length or in chunks, apart from Node.js' parser and from the product's. Promises: a body
// is handed on when it is whole.

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');

export class RequestCutter {
  #held: Buffer = Buffer.alloc(0);

  /** The bodies of the requests that are whole now. */
  push(chunk: Buffer): Buffer[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const bodies: Buffer[] = [];
    for (let body = this.#next(); body !== undefined; body = this.#next()) bodies.push(body);
    return bodies;
  }

  #next(): Buffer | undefined {
    const end = this.#held.indexOf(HEAD_END);
    if (end < 0) return undefined;
    const head = this.#held.toString('latin1', 0, end).toLowerCase();
    const from = end + HEAD_END.length;
    if (head.includes('transfer-encoding: chunked')) return this.#chunks(from);
    const length = Number(/content-length: *(\d+)/.exec(head)?.[1] ?? 0);
    if (this.#held.length < from + length) return undefined;
    return this.#take(this.#held.subarray(from, from + length), from + length);
  }

  #chunks(from: number): Buffer | undefined {
    const chunks: Buffer[] = [];
    for (let at = from; ; ) {
      const end = this.#held.indexOf(LINE_END, at);
      if (end < 0) return undefined;
      const size = Number.parseInt(this.#held.toString('latin1', at, end), 16);
      const start = end + LINE_END.length;
      if (!(this.#held.length >= start + size + LINE_END.length)) return undefined;
      at = start + size + LINE_END.length;
      if (size === 0) return this.#take(Buffer.concat(chunks), at);
      chunks.push(this.#held.subarray(start, start + size));
    }
  }

  #take(body: Buffer, until: number): Buffer {
    this.#held = this.#held.subarray(until);
    return body;
  }
}
