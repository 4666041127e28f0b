// The far end of a WebSocket (RFC 6455) that sends back every frame as it came. Promises bounds: a frame has at most 1 MiB,
// a peer that does not read is not read from, one that says nothing for five minutes is closed.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { closeGracefully } from '../../mllp/graceful-close.ts';

/** 1.3 */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** More than any test of a proxy needs, and what one connection may hold in memory. */
const MAX_FRAME_BYTES = 1024 * 1024;
/** Longer than the usual 60 s after which proxies drop an idle WebSocket, so that their limit is what shows. */
const IDLE_MS = 300_000;

const CONTINUATION = 0x0;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;
/** 7.4.1 */
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
const TOO_BIG = 1009;

/** Answers the handshake (4.2); undefined: it was none, which has been answered too. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  fields: string,
): WebSocketEcho | undefined {
  const key = request.headers['sec-websocket-key'] ?? '';
  const version = request.headers['sec-websocket-version'];
  if (request.method !== 'GET' || !/^[A-Za-z0-9+/]{22}==$/.test(key) || version !== '13') {
    // 4.4: who speaks another version is told which there is.
    const why = version === '13' ? '400 Bad Request' : '426 Upgrade Required\r\nSec-WebSocket-Version: 13';
    socket.write(`HTTP/1.1 ${why}\r\n${fields}Content-Length: 0\r\nConnection: close\r\n\r\n`);
    closeGracefully(socket);
    return undefined;
  }
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\n${fields}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  return new WebSocketEcho(socket, head);
}

export class WebSocketEcho {
  readonly #socket: Socket;
  #unread: Buffer;
  /** In the middle of a message of several frames. */
  #fragmented = false;
  #closed = false;

  constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    this.#unread = head;
    socket.setTimeout(IDLE_MS, () => this.goAway());
    socket.on('data', (chunk: Buffer) => {
      if (this.#closed) return;
      this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
      this.#readFrames();
    });
    socket.on('end', () => closeGracefully(socket));
    this.#readFrames();
  }

  /** The node stops. */
  goAway(): void {
    this.#close(GOING_AWAY);
  }

  #readFrames(): void {
    while (!this.#closed && this.#unread.length >= 2) {
      const unread = this.#unread;
      const first = unread[0] as number;
      const second = unread[1] as number;
      const short = second & 0x7f;
      const from = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (unread.length < from) return;
      const length =
        short === 126 ? unread.readUInt16BE(2) : short === 127 ? Number(unread.readBigUInt64BE(2)) : short;
      const fault = this.#faultOf(first, second, length);
      if (fault !== undefined) {
        this.#close(fault);
        return;
      }
      const end = from + 4 + length;
      if (unread.length < end) return;
      const payload = Buffer.from(unread.subarray(from + 4, end));
      for (let i = 0; i < length; i++)
        payload[i] = (payload[i] as number) ^ (unread[from + (i & 3)] as number);
      this.#unread = unread.subarray(end);
      this.#onFrame(first, payload);
    }
  }

  /** 5.2, 5.4, 5.5: undefined if such a frame may come now; else what to close with. */
  #faultOf(first: number, second: number, length: number): number | undefined {
    const opcode = first & 0x0f;
    const masked = (second & 0x80) !== 0;
    // No extension was agreed on, so no RSV bit has a meaning; 5.1: a client's frames are masked.
    if (!masked || (first & 0x70) !== 0) return PROTOCOL_ERROR;
    if (opcode >= CLOSE) {
      const whole = (first & 0x80) !== 0 && length <= 125;
      return whole && opcode <= PONG && !(opcode === CLOSE && length === 1) ? undefined : PROTOCOL_ERROR;
    }
    if (opcode > 2 || (opcode === CONTINUATION) !== this.#fragmented) return PROTOCOL_ERROR;
    return length > MAX_FRAME_BYTES ? TOO_BIG : undefined;
  }

  #onFrame(first: number, payload: Buffer): void {
    const opcode = first & 0x0f;
    if (opcode === PONG) return;
    // 5.5.1: the same status comes back, without the words.
    if (opcode === CLOSE) this.#close(payload.length === 0 ? undefined : payload.readUInt16BE(0));
    else if (opcode === PING) this.#write(0x80 | PONG, payload);
    else {
      this.#fragmented = (first & 0x80) === 0;
      this.#write(first, payload);
    }
  }

  #close(status: number | undefined): void {
    if (this.#closed) return;
    const payload = Buffer.alloc(status === undefined ? 0 : 2);
    if (status !== undefined) payload.writeUInt16BE(status);
    this.#write(0x80 | CLOSE, payload);
    this.#closed = true;
    this.#unread = Buffer.alloc(0);
    closeGracefully(this.#socket);
  }

  #write(first: number, payload: Buffer): void {
    const { length } = payload;
    const head = Buffer.alloc(length < 126 ? 2 : length < 0x10000 ? 4 : 10);
    head[0] = first;
    head[1] = length < 126 ? length : length < 0x10000 ? 126 : 127;
    if (head.length === 4) head.writeUInt16BE(length, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
    const socket = this.#socket;
    if (socket.write(Buffer.concat([head, payload])) || socket.isPaused()) return;
    socket.pause();
    socket.once('drain', () => socket.resume());
  }
}
