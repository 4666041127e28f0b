// A sender of the soak: says its messages in order, keeps each until it is acknowledged, and says it again on the next connection.
// Promises: an acknowledgement counts for a message only with its control id and the checksum of its bytes.
import { crc32 } from 'node:zlib';
import { connectTo, type Link } from '../peers/connect.ts';
import { isTls, type TlsStart, type Wire } from '../peers/orders.ts';
import { earFor } from '../peers/speech.ts';
import { requestOf } from '../wire/http.ts';
import { frame, messageOf } from '../wire/mllp.ts';
import { idOf, Marks } from './receipts.ts';

export interface SoakSenderStart {
  readonly number: number;
  readonly wire: Wire;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsStart;
  /** Messages that may wait for their answers. */
  readonly window: number;
}

interface Message {
  readonly n: number;
  readonly crc: number;
  readonly bytes: Buffer;
  /** When it was to be sent, in milliseconds. */
  readonly due: number;
}

const RECONNECT_MS = 20;
/** What of a thousand messages has how many bytes besides its header, the largest first: as a site's, with some documents among them. */
const SIZES: readonly (readonly [ofThousand: number, bytes: number])[] = [
  [3, 1024 * 1024],
  [10, 65_000],
  [60, 20_000],
  [200, 2_000],
  [500, 480],
];
const SMALLEST_BYTES = 180;
/** And one in so many has 8 MB. */
const LARGEST_EACH = 5_000;
const LARGEST_BYTES = 8_000_000;
const FILLER = 'OBSERVATION '.repeat(LARGEST_BYTES / 12);

/** Spread over the messages of a sender, and different from sender to sender. */
function fillerOf(number: number, n: number): string {
  const place = n * 7919 + number * 104_729;
  if (place % LARGEST_EACH === 0) return FILLER;
  let left = place % 1_000;
  for (const [ofThousand, bytes] of SIZES) {
    left -= ofThousand;
    if (left < 0) return FILLER.slice(0, bytes);
  }
  return FILLER.slice(0, SMALLEST_BYTES);
}
/** What a sender may have to say: beyond that the load is more than the gateway can take, and is not built up. */
const MAX_BACKLOG = 10_000;

export class SoakSender {
  readonly #start: SoakSenderStart;
  readonly acked = new Marks();
  readonly #onAnswer: (milliseconds: number) => void;
  #backlog: Message[] = [];
  #waiting: Message[] = [];
  #link: Link | undefined;
  #ready = false;
  #ear = earFor('mllp');
  #made = 0;
  #ended = false;
  misattributed = 0;
  negative = 0;
  refused = 0;
  /** Connections that it did not end itself. */
  closed = 0;
  dropped = 0;

  constructor(start: SoakSenderStart, onAnswer: (milliseconds: number) => void) {
    this.#start = start;
    this.#onAnswer = onAnswer;
    this.#connect();
  }

  get made(): number {
    return this.#made;
  }

  get unanswered(): number {
    return this.#backlog.length + this.#waiting.length;
  }

  /** One more message, now. */
  say(): void {
    if (this.#backlog.length >= MAX_BACKLOG) {
      this.dropped++;
      return;
    }
    const n = this.#made++;
    const { number, wire } = this.#start;
    const id = idOf(number, n);
    const payload = messageOf({ app: `L${number}`, controlId: id, serial: n, filler: fillerOf(number, n) });
    const bytes =
      wire === 'http' || wire === 'https'
        ? requestOf('/hl7', { 'content-type': 'application/hl7-v2' }, payload)
        : frame(payload);
    this.#backlog.push({ n, crc: crc32(payload), bytes, due: performance.now() });
    this.#pump();
  }

  /** Goes away with all that waits, and comes back. */
  leave(how: 'reset' | 'destroy' | 'mid-frame'): void {
    const link = this.#link;
    if (link === undefined || !this.#ready) return;
    // A frame that never ends, behind what is on its way.
    if (how === 'mid-frame') link.socket.write(Buffer.from('\x0bMSH|^~\\&|LEFT', 'latin1'));
    if (how === 'reset') link.reset();
    else link.socket.destroy();
    this.#lost(link, false);
  }

  end(): void {
    this.#ended = true;
    this.#link?.socket.destroy();
  }

  #connect(): void {
    if (this.#ended) return;
    const { wire, tls, host, port } = this.#start;
    this.#ear = earFor(wire);
    const link = connectTo({ host, port, tls: isTls(wire) ? tls : undefined }, () => {
      if (this.#link !== link) return;
      this.#ready = true;
      this.#pump();
    });
    this.#link = link;
    link.socket.on('data', (chunk: Buffer) => this.#read(link, chunk));
    link.socket.on('error', () => this.#lost(link, true));
    link.socket.on('end', () => {
      link.socket.end();
      this.#lost(link, true);
    });
    link.socket.on('close', () => this.#lost(link, true));
  }

  #lost(link: Link, byGateway: boolean): void {
    if (this.#link !== link) return;
    if (byGateway) this.closed++;
    this.#link = undefined;
    this.#ready = false;
    this.#backlog = [...this.#waiting, ...this.#backlog];
    this.#waiting = [];
    if (!this.#ended) setTimeout(() => this.#connect(), RECONNECT_MS);
  }

  #pump(): void {
    while (this.#ready && this.#waiting.length < this.#start.window) {
      const message = this.#backlog.shift();
      if (message === undefined) return;
      this.#waiting.push(message);
      this.#link?.socket.write(message.bytes);
    }
  }

  #read(link: Link, chunk: Buffer): void {
    if (this.#link !== link) return;
    for (const heard of this.#ear.push(chunk)) {
      if (heard.kind === 'refused') {
        this.refused++;
        link.socket.destroy();
        this.#lost(link, false);
        return;
      }
      for (const ack of heard.acks) this.#onAck(ack);
    }
    this.#pump();
  }

  #onAck(ack: Buffer): void {
    const message = this.#waiting.shift();
    const [, code = '', id = '', crc = ''] = (ack.toString('latin1').split('\rMSA')[1] ?? '').split(/[|\r]/);
    if (message === undefined || id !== idOf(this.#start.number, message.n)) this.misattributed++;
    else if (code !== 'AA') {
      this.negative++;
      this.#backlog.unshift(message);
    } else if (Number(crc) !== message.crc) this.misattributed++;
    else {
      this.acked.mark(message.n);
      this.#onAnswer(performance.now() - message.due);
    }
  }
}
