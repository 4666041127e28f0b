// A recording on disk: a folder that `replay` takes, with what was answered and when. Promises that nothing is written that
// was not de-identified, unless raw was asked for; and that no other user of the machine can read it.
import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { causeCode, GatewayError } from '../../errors.ts';
import { frame, holdsFrameEnd, START_BLOCK } from '../../mllp/frame.ts';
import type { Deidentifier } from '../deidentify/deidentify.ts';
import type { Chunk, Recorded } from './exchange.ts';

export interface RecordingOptions {
  readonly folder: string;
  /** Undefined: raw, what was on the wire. */
  readonly deidentifier: Deidentifier | undefined;
  readonly chunks: boolean;
  /** Of messages in one file: 64 MiB, unless said otherwise. */
  readonly maxFileBytes?: number;
}

/** `replay` reads a file as a whole. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Before anything is recorded that would have no place. @throws GatewayError GW_ERR_USAGE */
export function requireNewFolder(folder: string): void {
  let names: readonly string[] = [];
  try {
    names = readdirSync(folder);
  } catch (thrown) {
    if (causeCode(thrown) !== 'ENOENT') throw fileError(folder, thrown);
  }
  if (names.length === 0) return;
  throw new GatewayError('GW_ERR_USAGE', {
    detail: `${folder} is not empty; a recording gets a folder of its own`,
  });
}

export class Recording {
  readonly #options: RecordingOptions;
  readonly #index: number;
  readonly #answers: number;
  readonly #chunks: number | undefined;
  #file = '';
  #messages: number | undefined;
  #fileBytes = 0;
  #files = 0;
  #inFile = 0;
  #firstMs: number | undefined;
  messages = 0;
  answered = 0;
  /** That could not be de-identified, or framed. */
  leftOut = 0;

  /** @throws GatewayError GW_ERR_USAGE where the folder has something in it, GW_ERR_FILE */
  constructor(options: RecordingOptions) {
    this.#options = options;
    const { folder } = options;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      requireNewFolder(folder);
      this.#index = this.#create('recording.jsonl');
      this.#answers = this.#create('answers.mllp');
      this.#chunks = options.chunks ? this.#create('chunks.jsonl') : undefined;
    } catch (thrown) {
      throw fileError(folder, thrown);
    }
  }

  add({ connection, timeMs, message, chunks, answer, code, answeredMs }: Recorded): void {
    const bytes = this.#cleared(message);
    if (bytes === undefined) {
      this.leftOut++;
      return;
    }
    const reply = answer === undefined ? undefined : this.#cleared(answer);
    try {
      this.#write(bytes);
      this.#firstMs ??= timeMs;
      if (code !== undefined) this.answered++;
      if (reply !== undefined) writeSync(this.#answers, frame(reply));
      const entry = {
        message: this.messages,
        file: this.#file,
        number: this.#inFile,
        connection,
        atMs: rounded(timeMs - this.#firstMs),
        code,
        answerMs: answeredMs === undefined ? undefined : rounded(answeredMs - timeMs),
        hasAnswer: reply !== undefined,
      };
      writeSync(this.#index, `${JSON.stringify(entry)}\n`);
      if (this.#chunks !== undefined && chunks !== undefined)
        writeSync(this.#chunks, `${JSON.stringify({ message: this.messages, chunks: relative(chunks) })}\n`);
    } catch (thrown) {
      throw fileError(this.#options.folder, thrown);
    }
  }

  /** `about`: what the recording was made of. */
  finish(about: Readonly<Record<string, unknown>>): void {
    const { deidentifier, folder } = this.#options;
    const report = {
      raw: deidentifier === undefined,
      messages: this.messages,
      answered: this.answered,
      leftOut: this.leftOut,
      ...about,
      replaced: deidentifier && Object.fromEntries(deidentifier.report),
    };
    for (const file of [this.#index, this.#answers, this.#chunks, this.#messages])
      if (file !== undefined) closeSync(file);
    writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`, { mode: 0o600 });
  }

  /** As it may be written; undefined: not at all. */
  #cleared(payload: Buffer): Buffer | undefined {
    const { deidentifier } = this.#options;
    // What came over HTTP may hold what would end its frame in the file.
    if (holdsFrameEnd(payload) || payload.includes(START_BLOCK)) return undefined;
    if (deidentifier === undefined) return payload;
    try {
      return deidentifier.deidentify(payload);
    } catch {
      return undefined;
    }
  }

  #write(message: Buffer): void {
    const { maxFileBytes = MAX_FILE_BYTES } = this.#options;
    if (this.#messages === undefined || this.#fileBytes + message.length > maxFileBytes) {
      if (this.#messages !== undefined) closeSync(this.#messages);
      this.#file = `messages-${String(++this.#files).padStart(4, '0')}.hl7`;
      this.#messages = this.#create(this.#file);
      this.#fileBytes = 0;
      this.#inFile = 0;
    }
    const framed = frame(message);
    writeSync(this.#messages, framed);
    this.#fileBytes += framed.length;
    this.#inFile++;
    this.messages++;
  }

  #create(name: string): number {
    return openSync(join(this.#options.folder, name), 'wx', 0o600);
  }
}

function fileError(folder: string, thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('GW_ERR_FILE', { detail: `${folder}: ${causeCode(thrown)}`, cause: thrown });
}

/** Length, and milliseconds since the frame's first piece. */
function relative(chunks: readonly Chunk[]): [number, number][] {
  const startMs = chunks[0]?.timeMs ?? 0;
  return chunks.map(({ bytes, timeMs }) => [bytes, rounded(timeMs - startMs)]);
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
