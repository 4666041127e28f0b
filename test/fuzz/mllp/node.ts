// The fuzzers' own MLLP node. Promises: it reads what the gateway writes strictly, one frame behind the other and nothing between,
// and says so where that is not what came; what it answers is up to whoever made it.
import { once } from 'node:events';
import net from 'node:net';
import { AnswerReader, controlIdOf, framed } from './model.ts';

export interface NodeLink {
  readonly socket: net.Socket;
  write(bytes: Buffer): void;
}

export interface MllpNodeOptions {
  /** A whole frame has come. */
  onMessage(payload: Buffer, link: NodeLink): void;
  onLink?(link: NodeLink): void;
  report(finding: string): void;
}

export class MllpNode implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(options: MllpNodeOptions) {
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#admit(socket, options),
    );
  }

  static async start(options: MllpNodeOptions): Promise<MllpNode> {
    const node = new MllpNode(options);
    node.#server.listen(0, '127.0.0.1', 4096);
    await once(node.#server, 'listening');
    return node;
  }

  get url(): string {
    return `mllp://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #admit(socket: net.Socket, options: MllpNodeOptions): void {
    this.#sockets.add(socket);
    const reader = new AnswerReader();
    let seen = 0;
    const link: NodeLink = {
      socket,
      write: (bytes) => {
        if (socket.writable) socket.write(bytes);
      },
    };
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      if (reader.wrong !== undefined) return;
      reader.push(chunk);
      for (const payload of reader.payloads.slice(seen)) {
        seen++;
        if (payload.length === 0) options.report('a node got an empty frame');
        if (payload.includes(0x0b)) options.report('a node got a frame with a start block in it');
        options.onMessage(payload, link);
      }
      if (reader.wrong !== undefined) options.report(`a node got ${reader.wrong}`);
    });
    options.onLink?.(link);
  }
}

let answers = 0;

/** `code` for that very message, by its own separator. `mark` goes into MSA-3. */
export function answerTo(payload: Buffer, code: string, mark: string, id?: string): Buffer {
  const header = controlIdOf(payload);
  const s = header?.separator ?? '|';
  const number = answers++;
  return framed(
    `MSH${s}^~\\&${s}MIRTH${s}NODE${s}FUZZ${s}LAB${s}2026${s}${s}ACK${s}N${number}${s}P${s}2.5\rMSA${s}${code}${s}${id ?? header?.id ?? ''}${s}${mark}\r`,
  );
}
