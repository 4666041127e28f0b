// The last control ids of a kind, as the bytes that they were. Promises memory of a fixed size, as long as nobody sends ids of more
// than 32 bytes, and that looking for one costs no more than comparing as many small integers.

/** Longer ones are kept as strings. HL7 has 20 characters until v2.7, and 199 since. */
const SHORT_BYTES = 32;

export class IdRing {
  readonly #slots: number;
  /** In the same places as the others: most ids differ here already. 0: empty. */
  readonly #marks: Int32Array;
  readonly #lengths: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #long: (string | undefined)[];
  #next = 0;

  constructor(slots: number) {
    this.#slots = slots;
    this.#marks = new Int32Array(slots);
    this.#lengths = new Uint8Array(slots);
    this.#bytes = new Uint8Array(slots * SHORT_BYTES);
    this.#long = new Array<string | undefined>(slots).fill(undefined);
  }

  /** The id that lies there takes the place of the oldest. */
  add(bytes: Buffer, from: number, to: number): void {
    const slot = this.#next;
    this.#next = slot + 1 === this.#slots ? 0 : slot + 1;
    this.#marks[slot] = markOf(bytes, from, to);
    const length = to - from;
    if (length > SHORT_BYTES) {
      this.#long[slot] = bytes.toString('latin1', from, to);
      return;
    }
    this.#long[slot] = undefined;
    this.#lengths[slot] = length;
    const kept = slot * SHORT_BYTES;
    for (let i = 0; i < length; i++) this.#bytes[kept + i] = bytes[from + i] as number;
  }

  /** One character for each byte. */
  addText(id: string): void {
    this.add(Buffer.from(id, 'latin1'), 0, id.length);
  }

  has(bytes: Buffer, from: number, to: number): boolean {
    const mark = markOf(bytes, from, to);
    for (let slot = 0; slot < this.#slots; slot++)
      if (this.#marks[slot] === mark && this.#is(slot, bytes, from, to)) return true;
    return false;
  }

  hasText(id: string): boolean {
    return this.has(Buffer.from(id, 'latin1'), 0, id.length);
  }

  /** It was added last. */
  isLast(id: string): boolean {
    const last = this.#next === 0 ? this.#slots - 1 : this.#next - 1;
    const bytes = Buffer.from(id, 'latin1');
    return this.#marks[last] === markOf(bytes, 0, id.length) && this.#is(last, bytes, 0, id.length);
  }

  #is(slot: number, bytes: Buffer, from: number, to: number): boolean {
    const long = this.#long[slot];
    if (long !== undefined || to - from > SHORT_BYTES) return long === bytes.toString('latin1', from, to);
    if (this.#lengths[slot] !== to - from) return false;
    const kept = slot * SHORT_BYTES;
    for (let i = from; i < to; i++) if (this.#bytes[kept + i - from] !== bytes[i]) return false;
    return true;
  }
}

/** Ids of one sender differ at their end, those of several often before it. Never 0. */
function markOf(bytes: Buffer, from: number, to: number): number {
  let mark = (to - from) | 0x4000_0000;
  for (let i = Math.max(from, to - 8); i < to; i++) mark = (Math.imul(mark, 31) + (bytes[i] as number)) | 0;
  return mark | 1;
}
