// What a sender of the campaign says, and how it reads what it is answered, by what it speaks and what its messages are.
// Promises: a message has the same bytes however often it is said; an answer is cut from the stream and not judged.
import { hash } from 'node:crypto';
import type { Prng } from '../../../src/tools/world/prng.ts';
import { ResponseCutter, requestOf } from '../wire/http.ts';
import { FrameCutter, frame, membersOf, messageOf } from '../wire/mllp.ts';
import { isHttp, type SenderStart, type Wire } from './orders.ts';

/** Different ids of a sender whose ids come round again: fewer than what is under way and what was given up on. */
const DIFFERENT_IDS = 2;
const BATCH = [1, 6] as const;
const LARGE_BYTES = [1_000_000, 4_000_000] as const;
/** Fillers are cut from a block that is drawn once. */
const BLOCK_BYTES = 65_536;
const SMALL_BLOCK_BYTES = 2_048;
const INVALID_SHARE = 0.2;

export interface Message {
  readonly n: number;
  readonly id: string;
  readonly sha: string;
  readonly bytes: number;
  readonly invalid?: true;
}

/** What is written at once and answered at once. */
export interface Frame {
  readonly messages: readonly Message[];
  readonly bytes: Buffer;
}

export class Speech {
  readonly #start: SenderStart;
  readonly #prng: Prng;
  #block: string | undefined;
  made = 0;

  constructor(start: SenderStart, prng: Prng) {
    this.#start = start;
    this.#prng = prng;
  }

  next(): Frame {
    const count = this.#start.content === 'batch' ? this.#prng.int(...BATCH) : 1;
    const made = Array.from({ length: count }, () => this.#make());
    const payload = Buffer.concat(made.map((one) => one.payload));
    return { messages: made.map((one) => one.message), bytes: this.#framed(this.#wrapped(payload, count)) };
  }

  /** A message that will not be said whole. */
  part(): { readonly id: string; readonly sha: string; readonly bytes: Buffer } {
    const n = ++this.made;
    const id = `${this.#start.name}-PART-${n}`;
    const payload = this.#payload(id, n, false);
    return { id, sha: shaOf(payload), bytes: this.#framed(payload) };
  }

  #make(): { readonly message: Message; readonly payload: Buffer } {
    const { name, ids, content } = this.#start;
    const n = ++this.made;
    const id = ids === 'unique' ? `${name}-${n}` : `${ids === 'shared' ? 'S' : name}-${n % DIFFERENT_IDS}`;
    const invalid = content === 'checked' && this.#prng.chance(INVALID_SHARE);
    const payload = this.#payload(id, n, invalid);
    const message = { n, id, sha: shaOf(payload), bytes: payload.length };
    return { message: invalid ? { ...message, invalid } : message, payload };
  }

  #payload(controlId: string, serial: number, invalid: boolean): Buffer {
    const { name: app, content } = this.#start;
    const filler = this.#filler(this.#size());
    return messageOf({ app, controlId, serial, filler, invalid, enhanced: content === 'enhanced' });
  }

  #size(): number {
    const prng = this.#prng;
    if (this.#start.content === 'large') return prng.int(...LARGE_BYTES);
    // Most are small, some need several reads, a few are larger than a socket's buffer.
    return prng.chance(0.9) ? prng.int(0, 1_500) : prng.chance(0.9) ? prng.int(1_500, 20_000) : 300_000;
  }

  /** Any byte from 20 up but 7C, and now and then a 1C, which is content unless 0D follows. One block is drawn, and cut from anywhere. */
  #filler(size: number): string {
    if (size === 0) return '';
    this.#block ??= this.#drawBlock();
    const block = this.#block;
    const from = this.#prng.int(0, block.length - 1);
    const text = block.slice(from) + block.repeat(Math.ceil(size / block.length));
    return `${text.slice(0, size - 1)} `;
  }

  #drawBlock(): string {
    const bytes = Buffer.alloc(this.#start.content === 'large' ? BLOCK_BYTES : SMALL_BLOCK_BYTES);
    for (let i = 0; i < bytes.length; i++) {
      const byte = this.#prng.int(0x1f, 0xff);
      bytes[i] = byte === 0x7c ? 0x20 : byte === 0x1f ? 0x1c : byte;
    }
    return bytes.toString('latin1');
  }

  #wrapped(payload: Buffer, count: number): Buffer {
    if (this.#start.content !== 'batch' || this.#prng.chance(0.5)) return payload;
    const { name } = this.#start;
    const head = `BHS|^~\\&|${name}|CAMPAIGN|MIRTH|MAIN|20261122083014||||B${this.made}\r`;
    return Buffer.concat([Buffer.from(head), payload, Buffer.from(`BTS|${count}\r`)]);
  }

  #framed(payload: Buffer): Buffer {
    const { wire } = this.#start;
    if (!isHttp(wire)) return frame(payload);
    return requestOf('/hl7', { 'content-type': 'application/hl7-v2' }, payload);
  }
}

function shaOf(payload: Buffer): string {
  return hash('sha256', payload, 'base64url');
}

export type Heard =
  | { readonly kind: 'acks'; readonly acks: readonly Buffer[] }
  | { readonly kind: 'refused'; readonly status: number };

export interface Ear {
  push(chunk: Buffer): Heard[];
  /** Bytes that belong to no answer, since the last call. */
  takeStray(): number;
}

export function earFor(wire: Wire): Ear {
  return isHttp(wire) ? httpEar() : mllpEar();
}

function mllpEar(): Ear {
  const cutter = new FrameCutter();
  return {
    push: (chunk) => cutter.push(chunk).map((payload) => ({ kind: 'acks', acks: membersOrAll(payload) })),
    takeStray: () => {
      const { strayBytes } = cutter;
      cutter.strayBytes = 0;
      return strayBytes;
    },
  };
}

function httpEar(): Ear {
  const cutter = new ResponseCutter();
  return {
    push: (chunk) =>
      cutter
        .push(chunk)
        .map(({ status, body }) =>
          status === 200 ? { kind: 'acks', acks: membersOrAll(body) } : { kind: 'refused', status },
        ),
    takeStray: () => 0,
  };
}

/** Whatever it is: one that is no acknowledgement is on record as that. */
function membersOrAll(payload: Buffer): readonly Buffer[] {
  const members = membersOf(payload);
  return members.length > 1 ? members : [members[0] ?? payload];
}
