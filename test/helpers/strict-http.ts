// An HTTP/1.1 reader of its own, as strict as RFC 9112 allows, for what a node got and what a client got.
// Promises: shares no code with Node.js's parser or undici's; whatever two readers could take in two ways, it refuses.

export interface Message {
  readonly startLine: string;
  /** Names in lower case, in order, each as it came. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly chunked: boolean;
  readonly trailers: readonly (readonly [string, string])[];
}

export interface Request extends Message {
  readonly method: string;
  readonly target: string;
}

export interface Response extends Message {
  readonly status: number;
  readonly reason: string;
}

/** `rest`: bytes of a message that is not yet whole. */
export interface Reading<M> {
  readonly messages: readonly M[];
  readonly rest: Buffer;
}

export class NotStrict extends Error {
  /** What came before. */
  messages: readonly Message[] = [];
}

const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const REQUEST_LINE = /^([A-Z-]+) (\/[!-~]*|\*) (HTTP\/1\.[01])$/;
/** RFC 9112 3: a recipient may split at white space, so that several blanks are one. */
const CLIENTS_REQUEST_LINE = /^([A-Z-]+) +(\/[!-~]*|\*) +(HTTP\/1\.[01])$/;
const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/;
/** RFC 9110 15 says what a client makes of 6 and more; a gateway passes on what a node says. */
const NODES_STATUS_LINE = /^HTTP\/1\.1 ([1-9]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/;

/** All values of a field. */
export function values(message: Message, name: string): string[] {
  return message.fields.filter(([one]) => one === name).map(([, value]) => value);
}

export function value(message: Message, name: string): string | undefined {
  return values(message, name)[0];
}

/**
 * `ofClients`: HTTP/1.0 is taken as well, several blanks in the request line, `Chunked` in any case (RFC 9112 7), zeros before a
 * length (RFC 9110 8.6), and empty lines before a request (RFC 9112 2.2), of which Node.js's parser takes a LF alone for one. What
 * the gateway writes has none of these.
 *
 * @throws NotStrict
 */
export function readRequests(bytes: Buffer, ofClients = false): Reading<Request> {
  const judge: Judge<Pick<Request, 'method' | 'target'>> = ({ startLine, fields }) => {
    const line = ofClients ? CLIENTS_REQUEST_LINE : REQUEST_LINE;
    const [, method, target, version = ''] = line.exec(startLine) ?? [];
    const isKnown = version === 'HTTP/1.1' || (ofClients && version === 'HTTP/1.0');
    if (method === undefined || target === undefined || !isKnown)
      throw new NotStrict(`request line ${JSON.stringify(startLine)}`);
    const hosts = fields.filter(([name]) => name === 'host').length;
    // RFC 9112 3.2 asks for it from HTTP/1.1 on.
    if (hosts > 1 || (hosts === 0 && version !== 'HTTP/1.0')) throw new NotStrict('not one Host');
    if (version === 'HTTP/1.0' && fields.some(([name]) => name === 'transfer-encoding'))
      throw new NotStrict('HTTP/1.0 with Transfer-Encoding');
    return { more: { method, target }, hasBody: true, toEnd: false };
  };
  return readAll(bytes, judge, { ofClients });
}

/**
 * `methods`: of the requests that these answer, in order. `ended`: the connection has, so a body without length ends. `ofNodes`: a
 * status may be one that no RFC has.
 */
export function readResponses(
  bytes: Buffer,
  methods: readonly string[],
  ended = false,
  ofNodes = false,
): Reading<Response> {
  let final = 0;
  const line = ofNodes ? NODES_STATUS_LINE : STATUS_LINE;
  return readAll(
    bytes,
    (head) => {
      const [, digits, reason] = line.exec(head.startLine) ?? [];
      if (digits === undefined || reason === undefined)
        throw new NotStrict(`status line ${JSON.stringify(head.startLine)}`);
      const status = Number(digits);
      const method = methods[final] ?? 'GET';
      if (status >= 200) final++;
      const hasBody = status >= 200 && status !== 204 && status !== 304 && method !== 'HEAD';
      return { more: { status, reason }, hasBody, toEnd: true };
    },
    { ended },
  );
}

interface Head {
  readonly startLine: string;
  readonly fields: readonly (readonly [string, string])[];
}

interface ReadOptions {
  /** The connection has: what it brought is all. */
  readonly ended?: boolean;
  readonly ofClients?: boolean;
}

type Judge<T> = (head: Head) => { readonly more: T; readonly hasBody: boolean; readonly toEnd: boolean };

function readAll<T>(bytes: Buffer, judge: Judge<T>, options: ReadOptions): Reading<Message & T> {
  const messages: (Message & T)[] = [];
  try {
    return { messages, rest: bytes.subarray(readInto(messages, bytes, judge, options)) };
  } catch (error) {
    if (error instanceof NotStrict) error.messages = messages;
    throw error;
  }
}

/** Returns where the first message begins that is not whole. */
function readInto<T>(
  messages: (Message & T)[],
  bytes: Buffer,
  judge: Judge<T>,
  { ended = false, ofClients = false }: ReadOptions,
): number {
  let at = 0;
  while (at < bytes.length) {
    if (ofClients && (bytes[at] === 0x0d || bytes[at] === 0x0a)) {
      at++;
      continue;
    }
    const headEnd = bytes.indexOf('\r\n\r\n', at);
    if (headEnd < 0) {
      if (/[^\r]\n/.test(bytes.toString('latin1', at))) throw new NotStrict('a bare LF');
      break;
    }
    const [startLine = '', ...lines] = bytes.toString('latin1', at, headEnd).split('\r\n');
    const head = { startLine, fields: lines.map(readField) };
    const { more, hasBody, toEnd } = judge(head);
    const framed = hasBody
      ? readBody(bytes, headEnd + 4, head, toEnd, { ended, ofClients })
      : { ...EMPTY, end: headEnd + 4 };
    if (framed === undefined) break;
    const { end, ...content } = framed;
    messages.push({ ...head, ...more, ...content });
    at = end;
  }
  return at;
}

interface Content {
  readonly body: Buffer;
  readonly chunked: boolean;
  readonly trailers: Message['trailers'];
}

const EMPTY: Content = { body: Buffer.alloc(0), chunked: false, trailers: [] };

function readField(line: string): readonly [string, string] {
  const [, name, text] = FIELD.exec(line) ?? [];
  if (name === undefined || text === undefined) throw new NotStrict(`field ${JSON.stringify(line)}`);
  return [name.toLowerCase(), text];
}

function readBody(
  bytes: Buffer,
  start: number,
  head: Head,
  toEnd: boolean,
  { ended = false, ofClients = false }: ReadOptions,
): (Content & { readonly end: number }) | undefined {
  const lengths = head.fields.filter(([name]) => name === 'content-length').map(([, text]) => text);
  const codings = head.fields.filter(([name]) => name === 'transfer-encoding').map(([, text]) => text);
  if (lengths.length + codings.length > 1) throw new NotStrict('more than one framing');
  if (codings.length === 1) {
    if ((ofClients ? codings[0]?.toLowerCase() : codings[0]) !== 'chunked')
      throw new NotStrict(`Transfer-Encoding ${codings[0]}`);
    return readChunks(bytes, start);
  }
  if (lengths.length === 0) {
    if (!toEnd) return { ...EMPTY, end: start };
    return ended ? { ...EMPTY, body: bytes.subarray(start), end: bytes.length } : undefined;
  }
  const isLength = ofClients ? /^\d{1,15}$/ : /^(0|[1-9]\d{0,14})$/;
  if (!isLength.test(lengths[0] as string)) throw new NotStrict(`Content-Length ${lengths[0]}`);
  const end = start + Number(lengths[0]);
  return end > bytes.length ? undefined : { ...EMPTY, body: bytes.subarray(start, end), end };
}

function readChunks(bytes: Buffer, start: number): (Content & { readonly end: number }) | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9A-Fa-f]{1,8}$/.test(line)) throw new NotStrict(`chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) {
      if (bytes.toString('latin1', at, at + 2) === '\r\n')
        return { body: Buffer.concat(parts), chunked: true, trailers: [], end: at + 2 };
      const trailersEnd = bytes.indexOf('\r\n\r\n', at);
      if (trailersEnd < 0) return undefined;
      const trailers = bytes.toString('latin1', at, trailersEnd).split('\r\n').map(readField);
      return { body: Buffer.concat(parts), chunked: true, trailers, end: trailersEnd + 4 };
    }
    if (at + size + 2 > bytes.length) return undefined;
    parts.push(bytes.subarray(at, at + size));
    at += size;
    if (bytes.toString('latin1', at, at + 2) !== '\r\n') throw new NotStrict('no CRLF behind a chunk');
    at += 2;
  }
}
