// The task `headers`: reads the headers of many messages at once. What crosses are their first bytes one way and
// offsets the other; the messages stay where they are.
import { type ErrorCode, GatewayError } from '../../errors.ts';
import type { Utf16 } from '../charset.ts';
import { type Delimiters, Header, readHeader } from '../header.ts';
import { borrow, bytesOf, type SharedBytes, share } from '../shared-bytes.ts';

/** More than nearly every MSH (60 to 300 bytes); a message whose MSH is longer is asked for as a whole. */
export const HEAD_BYTES = 1024;

export interface HeadersInput {
  /** The first bytes of messages one behind the other; or one message as a whole. */
  readonly bytes: ArrayBuffer | SharedBytes;
  /** Of each message: how many bytes, and 1 if they are only its beginning. */
  readonly spans: Int32Array;
}

export interface HeadersOutput {
  /** A record for each message, its first number the kind of it (below). */
  readonly numbers: Int32Array;
  /** Of the messages without a usable header, in order. */
  readonly refusals: readonly Refusal[];
  /** Of the messages in UTF-16, in order: the copies in UTF-8 that the offsets refer to. */
  readonly narrowed: readonly SharedBytes[];
}

interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
}

/** Kinds of records. Behind READ and the UTF-16 ones come start, end, batch, six delimiters, a count, the separators. */
const READ = 0;
const UTF16_LE = 1;
const UTF16_BE = 2;
const REFUSED = 3;
/** The beginning was not enough. */
const CUT = 4;

/** The beginnings of messages. To be transferred: nothing else refers to the memory. */
export function packHeads(payloads: readonly Buffer[]): HeadersInput & { readonly bytes: ArrayBuffer } {
  const spans = new Int32Array(payloads.length * 2);
  let size = 0;
  for (const [i, { length }] of payloads.entries()) {
    const taken = length > HEAD_BYTES ? HEAD_BYTES : length;
    spans[i * 2] = taken;
    spans[i * 2 + 1] = taken < length ? 1 : 0;
    size += taken;
  }
  const bytes = new ArrayBuffer(size);
  const into = Buffer.from(bytes);
  let at = 0;
  for (const payload of payloads) at += payload.copy(into, at, 0, HEAD_BYTES);
  return { bytes, spans };
}

/** One message as a whole. */
export function packWhole(payload: Buffer): HeadersInput {
  return { bytes: share(payload), spans: Int32Array.of(payload.length, 0) };
}

export function headersOf({ bytes, spans }: HeadersInput): HeadersOutput {
  const all = bytes instanceof ArrayBuffer ? Buffer.from(bytes) : borrow(bytes);
  const numbers: number[] = [];
  const refusals: Refusal[] = [];
  const narrowed: SharedBytes[] = [];
  let at = 0;
  for (let i = 0; i < spans.length; i += 2) {
    const to = at + (spans[i] as number);
    const payload = all.subarray(at, to);
    const isBeginning = spans[i + 1] === 1;
    at = to;
    try {
      const header = readHeader(payload);
      if (isBeginning && isCut(header)) {
        numbers.push(CUT);
        continue;
      }
      if (header.utf16 !== undefined) narrowed.push(share(header.bytes));
      record(header, numbers);
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      numbers.push(isBeginning ? CUT : REFUSED);
      if (!isBeginning) refusals.push({ code: thrown.code, detail: thrown.detail });
    }
  }
  return { numbers: Int32Array.from(numbers), refusals, narrowed };
}

/** Could it read otherwise if there were more bytes? A batch without a message so far may have one behind. */
function isCut({ end, bytes, utf16, isMsh }: Header): boolean {
  return end === bytes.length || utf16 !== undefined || !isMsh;
}

function record({ start, end, batch, delimiters: d, utf16, separators }: Header, numbers: number[]): void {
  numbers.push(utf16 === undefined ? READ : utf16 === 'utf-16le' ? UTF16_LE : UTF16_BE);
  numbers.push(start, end, batch ? 1 : 0);
  numbers.push(d.field, d.component, d.repetition, d.escape, d.subcomponent, d.truncation);
  numbers.push(separators.length, ...separators);
}

/** What became of one message; `cut`: it has to be asked for as a whole. */
export type HeaderReading = Header | GatewayError | 'cut';

/** The result for each of the messages that `packHeads` or `packWhole` was given. */
export function unpackHeaders(output: HeadersOutput, payloads: readonly Buffer[]): HeaderReading[] {
  const { numbers } = output;
  let at = 0;
  let refused = 0;
  let narrowed = 0;
  const next = (): number => numbers[at++] as number;
  return payloads.map((payload) => {
    const kind = next();
    if (kind === CUT) return 'cut';
    if (kind === REFUSED) {
      const { code, detail } = output.refusals[refused++] as Refusal;
      return new GatewayError(code, { detail });
    }
    const utf16 = utf16Of(kind);
    const bytes = utf16 === undefined ? payload : bytesOf(output.narrowed[narrowed++] as SharedBytes);
    const start = next();
    const end = next();
    const batch = next() === 1;
    const delimiters: Delimiters = {
      field: next(),
      component: next(),
      repetition: next(),
      escape: next(),
      subcomponent: next(),
      truncation: next(),
    };
    const count = next();
    const separators = Array.from(numbers.subarray(at, at + count));
    at += count;
    return new Header(bytes, start, end, delimiters, separators, batch, utf16);
  });
}

function utf16Of(kind: number): Utf16 | undefined {
  if (kind === READ) return undefined;
  return kind === UTF16_LE ? 'utf-16le' : 'utf-16be';
}
