// An HTTP/2 client that a test writes frame by frame: headers as plain literals, whatever is in them.
// Promises: shares no code with nghttp2, which would refuse to send most of it; of answers it reads only what ends them.
import { once } from 'node:events';
import tls from 'node:tls';
import { PATIENCE_MS, Waits } from './until.ts';

export type Field = readonly [name: string, value: string];

export const FRAME = {
  data: 0,
  headers: 1,
  rst: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
};
export const FLAG = { endStream: 1, endHeaders: 4 };

/** RFC 7541, appendix A: the statuses that have an index of their own. */
const STATUS_AT_INDEX: Readonly<Record<number, string>> = {
  ...{ 8: '200', 9: '204', 10: '206', 11: '304', 12: '400', 13: '404', 14: '500' },
};

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export class RawH2Client implements AsyncDisposable {
  readonly socket: tls.TLSSocket;
  readonly frames: Frame[] = [];
  gone = false;
  readonly #waits = new Waits();
  #rest = Buffer.alloc(0);

  constructor(socket: tls.TLSSocket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('close', () => {
      this.gone = true;
      this.#waits.changed();
    });
  }

  send(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): void {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    this.socket.write(Buffer.concat([head, payload]));
  }

  headers(stream: number, fields: readonly Field[], endStream: boolean): void {
    this.send(FRAME.headers, FLAG.endHeaders | (endStream ? FLAG.endStream : 0), stream, encode(fields));
  }

  data(stream: number, text: string | Buffer, endStream: boolean): void {
    this.send(FRAME.data, endStream ? FLAG.endStream : 0, stream, Buffer.from(text as string));
  }

  /** How a stream ended: `200`, `400` and so on, `status` for one without an index, `reset 1`, `goaway 1`, or `closed`. */
  async outcome(stream: number, deadlineMs = PATIENCE_MS): Promise<string> {
    const find = (): string | undefined => this.#outcome(stream);
    await this.#waits.when(
      () => find() !== undefined,
      deadlineMs,
      () => `no outcome of stream ${stream}`,
    );
    return find() ?? 'closed';
  }

  async when(holds: () => boolean, what: string, deadlineMs = PATIENCE_MS): Promise<void> {
    await this.#waits.when(holds, deadlineMs, () => `${what} did not come about`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.gone ? undefined : once(this.socket, 'close');
    this.socket.destroy();
    await closed;
  }

  #outcome(stream: number): string | undefined {
    for (const { type, stream: of, payload } of this.frames) {
      if (type === FRAME.goaway && payload.readUInt32BE(4) !== 0) return `goaway ${payload.readUInt32BE(4)}`;
      if (of !== stream) continue;
      if (type === FRAME.headers) return STATUS_AT_INDEX[(payload[0] ?? 0) & 0x7f] ?? 'status';
      if (type === FRAME.rst) return `reset ${payload.readUInt32BE(0)}`;
    }
    return this.gone ? 'closed' : undefined;
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) break;
      const [type = 0, flags = 0] = [this.#rest[3], this.#rest[4]];
      const frame = {
        type,
        flags,
        stream: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(9, 9 + length),
      };
      this.frames.push(frame);
      this.#rest = this.#rest.subarray(9 + length);
      if (type === FRAME.settings && flags === 0) this.send(FRAME.settings, 1, 0);
      if (type === FRAME.ping && flags === 0) this.send(FRAME.ping, 1, 0, frame.payload);
    }
    this.#waits.changed();
  }
}

/** RFC 7541 6.2.2: literals without indexing, names and values as they are. */
export function encode(fields: readonly Field[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    parts.push(Buffer.from([0]));
    for (const text of [name, value]) parts.push(lengthOf(text.length), Buffer.from(text, 'latin1'));
  }
  return Buffer.concat(parts);
}

/** RFC 7541 5.1, with a prefix of 7 bits. */
function lengthOf(length: number): Buffer {
  if (length < 127) return Buffer.from([length]);
  const bytes = [127];
  let rest = length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

export async function connectH2(port: number, options: tls.ConnectionOptions): Promise<RawH2Client> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ALPNProtocols: ['h2'],
    ...options,
  });
  await once(socket, 'secureConnect');
  const client = new RawH2Client(socket);
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  client.send(FRAME.settings, 0, 0);
  // What acknowledges the settings must not come between two frames that a test writes.
  await client.when(() => client.frames.length >= 2, 'the settings');
  return client;
}
