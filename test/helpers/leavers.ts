// Peers that go away at a moment that chance decides: clients of every protocol, and nodes. Promises: by its seed a run's
// choices can be had again; which side is faster is the machine's.
import net from 'node:net';
import tls from 'node:tls';
import { ackFor, frame, message, unframe } from './mllp.ts';
import { encode, FLAG, FRAME } from './raw-h2-client.ts';
import { turns } from './until.ts';

export interface Chance {
  /** 0 or more, less than `below`. */
  below(below: number): number;
  /** True one time in `times`. */
  once(times: number): boolean;
  of<T>(things: readonly T[]): T;
}

/** Mulberry32. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    once: (times) => below(times) === 0,
    of: (things) => things[below(things.length)] as never,
  };
}

export interface LeavingClient {
  readonly port: number;
  readonly tls: tls.ConnectionOptions | undefined;
  /** All that it would say, if it stayed. */
  readonly bytes: Buffer;
  /** What it says once it was answered: in a tunnel. */
  readonly more?: Buffer;
}

/** Resolves when it is gone. */
export async function leave(
  chance: Chance,
  { port, tls: secure, bytes, more }: LeavingClient,
): Promise<void> {
  const raw = net.connect({ port, host: '127.0.0.1', allowHalfOpen: chance.once(2), noDelay: true });
  raw.on('error', ignore);
  const closed = new Promise((resolve) => raw.once('close', resolve));
  const socket = secure === undefined ? raw : tls.connect({ socket: raw, ...secure });
  socket.on('error', ignore).resume();
  let answered = (): void => {};
  const answer = new Promise<void>((resolve) => {
    answered = resolve;
  });
  socket.on('data', answered);
  const gone = (): boolean => raw.destroyed || socket.destroyed;
  // Within the handshake, too.
  if (secure === undefined || !chance.once(20)) {
    const ready = new Promise((resolve) =>
      socket.once(secure === undefined ? 'connect' : 'secureConnect', resolve),
    );
    await Promise.race([ready, closed]);
  } else await turns(chance.below(12));
  const said = chance.once(2) ? bytes.length : chance.below(bytes.length + 1);
  const cut = chance.below(said + 1);
  for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut, said)]) {
    if (!gone() && piece.length > 0) socket.write(piece);
    if (chance.once(2)) await turns(chance.below(4));
  }
  if (said === bytes.length) {
    if (chance.once(2)) await Promise.race([answer, closed, turns(40)]);
    if (more !== undefined && !gone()) socket.write(more);
    await turns(chance.below(12));
  }
  goAway(chance, socket, raw);
  await closed;
}

type Way = 'reset' | 'destroy' | 'end' | 'below';

function goAway(chance: Chance, socket: net.Socket, raw: net.Socket): void {
  const way = chance.of<Way>(['reset', 'reset', 'destroy', 'end', 'below']);
  // Not within a callback of TLS.
  if (way === 'reset') setImmediate(() => raw.resetAndDestroy());
  else if (way === 'below') setImmediate(() => raw.destroy());
  else if (way === 'destroy') socket.destroy();
  else {
    socket.end();
    setImmediate(() => setImmediate(() => raw.destroy()));
  }
}

/** A node for both protocols, which answers as often as not. */
export class LeavingNode implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #chance: Chance;
  readonly #sockets = new Set<net.Socket>();
  readonly #protocol: 'mllp' | 'http';
  /** From now on it does as it should. */
  stays = false;

  constructor(protocol: 'mllp' | 'http', chance: Chance) {
    this.#protocol = protocol;
    this.#chance = chance;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `${this.#protocol}://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket
      .on('close', () => this.#sockets.delete(socket))
      .on('error', ignore)
      .on('end', () => socket.end());
    if (!this.stays && this.#chance.once(30)) {
      socket.destroy();
      return;
    }
    let seen = Buffer.alloc(0);
    let isTunnel = false;
    socket.on('data', (chunk: Buffer) => {
      if (isTunnel) {
        socket.write(chunk);
        if (!this.stays && this.#chance.once(3)) this.#go(socket);
        return;
      }
      seen = Buffer.concat([seen, chunk]);
      for (;;) {
        const [answer, used] =
          this.#protocol === 'mllp' ? mllpAnswer(seen) : httpAnswer(seen, this.#chance, this.stays);
        if (answer === undefined) break;
        seen = seen.subarray(used);
        if (answer.includes(' 101 ')) isTunnel = true;
        void this.#say(socket, answer);
      }
      if (!this.stays && this.#chance.once(40)) this.#go(socket);
    });
  }

  async #say(socket: net.Socket, answer: Buffer): Promise<void> {
    if (this.stays) {
      socket.write(answer);
      return;
    }
    if (this.#chance.once(3)) await turns(this.#chance.below(8));
    const said = this.#chance.once(4) ? this.#chance.below(answer.length) : answer.length;
    const cut = this.#chance.below(said + 1);
    for (const piece of [answer.subarray(0, cut), answer.subarray(cut, said)]) {
      if (!socket.destroyed && piece.length > 0) socket.write(piece);
      if (this.#chance.once(2)) await turns(this.#chance.below(3));
    }
    if (said < answer.length || this.#chance.once(6)) this.#go(socket);
  }

  #go(socket: net.Socket): void {
    if (socket.destroyed) return;
    const way = this.#chance.of<Way>(['reset', 'destroy', 'end']);
    if (way === 'reset') socket.resetAndDestroy();
    else if (way === 'destroy') socket.destroy();
    else socket.end();
  }
}

type Answer = readonly [answer: Buffer | undefined, used: number];
const NONE: Answer = [undefined, 0];

function mllpAnswer(seen: Buffer): Answer {
  const end = seen.indexOf('\x1c\r');
  if (end < 0) return NONE;
  const [payload] = unframe(seen.subarray(0, end + 2));
  return [payload === undefined ? Buffer.alloc(0) : frame(ackFor(payload)), end + 2];
}

function httpAnswer(seen: Buffer, chance: Chance, stays: boolean): Answer {
  const end = seen.indexOf('\r\n\r\n');
  if (end < 0) return NONE;
  const head = seen.toString('latin1', 0, end).toLowerCase();
  const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
  let used = end + 4 + length;
  if (head.includes('transfer-encoding: chunked')) {
    const last = seen.indexOf('0\r\n\r\n', end + 4);
    if (last < 0) return NONE;
    used = last + 5;
  }
  if (seen.length < used) return NONE;
  if (head.includes('\r\nupgrade: '))
    return [
      binary('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello'),
      used,
    ];
  if (head.includes('application/hl7-v2')) {
    const ack = ackFor(seen.subarray(end + 4, used));
    return [
      Buffer.concat([
        binary(
          `HTTP/1.1 200 OK\r\nContent-Type: application/hl7-v2\r\nContent-Length: ${ack.length}\r\n\r\n`,
        ),
        ack,
      ]),
      used,
    ];
  }
  const body = 'x'.repeat(stays ? 2 : chance.of([0, 2, 2_000, 200_000]));
  const responses = [
    `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length === 0 ? '' : `${body.length.toString(16)}\r\n${body}\r\n`}0\r\nX-Sum: 1\r\n\r\n`,
  ];
  return [binary(stays ? (responses[0] ?? '') : chance.of(responses)), used];
}

const binary = (text: string): Buffer => Buffer.from(text, 'latin1');

function ignore(): void {}

const LARGE = 'x'.repeat(120_000);
const request = (start: string, lines: readonly string[], body = ''): Buffer =>
  binary([start, 'Host: vip.test', ...lines, '', body].join('\r\n'));
const HL7 = 'Content-Type: application/hl7-v2';

export type Protocol = 'mllp' | 'http' | 'h2';

/** What clients of each protocol say. */
export function wordsOf(protocol: Protocol, chance: Chance): Pick<LeavingClient, 'bytes' | 'more'> {
  const sent = message();
  if (protocol === 'mllp')
    return { bytes: Buffer.concat(Array.from({ length: 1 + chance.below(4) }, () => frame(message()))) };
  if (protocol === 'h2') return { bytes: h2Words(chance, sent) };
  return chance.of<() => Pick<LeavingClient, 'bytes' | 'more'>>([
    () => ({ bytes: request('GET / HTTP/1.1', []) }),
    () => ({ bytes: request('HEAD / HTTP/1.1', []) }),
    () => ({ bytes: Buffer.concat([request('GET /a HTTP/1.1', []), request('GET /b HTTP/1.1', [])]) }),
    () => ({ bytes: request('POST / HTTP/1.1', ['Content-Length: 500'], 'y'.repeat(500)) }),
    () => ({ bytes: request('POST / HTTP/1.1', [`Content-Length: ${LARGE.length}`], LARGE) }),
    () => ({
      bytes: request(
        'POST / HTTP/1.1',
        ['Transfer-Encoding: chunked'],
        `${LARGE.length.toString(16)}\r\n${LARGE}\r\n0\r\n\r\n`,
      ),
    }),
    () => ({ bytes: request('POST / HTTP/1.1', ['Expect: 100-continue', 'Content-Length: 5'], 'hello') }),
    () => ({ bytes: request('POST / HTTP/1.1', ['Transfer-Encoding: xchunked'], 'hello') }),
    () => ({ bytes: request('CONNECT a.test:1 HTTP/1.1', [], 'hello') }),
    () => ({
      bytes: request('POST / HTTP/1.1', [HL7, `Content-Length: ${sent.length}`], sent.toString('latin1')),
    }),
    ...Array.from({ length: 4 }, () => () => ({
      bytes: request(
        'GET /ws HTTP/1.1',
        ['Connection: Upgrade', 'Upgrade: websocket'],
        chance.once(2) ? 'early' : '',
      ),
      more: binary('z'.repeat(chance.of([1, 1_000, 300_000]))),
    })),
  ])();
}

function h2Words(chance: Chance, sent: Buffer): Buffer {
  const parts = [binary('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), h2Frame(FRAME.settings, 0, 0)];
  const count = 1 + chance.below(3);
  for (let i = 0; i < count; i++) {
    const stream = 1 + 2 * i;
    const body = chance.of([undefined, Buffer.alloc(500, 'y'), Buffer.alloc(16_000, 'y'), sent]);
    const fields: [string, string][] = [
      [':method', body === undefined ? 'GET' : 'POST'],
      [':scheme', 'https'],
      [':authority', 'vip.test'],
      [':path', '/'],
    ];
    if (body === sent) fields.push(['content-type', 'application/hl7-v2']);
    if (body !== undefined && chance.once(4)) fields.push(['expect', '100-continue']);
    const end = body === undefined ? FLAG.endStream : 0;
    parts.push(h2Frame(FRAME.headers, FLAG.endHeaders | end, stream, encode(fields)));
    if (body !== undefined) parts.push(h2Frame(FRAME.data, FLAG.endStream, stream, body));
    if (chance.once(5)) parts.push(h2Frame(FRAME.rst, 0, stream, Buffer.from([0, 0, 0, 8])));
  }
  if (chance.once(6)) parts.push(h2Frame(FRAME.goaway, 0, 0, Buffer.alloc(8)));
  return Buffer.concat(parts);
}

export function h2Frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
