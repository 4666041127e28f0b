// The logs that senders, nodes and the runner write, one JSON line an entry, and all that the checker reads. Promises: an
// entry is with the operating system before `write` returns, so that a kill -9 afterwards loses none.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** `t`: microseconds of the machine's monotonic clock, which is the same one for all processes. `c`: a connection. */
interface At {
  readonly t: number;
}

export type SenderEntry = At &
  (
    | { readonly e: 'open'; readonly c: number }
    /** Before it is written. `n`: the message's place in what this sender has to say; the same one when sent again. */
    | {
        readonly e: 'send';
        readonly c: number;
        readonly n: number;
        readonly id: string;
        readonly sha: string;
        readonly bytes: number;
        /** It breaks a rule of its route, and no node may get it. */
        readonly invalid?: true;
      }
    /** A message of which only a first part will be written. */
    | { readonly e: 'part'; readonly c: number; readonly id: string; readonly sha: string }
    /** `bytes` in base64, without framing; `code` and `id` are MSA-1 and MSA-2, empty without MSA. */
    | {
        readonly e: 'ack';
        readonly c: number;
        readonly code: string;
        readonly id: string;
        readonly bytes: string;
      }
    /** HTTP only: another status than 200, so the message that was due has no answer. */
    | { readonly e: 'refused'; readonly c: number; readonly status: number }
    /** An application acknowledgement to a message that was answered with a commit acknowledgement before. */
    | {
        readonly e: 'application';
        readonly c: number;
        readonly code: string;
        readonly id: string;
        readonly bytes: string;
      }
    | { readonly e: 'noise'; readonly c: number; readonly bytes: number }
    | { readonly e: 'close'; readonly c: number; readonly by: 'sender' | 'gateway'; readonly how: string }
    /** Every message has been answered; nothing more will come. */
    | { readonly e: 'done'; readonly messages: number }
  );

/** `right`: for that message; `again`: the same bytes once more; `application`: what follows a commit acknowledgement. */
export type AnswerKind = 'right' | 'wrong' | 'garbled' | 'again' | 'application';

export type NodeEntry = At &
  (
    | { readonly e: 'listen'; readonly port: number }
    | { readonly e: 'mode'; readonly mode: string }
    | { readonly e: 'open'; readonly c: number }
    /** `r`: counts what this process received. */
    | {
        readonly e: 'recv';
        readonly c: number;
        readonly r: number;
        readonly id: string;
        readonly sha: string;
      }
    /** Before it is written: an answer to the message `r`. */
    | {
        readonly e: 'answer';
        readonly c: number;
        readonly r: number;
        readonly kind: AnswerKind;
        readonly code: string;
        readonly bytes: string;
      }
    | { readonly e: 'noise'; readonly c: number; readonly bytes: number }
    | { readonly e: 'close'; readonly c: number; readonly by: 'node' | 'gateway'; readonly how: string }
  );

/** Of the runner: when each event began and ended. The checker reads it to know when nothing was disturbed. */
export type JournalEntry = At & {
  readonly e: 'begin' | 'end' | 'note';
  readonly event?: number;
  readonly kind: string;
  readonly target: string;
};

/** A client that makes HTTP requests, and opens WebSockets, through the gateway. `q` counts its requests. */
export type WebClientEntry = At &
  (
    | { readonly e: 'request'; readonly q: number; readonly id: string; readonly sha: string }
    | {
        readonly e: 'response';
        readonly q: number;
        readonly status: number;
        readonly id: string;
        readonly sha: string;
      }
    /** The tunnel's bytes came back as they were sent, or not. */
    | { readonly e: 'tunnel'; readonly q: number; readonly same: boolean }
    /** It closed at this moment, and wants no answer any more. */
    | { readonly e: 'left'; readonly q: number; readonly phase: string }
    | { readonly e: 'lost'; readonly q: number; readonly how: string }
    | { readonly e: 'done'; readonly requests: number }
  );

type WithoutTime<T> = T extends At ? Omit<T, 't'> : never;

export function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export class LogWriter<E extends At> {
  readonly #fd: number;

  constructor(file: string) {
    this.#fd = openSync(file, 'a');
  }

  write(entry: WithoutTime<E>): void {
    writeSync(this.#fd, `${JSON.stringify({ t: now(), ...entry })}\n`);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A process that was killed may have left half a line, of something that it then did not do. */
export function readLog<E extends At>(file: string): E[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const cut = lines.pop();
  if (cut === undefined) return [];
  return lines.map((line) => JSON.parse(line) as E);
}
