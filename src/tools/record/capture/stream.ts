// One direction of a TCP connection, put together from its segments: out of order, sent again, overlapping (RFC 9293 3.4).
// Promises each byte once and in its order; where bytes are not in the capture it says so and goes on behind them.

export interface StreamSink {
  onBytes(bytes: Buffer, timeMs: number): void;
  /** So many bytes are missing here. */
  onGap(bytes: number): void;
}

interface Early {
  /** Offset in the stream. */
  readonly from: number;
  readonly bytes: Buffer;
  readonly timeMs: number;
}

/** What may wait for a segment before it: more than a receiver's window, which is 6 MiB at most by default. */
const MAX_EARLY_BYTES = 16 * 1024 * 1024;

export class Stream {
  readonly #sink: StreamSink;
  /** Sequence number of the stream's offset `#next`, modulo 2^32. */
  #expected: number | undefined;
  #next = 0;
  #began: number | undefined;
  /** By offset. */
  #early: Early[] = [];
  #earlyBytes = 0;
  repeatedBytes = 0;
  isEnded = false;

  constructor(sink: StreamSink) {
    this.#sink = sink;
  }

  /** The first byte that will come is the one behind SYN. */
  begin(synSequence: number): void {
    this.#began ??= synSequence;
    this.#expected ??= (synSequence + 1) >>> 0;
  }

  /** A SYN that is no repetition of this stream's. */
  isOther(synSequence: number): boolean {
    return this.#expected !== undefined && this.#began !== synSequence;
  }

  /** Without SYN, as where a capture begins within a connection, the first segment is where the stream begins. */
  add(sequence: number, bytes: Buffer, timeMs: number, missing: number): void {
    if (bytes.length === 0 && missing === 0) return;
    this.#expected ??= sequence;
    const from = this.#offsetOf(sequence);
    if (bytes.length > 0) this.#insert({ from, bytes, timeMs });
    if (missing > 0 && from + bytes.length >= this.#next && this.#early.length === 0)
      this.#skipTo(from + bytes.length + missing);
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.#skipToEarliest();
  }

  /** The other side has had everything before it: what is not in the capture will not come. */
  acknowledged(sequence: number): void {
    if (this.#expected === undefined) return;
    const upTo = this.#offsetOf(sequence);
    // An acknowledgement may come before its segment where two interfaces were captured; so only with something behind it.
    while (this.#early.length > 0 && upTo > this.#next && (this.#early[0] as Early).from <= upTo)
      this.#skipToEarliest();
  }

  end(): void {
    while (this.#early.length > 0) this.#skipToEarliest();
    this.isEnded = true;
  }

  /** Within half of the sequence space, in either direction. */
  #offsetOf(sequence: number): number {
    return this.#next + ((sequence - (this.#expected ?? 0)) | 0);
  }

  #insert(one: Early): void {
    if (one.from > this.#next) {
      const at = this.#early.findIndex(({ from }) => from > one.from);
      this.#early.splice(at < 0 ? this.#early.length : at, 0, one);
      this.#earlyBytes += one.bytes.length;
      return;
    }
    this.#deliver(one);
    this.#drain();
  }

  #drain(): void {
    while (this.#early.length > 0 && (this.#early[0] as Early).from <= this.#next) {
      const one = this.#early.shift() as Early;
      this.#earlyBytes -= one.bytes.length;
      this.#deliver(one);
    }
  }

  /** The first copy of a byte counts, as it does at most receivers. */
  #deliver({ from, bytes, timeMs }: Early): void {
    const known = Math.min(this.#next - from, bytes.length);
    this.repeatedBytes += known;
    const fresh = bytes.subarray(known);
    if (fresh.length === 0) return;
    this.#advance(fresh.length);
    this.#sink.onBytes(fresh, timeMs);
  }

  #skipToEarliest(): void {
    const [first] = this.#early;
    if (first !== undefined) this.#skipTo(first.from);
  }

  #skipTo(offset: number): void {
    const gap = offset - this.#next;
    if (gap > 0) {
      this.#advance(gap);
      this.#sink.onGap(gap);
    }
    this.#drain();
  }

  #advance(bytes: number): void {
    this.#next += bytes;
    this.#expected = ((this.#expected ?? 0) + bytes) >>> 0;
  }
}
