// HTTP/1.1 as the campaign's senders speak it: one request at a time, written and read here, apart from Node.js's parser and
// from the product's. Promises: a response is whole, by its length or its last chunk, or it is none.

export interface Response {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');

export function requestOf(path: string, headers: Readonly<Record<string, string>>, body: Buffer): Buffer {
  const fields = Object.entries({
    host: 'campaign.example',
    ...headers,
    'content-length': String(body.length),
  });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n`, 'latin1'), body]);
}

/** Cuts a stream into responses. Interim ones are skipped. */
export class ResponseCutter {
  #held: Buffer = Buffer.alloc(0);

  /** Bytes of a response whose end has not come. */
  get openBytes(): number {
    return this.#held.length;
  }

  push(chunk: Buffer): Response[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const found: Response[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next())
      if (next.status >= 200) found.push(next);
    return found;
  }

  /** What has come behind the head of a 101. */
  takeRest(): Buffer {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }

  /** The head of a 101, taken off the stream; undefined until it is whole, and for any other response. */
  takeUpgrade(): Omit<Response, 'body'> | undefined {
    const before = this.#held;
    const head = this.#head();
    if (head?.status === 101) return head;
    this.#held = before;
    return undefined;
  }

  #head(): Omit<Response, 'body'> | undefined {
    const end = this.#held.indexOf(HEAD_END);
    if (end < 0) return undefined;
    const [first = '', ...lines] = this.#held.toString('latin1', 0, end).split('\r\n');
    this.#held = this.#held.subarray(end + HEAD_END.length);
    const headers = new Map(lines.map((line) => fieldOf(line)));
    return { status: Number(first.split(' ')[1]), headers };
  }

  #next(): Response | undefined {
    const before = this.#held;
    const head = this.#head();
    const body = head && this.#body(head);
    if (head === undefined || body === undefined) {
      this.#held = before;
      return undefined;
    }
    return { ...head, body };
  }

  #body({ status, headers }: Omit<Response, 'body'>): Buffer | undefined {
    if (status === 101) return undefined;
    if (status < 200 || status === 204 || status === 304) return Buffer.alloc(0);
    if (headers.get('transfer-encoding') === 'chunked') return this.#chunks();
    const length = Number(headers.get('content-length') ?? Number.NaN);
    // Without a length it ends with the connection, and cannot be told from one that broke off: none of the nodes does so.
    if (!(this.#held.length >= length)) return undefined;
    const body = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return body;
  }

  #chunks(): Buffer | undefined {
    const chunks: Buffer[] = [];
    let at = 0;
    for (;;) {
      const end = this.#held.indexOf(LINE_END, at);
      if (end < 0) return undefined;
      const size = Number.parseInt(this.#held.toString('latin1', at, end), 16);
      const from = end + LINE_END.length;
      if (!(this.#held.length >= from + size + LINE_END.length)) return undefined;
      at = from + size + LINE_END.length;
      if (size === 0) break;
      chunks.push(this.#held.subarray(from, from + size));
    }
    this.#held = this.#held.subarray(at);
    return Buffer.concat(chunks);
  }
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
