// Takes out of messages who they are about: names, identifiers, addresses, dates, free text; the same person gets the same
// pseudonym in all of a recording. Promises the structure as it was: segments (but Z), fields, repetitions, components,
// delimiters, line ends and charset; and that what it does not know to be harmless does not stay.
import { type Piece, piecesOf } from '../../hl7/batch.ts';
import { encodeUtf16 } from '../../hl7/charset.ts';
import { type Delimiters, type Header, readHeader } from '../../hl7/header.ts';
import type { LeafChange } from './leaf.ts';
import { Pass, type PassContext } from './pass.ts';
import { Pseudonyms } from './pseudonyms.ts';

export interface DeidentifyOptions {
  readonly key: Buffer;
  /** Z segments that stay, but for what the message names elsewhere; all others are left out. */
  readonly keepSegments?: readonly string[];
  /** Blanked values keep their length in bytes. */
  readonly sameLength?: boolean;
}

/** Of one field, over all messages. */
export type ChangeCounts = { readonly [change in LeafChange | 'dropped']?: number };

export class Deidentifier {
  readonly #pseudonyms: Pseudonyms;
  readonly #keep: ReadonlySet<string>;
  readonly #sameLength: boolean;
  readonly #counts = new Map<string, Map<LeafChange | 'dropped', number>>();
  messages = 0;

  constructor({ key, keepSegments = [], sameLength = false }: DeidentifyOptions) {
    this.#pseudonyms = new Pseudonyms(key);
    this.#keep = new Set(keepSegments);
    this.#sameLength = sameLength;
  }

  /** What was done so far, by field (`PID-5`) or dropped segment (`ZPI`), in their order. No value of any message. */
  get report(): ReadonlyMap<string, ChangeCounts> {
    const names = [...this.#counts.keys()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    return new Map(names.map((name) => [name, Object.fromEntries(this.#counts.get(name) ?? [])]));
  }

  /** @throws GatewayError GW_ERR_HEADER_MSH, GW_ERR_HEADER_DELIMITERS */
  deidentify(payload: Buffer): Buffer {
    const header = readHeader(payload);
    if (header.utf16 === undefined) return this.#batch(header, payload);
    const narrow = this.#batch(readHeader(header.bytes), header.bytes).toString('utf8');
    const marked = /^(?:\xff\xfe|\xfe\xff)/.test(payload.toString('latin1', 0, 2));
    return encodeUtf16(`${marked ? '\ufeff' : ''}${narrow}`, header.utf16);
  }

  #batch(header: Header, bytes: Buffer): Buffer {
    const envelope = firstDelimiters(bytes) ?? header.delimiters;
    return Buffer.concat(
      piecesOf(bytes).flatMap((piece) => {
        if (piece.kind === 'message') this.messages++;
        const { delimiters, charset, start } = headerOf(piece, envelope, header);
        return new Pass(piece.bytes, start, delimiters, charset, this.#room).run();
      }),
    );
  }

  readonly #room: PassContext = {
    about: (known, patient) => ({
      pseudonyms: this.#pseudonyms,
      known,
      shiftDays: this.#pseudonyms.shiftDays(patient),
      sameLength: this.#sameLength,
    }),
    keeps: (segment) => this.#keep.has(segment),
    count: (name, change) => {
      const counts = this.#counts.get(name) ?? new Map<LeafChange | 'dropped', number>();
      counts.set(change, (counts.get(change) ?? 0) + 1);
      this.#counts.set(name, counts);
    },
  };
}

function firstDelimiters(bytes: Buffer): Delimiters | undefined {
  const [first] = piecesOf(bytes);
  return first === undefined || first.kind === 'stray' ? undefined : readHeader(first.bytes).delimiters;
}

/** Trailers and strays have no delimiters of their own: those of the file are theirs. */
function headerOf(
  { kind, bytes }: Piece,
  delimiters: Delimiters,
  { charset }: Header,
): { delimiters: Delimiters; charset: string | undefined; start: number } {
  if (kind === 'BTS' || kind === 'FTS' || kind === 'stray') return { delimiters, charset, start: 0 };
  const own = readHeader(bytes);
  return { delimiters: own.delimiters, charset: own.charset ?? charset, start: own.start };
}
