// What nodes and senders of the soak hold on record of each message: six bytes at the nodes, one at the senders, so that millions of
// them can be told apart at the end. Promises: a message is named by its sender's number and its own.
import { readFileSync } from 'node:fs';

export interface SoakNodeStart {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly file: string;
}

export const RECORD_BYTES = 6;

export function idOf(sender: number, n: number): string {
  return `L${sender}-${n}`;
}

export function recordOf(id: string): Buffer {
  const [sender = '', n = ''] = id.slice(1).split('-');
  const record = Buffer.alloc(RECORD_BYTES);
  record.writeUInt16LE(Number(sender), 0);
  record.writeUInt32LE(Number(n), 2);
  return record;
}

/** A byte for each message of one sender, which grows with them. */
export class Marks {
  #marks = new Uint8Array(1024);
  count = 0;

  /** False if it was marked before. */
  mark(n: number): boolean {
    if (n >= this.#marks.length) {
      const larger = new Uint8Array(Math.max(this.#marks.length * 2, n + 1));
      larger.set(this.#marks);
      this.#marks = larger;
    }
    if (this.#marks[n] === 1) return false;
    this.#marks[n] = 1;
    this.count++;
    return true;
  }

  has(n: number): boolean {
    return this.#marks[n] === 1;
  }

  /** The marked ones that the other does not have. */
  missingIn(other: Marks | undefined): number {
    let missing = 0;
    for (let n = 0; n < this.#marks.length; n++)
      if (this.#marks[n] === 1 && other?.has(n) !== true) missing++;
    return missing;
  }
}

/** By sender, what the nodes have, and how often a message came again. */
export function receiptsOf(files: readonly string[]): {
  readonly bySender: Map<number, Marks>;
  readonly again: number;
} {
  const bySender = new Map<number, Marks>();
  let again = 0;
  for (const file of files) {
    const bytes = readFileSync(file);
    for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      const sender = bytes.readUInt16LE(at);
      const marks = bySender.get(sender) ?? new Marks();
      bySender.set(sender, marks);
      if (!marks.mark(bytes.readUInt32LE(at + 2))) again++;
    }
  }
  return { bySender, again };
}
