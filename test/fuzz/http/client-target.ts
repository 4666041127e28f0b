// What HTTP/1 clients can do to the gateway: requests by grammar and mutation, several on a connection, cut, cut off, left alone.
// Judged by the strict reader: a node gets no request but those that it finds in what was sent, each response answers its request.
import type { Prng } from '../../../src/tools/world/prng.ts';
import { NotStrict, type Request, readRequests, readResponses, value } from '../../helpers/strict-http.ts';
import { plainMessage } from '../mllp/messages.ts';
import { controlIdOf } from '../mllp/model.ts';
import { HANG_MS, type Running, type Surroundings, targetOf } from '../target.ts';
import { cut, digestOf, mutate, randomBytes, shown } from '../wire/bytes.ts';
import { ok } from './node.ts';
import { DOORS, HttpRoom } from './room.ts';

export const httpClient = targetOf('http-client', (around) => new ClientFuzz(around));

const TOKEN = /F\d+-\d+/;

class ClientFuzz implements Running {
  readonly #around: Surroundings;
  readonly #room: HttpRoom;
  /** Of requests that the strict reader has found: token and digest of the body. */
  readonly #allowed = new Set<string>();
  #probes = 0;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#room = new HttpRoom(around);
  }

  async start(): Promise<void> {
    const { report } = this.#around;
    await this.#room.start(
      {
        report,
        onRequest: (request, link) => {
          const mark = markOf(request);
          if (!this.#allowed.has(mark))
            report(
              `a node got what nobody sent as a request: ${request.startLine}, ${shown(request.body, 200)}`,
            );
          link.write(answerTo(request, mark));
        },
      },
      { report, onRequest: (_, link) => link.write(ok('honest')) },
    );
  }

  probe(): Promise<string | undefined> {
    return this.#room.probe(this.#probes++);
  }

  async run(index: number, prng: Prng): Promise<string | undefined> {
    const { stream, isPlain } = makeStream(prng, index);
    const requests = strictly(stream);
    for (const request of requests) for (const mark of marksOf(request)) this.#allowed.add(mark);
    const door = prng.pick(DOORS);
    const [pieces, ending] = [cut(prng, stream), prng.next()];
    const line = await this.#room.connect(door);
    if (line === undefined) return `no connection to ${door}`;
    const methods = requests.map(({ method }) => method);
    const writing = line.writePieces(pieces);
    const said = (what: string): string => `${what} at ${door}: ${shown(stream)}`;
    if (ending < 0.15) {
      if (ending < 0.08) await writing;
      if (ending < 0.1) line.reset();
      else line.destroy();
    } else {
      await writing;
      if (ending < 0.3) line.finish();
      const done = (): boolean => line.gone || line.ended || finals(line.received, methods) >= methods.length;
      // What is not whole is waited for no longer than its deadlines.
      const patient = ending > 0.998 || ending < 0.3 || isPlain;
      const came = await line.until(
        patient && !isPlain ? () => line.gone || line.ended : done,
        isPlain || patient ? HANG_MS : 500,
      );
      if (!came && patient) return said('hang: no answer, and no end of the connection');
    }
    const { ended, received } = line;
    line.destroy();
    const gone = await line.until(() => line.gone, HANG_MS);
    if (!gone) return said('hang: the connection did not end');
    const wrong = judge(received, requests, ended, isPlain && ending >= 0.3);
    return wrong === undefined ? undefined : said(wrong);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#room[Symbol.asyncDispose]();
  }
}

function markOf(request: Request): string {
  return `${TOKEN.exec(request.target)?.[0]}:${request.method}:${digestOf(request.body)}`;
}

/** A path with dot segments may come without its token. */
function marksOf(request: Request): readonly string[] {
  const mark = markOf(request);
  const hasDots = /\/(?:\.|%2e){1,2}(?:\/|$|\?)/i.test(request.target);
  return hasDots ? [mark, mark.replace(TOKEN, 'undefined')] : [mark];
}

function answerTo(request: Request, mark: string): string {
  const isHl7 = value(request, 'content-type')?.includes('hl7-v2') === true;
  const id = controlIdOf(request.body)?.id ?? '';
  const body = isHl7 ? `MSH|^~\\&|N|N|||2026||ACK|1|P|2.5\rMSA|AA|${id}|${mark}\r` : mark;
  return ok(body).slice(0, request.method === 'HEAD' ? -body.length : undefined);
}

/** What any reader has to take for requests. */
function strictly(stream: Buffer): readonly Request[] {
  try {
    return readRequests(stream, true).messages;
  } catch (error) {
    if (error instanceof NotStrict) return error.messages as readonly Request[];
    throw error;
  }
}

function finals(received: Buffer, methods: readonly string[]): number {
  try {
    return readResponses(received, methods).messages.filter(({ status }) => status >= 200).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function judge(
  received: Buffer,
  requests: readonly Request[],
  ended: boolean,
  mustAnswer: boolean,
): string | undefined {
  let responses: ReturnType<typeof readResponses>['messages'];
  try {
    const methods = requests.map(({ method }) => method);
    responses = readResponses(received, methods, ended).messages.filter(({ status }) => status >= 200);
  } catch (error) {
    return `responses that are not strict (${(error as Error).message}): ${shown(received)}`;
  }
  for (const [n, { status, body }] of responses.entries()) {
    const request = requests[n];
    if (status !== 200) {
      // A busy machine may be too slow for a deadline.
      if (mustAnswer && status !== 408) return `request ${n} is plain, and was answered ${status}`;
      continue;
    }
    if (request === undefined) return `a response 200 to what is no request: ${shown(received)}`;
    // The gateway’s own refusal of an HL7 message, by that one's separator and in its mode.
    if (/\rMSA([^\r])[AC][ER]\1.*GW_ERR_/s.test(body.toString('latin1'))) continue;
    if (request.method !== 'HEAD' && !marksOf(request).some((mark) => body.includes(mark)))
      return `request ${n} has another’s response: ${shown(body)}`;
  }
  const isLate = responses.some(({ status }) => status === 408);
  return mustAnswer && !isLate && responses.length < requests.length
    ? `${responses.length} responses to ${requests.length} plain requests`
    : undefined;
}

const SPICE = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  '\0',
  '\x0b',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: +5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding: chunked, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'Host: other\r\n',
  'Connection: close\r\n',
  'Connection: Content-Length\r\n',
  'Connection: keep-alive, Transfer-Encoding\r\n',
  'Upgrade: websocket\r\nConnection: upgrade\r\n',
  'Expect: 100-continue\r\n',
  'Expect: x\r\n',
  'GET /F0-0 HTTP/1.1\r\nHost: x\r\n\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '5;x=y\r\n',
  'ffffffffffffffff\r\n',
  'HTTP/1.0',
  'HTTP/2.0',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '%00',
  '/../',
  '/%2e%2e/',
  '#x',
  '?a=b',
  'TE: trailers\r\n',
  'Trailer: x\r\n',
  'Content_Length: 9\r\n',
  'X: y\r\n',
  '\xff',
  '\x80',
  'chunked',
  'Content-Encoding: gzip\r\n',
].map((text) => Buffer.from(text, 'latin1'));

function makeStream(prng: Prng, index: number): { stream: Buffer; isPlain: boolean } {
  const parts: Buffer[] = [];
  let isPlain = true;
  for (let n = prng.int(1, 4); n > 0; n--) {
    const plain = makeRequest(prng, `F${index}-${n}`);
    const kind = prng.next();
    if (kind < 0.5) parts.push(plain);
    else {
      isPlain = false;
      if (kind < 0.92) parts.push(mutate(prng, plain, SPICE));
      else if (kind < 0.95) parts.push(prng.pick(SPICE));
      else if (kind < 0.97) parts.push(plain.subarray(0, prng.int(1, plain.length)));
      else if (kind < 0.98) parts.push(randomBytes(prng, prng.int(1, 80)));
      else
        parts.push(
          Buffer.from(
            `GET /F${index}-${n} HTTP/1.1\r\nHost: a\r\n${'X-Many: 1\r\n'.repeat(prng.int(90, 140))}X: ${'y'.repeat(prng.int(1, 20_000))}\r\n\r\n`,
          ),
        );
    }
  }
  return { stream: Buffer.concat(parts), isPlain };
}

function makeRequest(prng: Prng, token: string): Buffer {
  const fields = ['Host: localhost'];
  if (prng.chance(0.3))
    fields.push(
      prng.pick([
        'Accept: */*',
        'X-A: b',
        'Cookie: a=b',
        'User-Agent: fuzz',
        'X-Empty:',
        'X-Forwarded-For: 1.2.3.4',
      ]),
    );
  const path = `/${token}${prng.chance(0.2) ? prng.pick(['?q=1', '/a/b', '/%41', '/a//b', '/x/../y']) : ''}`;
  if (prng.chance(0.4)) {
    const method = prng.pick(['GET', 'GET', 'HEAD', 'OPTIONS', 'DELETE']);
    return request(method, path, fields, '');
  }
  const isHl7 = prng.chance(0.3);
  const body = isHl7
    ? plainMessage(token).toString('latin1')
    : prng.pick(['', 'hello', 'GET /F0-0 HTTP/1.1\r\nHost: x\r\n\r\n', 'x'.repeat(prng.int(1, 3_000))]);
  fields.push(`Content-Type: ${isHl7 ? 'x-application/hl7-v2+er7' : 'text/plain'}`);
  if (prng.chance(0.5))
    return request(
      isHl7 ? 'POST' : prng.pick(['POST', 'PUT']),
      path,
      [...fields, `Content-Length: ${body.length}`],
      body,
    );
  let chunks = '';
  for (let at = 0; at < body.length; ) {
    const size = prng.int(1, body.length - at);
    chunks += `${size.toString(16)}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  const trailers = prng.chance(0.2) ? 'X-Trailer: t\r\n' : '';
  return request('POST', path, [...fields, 'Transfer-Encoding: chunked'], `${chunks}0\r\n${trailers}\r\n`);
}

function request(method: string, path: string, fields: readonly string[], body: string): Buffer {
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}
