// What HTTP/2 clients can do to the gateway: frames by grammar and mutation, fields that HTTP/1 would read otherwise, streams begun and
// dropped. Judged at the node: strict HTTP/1.1, no target but those asked for, no body but the stream's; at the client, by the stream.
import type { Prng } from '../../../src/tools/world/prng.ts';
import { encode, type Field, FLAG, FRAME } from '../../helpers/raw-h2-client.ts';
import { ok } from '../http/node.ts';
import { HttpRoom } from '../http/room.ts';
import { HANG_MS, type Running, type Surroundings, targetOf } from '../target.ts';
import { cut, digestOf, mutate, randomBytes, shown } from '../wire/bytes.ts';

export const http2Client = targetOf('http2-client', (around) => new Http2Fuzz(around));

const TOKEN = /H\d+-\d+/;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

class Http2Fuzz implements Running {
  readonly #around: Surroundings;
  readonly #room: HttpRoom;
  /** By token: digest of the body; undefined where frames were mutated. */
  readonly #bodies = new Map<string, string | undefined>();
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
        onRequest: ({ target, startLine, body, method }, link) => {
          const token = TOKEN.exec(target)?.[0] ?? '';
          // A mutation may have changed a token, but has brought no request out of a field or a body.
          if (target.includes('smuggled')) report(`a node got what nobody asked for: ${startLine}`);
          const digest = this.#bodies.get(token);
          if (digest !== undefined && digest !== digestOf(body))
            report(`a node got another body for ${token}: ${shown(body, 200)}`);
          link.write(ok(token).slice(0, method === 'HEAD' ? -token.length : undefined));
        },
      },
      { report, onRequest: (_, link) => link.write(ok('honest')) },
    );
  }

  probe(): Promise<string | undefined> {
    return this.#room.probe(this.#probes++);
  }

  async run(index: number, prng: Prng): Promise<string | undefined> {
    const frames: Buffer[] = [];
    const tokens = new Map<number, string>();
    const isPlain = prng.chance(0.5);
    let stream = 1;
    for (let n = prng.int(1, 6); n > 0; n--) {
      const token = `H${index}-${n}`;
      const made = makeRequest(prng, token, stream, isPlain);
      frames.push(...made.frames);
      tokens.set(stream, token);
      this.#bodies.set(token, isPlain ? digestOf(made.body) : undefined);
      stream += 2;
      if (!isPlain && prng.chance(0.4)) frames.push(oddFrame(prng, stream));
    }
    let bytes = Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0, settings(prng, isPlain)), ...frames]);
    if (!isPlain && prng.chance(0.5)) bytes = Buffer.from(mutate(prng, bytes, SPICE));
    const ending = prng.next();
    const line = await this.#room.connect('https', ['h2']);
    if (line === undefined) return 'no connection';
    await line.writePieces(cut(prng, bytes));
    const said = (what: string): string => `${what}: ${shown(bytes)}`;
    if (isPlain && ending >= 0.2) {
      const all = (): boolean => answersIn(line.received).size >= tokens.size;
      if (!(await line.until(() => all() || line.gone, HANG_MS))) return said('hang: no answer');
      const wrong = judge(line.received, tokens);
      if (wrong !== undefined) return said(wrong);
    }
    if (ending < 0.1) line.reset();
    else if (ending < 0.3) line.destroy();
    else line.finish();
    const gone = await line.until(() => line.gone, HANG_MS);
    line.destroy();
    return gone ? undefined : said('hang: the connection did not end');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#room[Symbol.asyncDispose]();
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

function settings(prng: Prng, isPlain: boolean): Buffer {
  if (isPlain || prng.chance(0.5)) return Buffer.alloc(0);
  const payload = Buffer.alloc(6 * prng.int(1, 4));
  for (let at = 0; at < payload.length; at += 6) {
    payload.writeUInt16BE(prng.int(0, 8), at);
    payload.writeUInt32BE(prng.pick([0, 1, 100, 16_384, 65_535, 16_777_216, 0x7fffffff, 0xffffffff]), at + 2);
  }
  return payload;
}

const ODD_FIELDS: readonly Field[] = [
  ['transfer-encoding', 'chunked'],
  ['content-length', '3'],
  ['content-length', '3, 3'],
  ['connection', 'close'],
  ['host', 'other'],
  ['te', 'gzip'],
  ['upgrade', 'websocket'],
  [':path', '/other'],
  [':method', 'GET /smuggled HTTP/1.1\r\nx:'],
  [':authority', 'a\r\nx: y'],
  [':scheme', 'http'],
  [':status', '200'],
  [':protocol', 'websocket'],
  ['x', `a\r\n\r\n${SMUGGLED}`],
  ['x\r\ny', 'z'],
  ['X-Upper', 'a'],
  ['', 'empty'],
  ['x y', 'space'],
  ['x:', 'colon'],
  ['x', '\0'],
  ['x', '\n'],
  ['x', '\r'],
  ['x', ' padded '],
  ['cookie', 'a=b'],
  ['cookie', 'c=d'],
  ['expect', '100-continue'],
  ['transfer_encoding', 'chunked'],
  ['x', 'y'.repeat(5_000)],
  ['keep-alive', '1'],
  ['proxy-connection', 'x'],
  ['content-type', 'x-application/hl7-v2+er7'],
];

function makeRequest(
  prng: Prng,
  token: string,
  stream: number,
  isPlain: boolean,
): { frames: Buffer[]; body: Buffer } {
  const hasBody = prng.chance(0.5);
  const body = hasBody
    ? Buffer.from(prng.pick(['hello', SMUGGLED, 'x'.repeat(prng.int(1, 3_000))]))
    : Buffer.alloc(0);
  let fields: Field[] = [
    [':method', hasBody ? 'POST' : 'GET'],
    [':scheme', 'https'],
    [':authority', 'localhost'],
    [':path', `/${token}`],
    ['x-fuzz', 'y'],
  ];
  if (!isPlain) {
    for (let n = prng.int(0, 2); n > 0; n--)
      fields.splice(prng.int(0, fields.length), 0, prng.pick(ODD_FIELDS));
    if (prng.chance(0.1)) fields = fields.filter(() => prng.chance(0.8));
    if (prng.chance(0.03)) fields.push(...Array.from({ length: 150 }, (_, n): Field => [`x-${n}`, 'y']));
  }
  const block = encode(fields);
  const end = hasBody ? 0 : FLAG.endStream;
  const frames: Buffer[] = [];
  if (prng.chance(0.2) && block.length > 2) {
    const at = prng.int(1, block.length - 1);
    frames.push(frame(FRAME.headers, end, stream, block.subarray(0, at)));
    frames.push(frame(FRAME.continuation, FLAG.endHeaders, stream, block.subarray(at)));
  } else frames.push(frame(FRAME.headers, FLAG.endHeaders | end, stream, block));
  if (hasBody) {
    const at = prng.int(0, body.length);
    frames.push(frame(FRAME.data, 0, stream, body.subarray(0, at)));
    const ends = isPlain || prng.chance(0.8);
    frames.push(frame(FRAME.data, ends ? FLAG.endStream : 0, stream, body.subarray(at)));
  }
  if (!isPlain && prng.chance(0.2))
    frames.push(frame(FRAME.rst, 0, stream, Buffer.from([0, 0, 0, prng.int(0, 14)])));
  return { frames, body };
}

/** Any type, any stream, any flags. */
function oddFrame(prng: Prng, next: number): Buffer {
  const stream = prng.pick([0, 1, 2, next, next - 2, 0x7fffffff, 0xffffffff]);
  const payload = prng.pick([
    Buffer.alloc(0),
    Buffer.alloc(4),
    Buffer.from([0x7f, 255, 255, 255]),
    Buffer.alloc(5),
    Buffer.alloc(8),
    encode([['x-trailer', 'y']]),
    randomBytes(prng, prng.int(0, 40)),
  ]);
  const one = frame(prng.int(0, 12), prng.pick([0, 1, 4, 5, 8, 32, 255]), stream, payload);
  return prng.chance(0.1) ? Buffer.concat(Array.from({ length: 60 }, () => one)) : one;
}

const SPICE = [
  frame(0, 1, 1),
  frame(4, 0, 0),
  frame(4, 1, 0),
  frame(6, 0, 0, Buffer.alloc(8)),
  frame(7, 0, 0, Buffer.alloc(8)),
  frame(8, 0, 0, Buffer.from([0, 0, 0, 0])),
  Buffer.from([0x82, 0x84, 0x86]),
  Buffer.from([0xff, 0xff, 0xff]),
  Buffer.from('\r\n'),
  Buffer.from([0]),
];

/** By stream: its data, where the gateway has ended it. */
function answersIn(received: Buffer): Map<number, string> {
  const data = new Map<number, string>();
  const ended = new Map<number, string>();
  for (let at = 0; at + 9 <= received.length; ) {
    const length = received.readUIntBE(at, 3);
    if (at + 9 + length > received.length) break;
    const [type, flags = 0, stream] = [received[at + 3], received[at + 4], received.readUInt32BE(at + 5)];
    if (type === FRAME.data)
      data.set(stream, (data.get(stream) ?? '') + received.toString('latin1', at + 9, at + 9 + length));
    if (
      type === FRAME.rst ||
      ((type === FRAME.data || type === FRAME.headers) && (flags & FLAG.endStream) !== 0)
    )
      ended.set(stream, data.get(stream) ?? '');
    at += 9 + length;
  }
  return ended;
}

function judge(received: Buffer, tokens: ReadonlyMap<number, string>): string | undefined {
  const answers = answersIn(received);
  for (const [stream, token] of tokens) {
    const answer = answers.get(stream);
    if (answer === undefined) return `stream ${stream} was not answered`;
    if (answer !== token && !answer.startsWith('GW_ERR_HTTP_TIMEOUT'))
      return `stream ${stream} (${token}) was answered ${JSON.stringify(answer.slice(0, 200))}`;
  }
  return undefined;
}
