// What HTTP nodes can do to the gateway: responses by grammar and mutation, early, late, several, cut off, with what is behind them.
// Judged by the strict reader: a whole response at a client is the one that its node gave to that request, or the gateway's own.
import type { Prng } from '../../../src/tools/world/prng.ts';
import { NotStrict, type Response, readResponses } from '../../helpers/strict-http.ts';
import { HANG_MS, LONG, type Running, type Surroundings, targetOf } from '../target.ts';
import { cut, mutate, randomBytes, shown } from '../wire/bytes.ts';
import { type HttpLink, ok } from './node.ts';
import { DOORS, HttpRoom } from './room.ts';

export const httpNode = targetOf('http-node', (around) => new NodeFuzz(around));

interface Reply {
  readonly pieces: readonly Buffer[];
  readonly ending: 'stays' | 'ends' | 'resets';
}

const TOKEN = /R\d+-\d+/;

class NodeFuzz implements Running {
  readonly #around: Surroundings;
  readonly #room: HttpRoom;
  readonly #replies = new Map<string, Reply>();
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
          const reply = this.#replies.get(TOKEN.exec(request.target)?.[0] ?? '');
          if (reply === undefined) report(`a node got what nobody sent: ${request.startLine}`);
          else void play(reply, link);
        },
      },
      { report, onRequest: (_, link) => link.write(ok('honest')) },
      { timeouts: { connect: LONG, ack: '300ms' }, queue: { timeout: '2s' }, retry: { attempts: 1 } },
    );
  }

  probe(): Promise<string | undefined> {
    return this.#room.probe(this.#probes++);
  }

  async run(index: number, prng: Prng): Promise<string | undefined> {
    const door = prng.pick(DOORS);
    const requests = Array.from({ length: prng.int(1, 3) }, (_, n) => {
      const [token, method] = [`R${index}-${n}`, prng.pick(['GET', 'GET', 'POST', 'HEAD'])];
      const bytes = makeReply(prng, token, method);
      this.#replies.set(token, {
        pieces: cut(prng, bytes),
        ending: prng.pick(['stays', 'stays', 'stays', 'ends', 'resets']),
      });
      return { token, method, bytes };
    });
    const line = await this.#room.connect(door);
    if (line === undefined) return `no connection to ${door}`;
    line.write(Buffer.from(requests.map(({ token, method }) => requestOf(token, method)).join('')));
    const methods = requests.map(({ method }) => method);
    const came = await line.until(
      () => line.gone || line.ended || finals(line.received, methods) >= methods.length,
      HANG_MS,
    );
    const { received, ended } = line;
    line.destroy();
    await line.until(() => line.gone, HANG_MS);
    const said = (what: string): string =>
      `${what} at ${door}: ${requests.map(({ method, bytes }) => `${method} ${shown(bytes, 500)}`).join('; ')}`;
    if (!came) return said('hang: no answer, and no end of the connection');
    const wrong = judge(received, ended, requests, (token) => this.#replies.has(token));
    return wrong === undefined ? undefined : said(wrong);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#room[Symbol.asyncDispose]();
  }
}

async function play({ pieces, ending }: Reply, link: HttpLink): Promise<void> {
  for (const piece of pieces) {
    link.write(piece);
    await new Promise(setImmediate);
  }
  if (ending === 'ends') link.socket.end();
  else if (ending === 'resets') link.socket.resetAndDestroy();
}

function requestOf(token: string, method: string): string {
  const body = method === 'POST' ? 'Content-Length: 5\r\n\r\nhello' : '\r\n';
  return `${method} /${token} HTTP/1.1\r\nHost: localhost\r\n${body}`;
}

function finals(received: Buffer, methods: readonly string[]): number {
  try {
    return readResponses(received, methods, false, true).messages.filter(({ status }) => status >= 200)
      .length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

interface Asked {
  readonly token: string;
  readonly method: string;
  readonly bytes: Buffer;
}

function judge(
  received: Buffer,
  ended: boolean,
  requests: readonly Asked[],
  wasSent: (token: string) => boolean,
): string | undefined {
  let responses: readonly Response[];
  try {
    const methods = requests.map(({ method }) => method);
    responses = readResponses(received, methods, ended, true).messages.filter(({ status }) => status >= 200);
  } catch (error) {
    if (!(error instanceof NotStrict)) throw error;
    return `responses that are not strict (${error.message}): ${shown(received)}`;
  }
  for (const [n, response] of responses.entries()) {
    const asked = requests[n];
    if (asked === undefined) return `more responses than requests: ${shown(received)}`;
    const text = response.body.toString('latin1');
    // A token can be made another one by mutation, or by how chunks are cut: what counts is one that was sent.
    const other = text
      .match(/R\d+-\d+/g)
      ?.find((token) => token !== asked.token && wasSent(token) && !unchunked(asked.bytes).includes(token));
    if (other !== undefined)
      return `the response to ${asked.token} has ${other} in it: ${shown(response.body)}`;
    if (/^GW_ERR_/.test(text) || response.status >= 500) continue;
    const given = strictly(asked.bytes, asked.method);
    // Where a start line is no strict one, what is the body is a matter of taste.
    if (text.includes('!extra') && given !== undefined && !given.body.includes('!extra'))
      return `${asked.token} has what stood behind its response: ${shown(response.body)}`;
    if (asked.method !== 'HEAD' && given !== undefined && !given.body.equals(response.body))
      return `another body than the node’s: ${shown(response.body)}`;
  }
  return undefined;
}

/** Without the sizes between chunks. */
function unchunked(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/\r\n[0-9a-f]+\r\n/gi, '');
}

/** The final response in what a node said, where it is whole without the connection's end. What is no response behind it does not matter. */
function strictly(bytes: Buffer, method: string): Response | undefined {
  const isFinal = ({ status }: Response): boolean => status >= 200;
  try {
    return readResponses(bytes, [method], false, true).messages.find(isFinal);
  } catch (error) {
    if (error instanceof NotStrict) return (error.messages as readonly Response[]).find(isFinal);
    throw error;
  }
}

const SPICE = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  ' ',
  ':',
  '\0',
  'Content-Length: 3\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: -1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Connection: close\r\n',
  'Connection: upgrade\r\nUpgrade: x\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n!extra',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'HTTP/1.0',
  'HTTP/3.0',
  '204',
  '304',
  '999',
  '099',
  '\xff',
  'Set-Cookie: a=b\r\n',
  'Trailer: x\r\n',
  'fffffffff\r\n',
  ' folded\r\n',
].map((text) => Buffer.from(text, 'latin1'));

function makeReply(prng: Prng, token: string, method: string): Buffer {
  const plain = plainReply(prng, token, method);
  const kind = prng.next();
  if (kind < 0.35) return plain;
  if (kind < 0.75) return mutate(prng, plain, SPICE);
  if (kind < 0.82) return Buffer.concat([plain, Buffer.from(ok('!extra'))]);
  if (kind < 0.86) return plain.subarray(0, prng.int(0, plain.length));
  if (kind < 0.9) return Buffer.concat([prng.pick(SPICE), plain]);
  if (kind < 0.93) return randomBytes(prng, prng.int(0, 60));
  if (kind < 0.96) return Buffer.concat([plain, plain]);
  return Buffer.from(
    `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(prng.int(1, 40_000))}\r\nContent-Length: ${token.length}\r\n\r\n${token}`,
  );
}

function plainReply(prng: Prng, token: string, method: string): Buffer {
  const before = prng.chance(0.1) ? 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' : '';
  const status = prng.pick([
    '200 OK',
    '200 OK',
    '200 OK',
    '404 Not Found',
    '302 Found',
    '500 Internal Server Error',
    '204 No Content',
    '304 Not Modified',
  ]);
  const none = method === 'HEAD' || /^(204|304)/.test(status);
  const body = `${token} ${'z'.repeat(prng.pick([0, 10, 3_000]))}`;
  if (none)
    return Buffer.from(
      `${before}HTTP/1.1 ${status}\r\n${status.startsWith('204') ? '' : `Content-Length: ${body.length}\r\n`}\r\n`,
    );
  if (prng.chance(0.5))
    return Buffer.from(`${before}HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const half = Math.floor(body.length / 2);
  return Buffer.from(
    `${before}HTTP/1.1 ${status}\r\nTransfer-Encoding: chunked\r\n\r\n${half.toString(16)}\r\n${body.slice(0, half)}\r\n${(body.length - half).toString(16)}\r\n${body.slice(half)}\r\n0\r\n\r\n`,
  );
}
