// The tasks `validate`, `split` and `transcode`: what looks at every byte of a message once its header has been read.
// A message that is refused is a result, with its code, detail and places; only a defect is thrown.
import { type ErrorCode, type ErrorPlace, GatewayError } from '../../errors.ts';
import { type Piece, splitBatch } from '../batch.ts';
import { type Header, readHeader } from '../header.ts';
import { borrow, bytesOf, type SharedBytes, share } from '../shared-bytes.ts';
import { transcodeToUtf8 } from '../transcode.ts';
import { invalidPlaces, type ValidationRules } from '../whole/validation.ts';

export interface WholeInput {
  readonly payload: SharedBytes;
  /** Name for TextDecoder, where it is not MSH-18's that counts. */
  readonly charset: string | undefined;
}

/** What the message is refused with. */
interface Refused {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
}

export type CheckedTask<T> = { readonly result: T } | { readonly refused: Refused };

export type ValidateInput = WholeInput & { readonly rules: ValidationRules };

export function validate({ payload, charset, rules }: ValidateInput): CheckedTask<readonly ErrorPlace[]> {
  return checked(() => invalidPlaces(headerOf(borrow(payload), charset), rules));
}

export type SplitInput = WholeInput & { readonly maxMessages: number };

/** Kind, start and end of each piece; undefined: it is not to be split. */
export type SplitOutput = Int32Array | undefined;

const KINDS: readonly Piece['kind'][] = ['message', 'stray', 'FHS', 'BHS', 'BTS', 'FTS'];

export function split({ payload, charset, maxMessages }: SplitInput): CheckedTask<SplitOutput> {
  return checked(() => {
    const pieces = splitBatch(headerOf(borrow(payload), charset), maxMessages);
    if (pieces === undefined) return undefined;
    const numbers = new Int32Array(pieces.length * 3);
    let at = 0;
    for (const [i, { kind, bytes }] of pieces.entries()) {
      numbers[i * 3] = KINDS.indexOf(kind);
      numbers[i * 3 + 1] = at;
      at += bytes.length;
      numbers[i * 3 + 2] = at;
    }
    return numbers;
  });
}

export function unpackPieces(payload: Buffer, numbers: SplitOutput): readonly Piece[] | undefined {
  if (numbers === undefined) return undefined;
  return Array.from({ length: numbers.length / 3 }, (_, i) => ({
    kind: KINDS[numbers[i * 3] as number] as Piece['kind'],
    bytes: payload.subarray(numbers[i * 3 + 1], numbers[i * 3 + 2]),
  }));
}

/** Undefined: nothing in it has to change. */
export type TranscodeOutput = SharedBytes | undefined;

export function transcode({ payload, charset }: WholeInput): CheckedTask<TranscodeOutput> {
  return checked(() => {
    const bytes = borrow(payload);
    const copy = transcodeToUtf8(headerOf(bytes, charset), bytes);
    return copy === bytes ? undefined : share(copy);
  });
}

export function unpackTranscoded(payload: Buffer, output: TranscodeOutput): Buffer {
  return output === undefined ? payload : bytesOf(output);
}

function headerOf(bytes: Buffer, charset: string | undefined): Header {
  const header = readHeader(bytes);
  if (charset !== undefined) header.overrideCharset(charset);
  return header;
}

function checked<T>(work: () => T): CheckedTask<T> {
  try {
    return { result: work() };
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return { refused: { code: thrown.code, detail: thrown.detail } };
  }
}

/** @throws GatewayError what the message is refused with */
export function resultOf<T>(checked: CheckedTask<T>): T {
  if ('refused' in checked) {
    const { code, detail } = checked.refused;
    throw new GatewayError(code, { detail });
  }
  return checked.result;
}
