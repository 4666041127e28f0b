// Nodes behind the proxies, a process of its own: `node sink.ts [PORTS [rewritten]]` listens on so many ports, and answers every
// message by a prepared answer with its control id in it.
// Promises: every byte of a message is compared with what a sender sends; one write for each read. What is wrong is counted and
// not answered. `rewritten`: behind relays that encode a message again, only MSH-10 is looked at.
import { once } from 'node:events';
import net from 'node:net';
import {
  ACK,
  ACK_ID_FROM,
  FRAMING_BYTES,
  frameOf,
  ID_DIGITS,
  ID_FROM,
  ID_TO,
  LENGTH_DIGITS,
  LENGTH_FROM,
  numberAt,
  writeId,
} from './frames.ts';

export interface SinkReport {
  readonly answered: number;
  readonly wrong: number;
  readonly firstWrong: string;
}

let answered = 0;
let wrong = 0;
let firstWrong = '';

const NO_ID = '0'.repeat(ID_DIGITS);
const templates = new Map<number, Buffer>();

/** What a message of this length looks like, or undefined where there is none. */
function templateOf(bytes: number): Buffer | undefined {
  const known = templates.get(bytes);
  if (known !== undefined) return known;
  if (!Number.isInteger(bytes) || bytes < 250 || bytes > 2 ** 26) return undefined;
  const template = frameOf(NO_ID, bytes);
  templates.set(bytes, template);
  return template;
}

/** Answers that go out by one write. They lie here until the kernel has them. */
let out: Buffer = Buffer.alloc(0);
const EMPTY: Buffer = Buffer.alloc(0);

function answersFor(ids: number): Buffer {
  if (out.length < ids * ACK.length) {
    const count = Math.max(64, ids * 2);
    out = Buffer.concat(Array.from({ length: count }, () => ACK));
  }
  return out;
}

class Connection {
  readonly #socket: net.Socket;
  /** The beginning of a message that has not come as far as its control id. */
  #head = EMPTY;
  #template = EMPTY;
  /** Of the message that is being read; 0: between two. */
  #at = 0;
  readonly #id = new Uint8Array(ID_DIGITS);

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    this.#head = EMPTY;
    const answers = answersFor(Math.ceil(bytes.length / (250 + FRAMING_BYTES)) + 1);
    let count = 0;
    for (let from = 0; from < bytes.length; ) {
      if (this.#at === 0 && bytes.length - from < ID_TO) {
        this.#head = bytes.subarray(from);
        break;
      }
      if (this.#at === 0 && !this.#begin(bytes, from)) return;
      const piece = Math.min(bytes.length - from, this.#template.length - this.#at);
      // Others read messages of this length as well: the id in the template is that of the piece.
      if (this.#at < ID_TO) writeId(this.#id, this.#template, ID_FROM);
      const isRight = this.#template.compare(bytes, from, from + piece, this.#at, this.#at + piece) === 0;
      if (!isRight) {
        this.#refuse('a message is not as it was sent');
        return;
      }
      from += piece;
      this.#at += piece;
      if (this.#at < this.#template.length) break;
      this.#at = 0;
      writeId(this.#id, answers, count++ * ACK.length + ACK_ID_FROM);
    }
    if (count === 0) return;
    answered += count;
    this.#socket.write(answers.subarray(0, count * ACK.length));
    if (this.#socket.writableLength > 0) out = EMPTY;
  }

  #begin(bytes: Buffer, from: number): boolean {
    const template = templateOf(numberAt(bytes, from + LENGTH_FROM, LENGTH_DIGITS));
    if (template === undefined) {
      this.#refuse('a message does not begin as one');
      return false;
    }
    this.#template = template;
    this.#id.set(bytes.subarray(from + ID_FROM, from + ID_TO));
    return true;
  }

  #refuse(text: string): void {
    wrong++;
    firstWrong ||= `${text}: control id ${Buffer.from(this.#id).toString('latin1')}, byte ${this.#at} or later`;
    this.#socket.destroy();
  }
}

/** Frames are cut by their end block; the control id is the tenth field. */
function readRewritten(socket: net.Socket): void {
  let rest = EMPTY;
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const bytes = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(0x1c); end >= 0; end = bytes.indexOf(0x1c, from)) {
      const id = bytes.toString('latin1', from, Math.min(end, from + 2 * ID_TO)).split('|')[9] ?? '';
      const answer = Buffer.from(ACK);
      answer.write(id.slice(0, ID_DIGITS), ACK_ID_FROM, 'latin1');
      answered++;
      socket.write(answer);
      from = end + 2;
    }
    rest = bytes.subarray(from);
  });
}

const isRewritten = process.argv[3] === 'rewritten';

async function listen(): Promise<number> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    if (isRewritten) readRewritten(socket);
    else new Connection(socket);
  });
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

const ports = await Promise.all(Array.from({ length: Number(process.argv[2] ?? 1) }, listen));
process.on('message', () => {
  process.send?.({ answered, wrong, firstWrong } satisfies SinkReport);
  answered = 0;
  wrong = 0;
  firstWrong = '';
});
process.send?.({ port: ports[0], ports });
process.once('disconnect', () => process.exit());
