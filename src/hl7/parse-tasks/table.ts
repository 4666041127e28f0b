// Every kind of work that parse workers do. A new kind is a file of its own in this folder, with a line in each of the
// two tables here; pool and worker need not know of it.
import type { ErrorPlace } from '../../errors.ts';
import { type FieldsInput, type FieldsOutput, readFields } from './fields.ts';
import { type HeadersInput, type HeadersOutput, headersOf } from './headers.ts';
import {
  type CheckedTask,
  type SplitInput,
  type SplitOutput,
  split,
  type TranscodeOutput,
  transcode,
  type ValidateInput,
  validate,
  type WholeInput,
} from './whole.ts';

/** What goes to the worker and what comes back: plain data and shared memory, nothing with a class. */
export interface ParseKinds {
  readonly headers: { readonly input: HeadersInput; readonly output: HeadersOutput };
  readonly fields: { readonly input: FieldsInput; readonly output: FieldsOutput };
  readonly validate: { readonly input: ValidateInput; readonly output: CheckedTask<readonly ErrorPlace[]> };
  readonly split: { readonly input: SplitInput; readonly output: CheckedTask<SplitOutput> };
  readonly transcode: { readonly input: WholeInput; readonly output: CheckedTask<TranscodeOutput> };
}

export type ParseKind = keyof ParseKinds;
export type InputOf<K extends ParseKind> = ParseKinds[K]['input'];
export type OutputOf<K extends ParseKind> = ParseKinds[K]['output'];

type Work = { readonly [K in ParseKind]: (input: InputOf<K>) => OutputOf<K> | Promise<OutputOf<K>> };

const WORK: Work = {
  headers: headersOf,
  fields: readFields,
  validate,
  split,
  transcode,
};

export interface ParseTask<K extends ParseKind = ParseKind> {
  readonly kind: K;
  readonly input: InputOf<K>;
}

export function perform<K extends ParseKind>({
  kind,
  input,
}: ParseTask<K>): OutputOf<K> | Promise<OutputOf<K>> {
  return WORK[kind](input);
}
