// From a capture file to the messages in it, each with its answer, in the order in which the messages came.
// Promises what was read up to where a file is cut off, and counts of all that could not be read.

import { ackIn, headerIn, type Recorded, Unanswered } from '../exchange.ts';
import { InOrder } from '../in-order.ts';
import type { ByteSource } from './byte-source.ts';
import { Frames } from './frames.ts';
import { packetsOf } from './packets.ts';
import { type NoSegment, type Segment, segmentOf } from './segments.ts';
import { Stream } from './stream.ts';

export interface CaptureOptions {
  /** Only connections to or from this port; undefined: all. */
  readonly port: number | undefined;
  readonly onRecorded: (recorded: Recorded) => void;
}

export interface CaptureCounts {
  packets: number;
  connections: number;
  /** With at least one message. */
  withMessages: number;
  /** That begin as TLS does: nothing in them can be read. */
  tls: number;
  fragments: number;
  /** Of links or lengths that are not known. */
  unreadable: number;
  repeatedBytes: number;
  gaps: number;
  missingBytes: number;
  brokenFrames: number;
  notHl7: number;
  /** Acknowledgements of messages that are not in the capture. */
  strayAnswers: number;
  /** Why the file ended too early. */
  truncated: string | undefined;
}

/** Open at a time; beyond it the one that was silent for longest is taken to be over. */
const MAX_CONNECTIONS = 10_000;

/** @throws GatewayError GW_ERR_FILE */
export function readCapture(source: ByteSource, path: string, options: CaptureOptions): CaptureCounts {
  const reading = new Reading(options);
  const packets = packetsOf(source, path);
  for (;;) {
    const next = packets.next();
    if (next.done === true) return reading.end(next.value);
    reading.take(segmentOf(next.value), next.value.timeMs);
  }
}

class Reading {
  readonly #options: CaptureOptions;
  readonly #connections = new Map<string, Connection>();
  readonly #order: InOrder;
  readonly #counts: CaptureCounts = {
    packets: 0,
    connections: 0,
    withMessages: 0,
    tls: 0,
    fragments: 0,
    unreadable: 0,
    repeatedBytes: 0,
    gaps: 0,
    missingBytes: 0,
    brokenFrames: 0,
    notHl7: 0,
    strayAnswers: 0,
    truncated: undefined,
  };

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#order = new InOrder(options.onRecorded);
  }

  take(segment: Segment | NoSegment, timeMs: number): void {
    const counts = this.#counts;
    counts.packets++;
    if (segment === 'fragment') counts.fragments++;
    else if (segment === 'unknown link' || segment === 'damaged') counts.unreadable++;
    if (typeof segment === 'string') return;
    const { port } = this.#options;
    if (port !== undefined && segment.fromPort !== port && segment.toPort !== port) return;
    const key = segment.from < segment.to ? `${segment.from} ${segment.to}` : `${segment.to} ${segment.from}`;
    let connection = this.#connections.get(key);
    // The same two ports again.
    if (connection !== undefined && segment.syn && connection.isAnother(segment)) {
      this.#close(key, connection);
      connection = undefined;
    }
    if (connection === undefined) {
      if (segment.rst || (segment.payload.length === 0 && !segment.syn)) return;
      connection = new Connection(++counts.connections, counts, this.#order);
      if (this.#connections.size >= MAX_CONNECTIONS)
        for (const [oldest, one] of this.#connections) {
          this.#close(oldest, one);
          break;
        }
    } else this.#connections.delete(key);
    this.#connections.set(key, connection);
    connection.take(segment, timeMs);
  }

  end(truncated: string | undefined): CaptureCounts {
    for (const [key, connection] of [...this.#connections]) this.#close(key, connection);
    this.#order.end();
    this.#counts.truncated = truncated;
    return this.#counts;
  }

  #close(key: string, connection: Connection): void {
    this.#connections.delete(key);
    connection.end();
  }
}

interface Side {
  readonly stream: Stream;
  readonly frames: Frames;
  /** Messages of this side that wait for their answers. */
  readonly unanswered: Unanswered;
  first: Buffer | undefined;
  isSender: boolean;
}

class Connection {
  readonly #number: number;
  readonly #counts: CaptureCounts;
  readonly #order: InOrder;
  readonly #sides = new Map<string, Side>();
  #messages = 0;
  #reset = false;

  constructor(number: number, counts: CaptureCounts, order: InOrder) {
    this.#number = number;
    this.#counts = counts;
    this.#order = order;
  }

  /** A SYN behind the end, or with a number that this connection did not begin with. */
  isAnother({ from, sequence }: Segment): boolean {
    if (this.#reset || [...this.#sides.values()].some(({ stream }) => stream.isEnded)) return true;
    return this.#sides.get(from)?.stream.isOther(sequence) === true;
  }

  take({ from, to, syn, fin, rst, sequence, acknowledged, payload, missing }: Segment, timeMs: number): void {
    const side = this.#side(from);
    const other = this.#side(to);
    if (syn) side.stream.begin(sequence);
    // Senders are those that connect.
    if (syn && acknowledged === undefined) side.isSender = true;
    if (acknowledged !== undefined) other.stream.acknowledged(acknowledged);
    // RFC 9293 3.10.7.4: data in a SYN stands behind it.
    if (!rst) side.stream.add(syn ? (sequence + 1) >>> 0 : sequence, payload, timeMs, missing);
    if (rst) this.#reset = true;
    if (fin) side.stream.isEnded = true;
  }

  end(): void {
    for (const { stream } of this.#sides.values()) stream.end();
    for (const { stream, frames, unanswered, first } of this.#sides.values()) {
      frames.end();
      unanswered.end();
      this.#counts.repeatedBytes += stream.repeatedBytes;
      this.#counts.brokenFrames += frames.broken;
      // RFC 8446 5.1: a handshake record.
      if (first?.[0] === 0x16 && first[1] === 0x03) this.#counts.tls++;
    }
    if (this.#messages > 0) this.#counts.withMessages++;
  }

  #side(end: string): Side {
    const known = this.#sides.get(end);
    if (known !== undefined) return known;
    const frames = new Frames(({ payload, timeMs, chunks }) => this.#onFrame(side, payload, timeMs, chunks));
    const stream = new Stream({
      onBytes: (bytes, timeMs) => {
        side.first ??= bytes;
        frames.push(bytes, timeMs);
      },
      onGap: (bytes) => {
        this.#counts.gaps++;
        this.#counts.missingBytes += bytes;
        frames.gap();
      },
    });
    const side: Side = { stream, frames, unanswered: new Unanswered(), first: undefined, isSender: false };
    this.#sides.set(end, side);
    return side;
  }

  #onFrame(side: Side, payload: Buffer, timeMs: number, chunks: Recorded['chunks']): void {
    const ack = ackIn(payload);
    if (ack !== undefined) {
      for (const other of this.#sides.values())
        if (other !== side && other.unanswered.take({ ack, payload, timeMs })) return;
      // ORL, RSP and late acknowledgements hold MSA, too: whoever has sent messages has sent this one (2.9.3.2).
      if (!side.isSender) {
        this.#counts.strayAnswers++;
        return;
      }
    }
    const header = headerIn(payload);
    if (header === undefined) {
      this.#counts.notHl7++;
      return;
    }
    this.#messages++;
    side.isSender = true;
    const recorded = { connection: this.#number, timeMs, message: payload, chunks };
    const put = this.#order.place(recorded);
    side.unanswered.add(header, (answer) =>
      put(
        answer === undefined
          ? recorded
          : { ...recorded, answer: answer.payload, code: answer.ack.code, answeredMs: answer.timeMs },
      ),
    );
  }
}
