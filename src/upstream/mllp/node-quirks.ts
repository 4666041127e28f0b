// What a node has been seen to do otherwise than MLLP and HL7 have it. Its connections share it: what one has learned goes for all.
import { ConnectionReuse } from './connection-reuse.ts';

/**
 * `unclear`: it could be for more than one sender. `gone`: its sender is. `closed`: the connection ended before it came.
 * `unasked`: a refusal, to a sender that wants no answer.
 */
export type LostAnswer = 'unclear' | 'gone' | 'closed' | 'unasked';

/** Who hears of answers that are not as they should be. */
export interface AnswerObserver {
  /** It belongs to no message (F34, F39): dropped. `isSecond`: to one that was answered before. */
  onStrayAnswer(isSecond: boolean): void;
  /** F88: application acknowledgements that nobody is told of. */
  onLostAnswer?(reason: LostAnswer, count: number): void;
  /** F84: an answer was taken for its message's though MSA-2 or MSA-1 was not as it should be. */
  onAlike?(): void;
}

export interface QuirkOptions {
  /**
   * For messages whose control id was in use just now; `auto`: `reuse` until the node has answered a message twice. `reuse`, unless
   * said otherwise.
   */
  readonly repeatedIds?: 'auto' | 'redial' | 'reuse';
  /** F97: a connection is ended after so many messages; undefined: it is not. */
  readonly reuse?: number | undefined;
}

export class NodeQuirks implements AnswerObserver {
  readonly #options: QuirkOptions;
  readonly #owner: AnswerObserver | undefined;
  /** F39: no connection takes a message that a second answer to an earlier one could be credited to. */
  guardsIds: boolean;
  /** F84: it changes control ids or codes in its answers: they can be matched only while one message is out on a connection. */
  changesIds = false;
  /** F97: whether it keeps a connection open behind an answer. */
  readonly reuse = new ConnectionReuse();

  /** `owner` is told of what comes, too. */
  constructor(options: QuirkOptions, owner?: AnswerObserver) {
    this.#options = options;
    this.#owner = owner;
    this.guardsIds = options.repeatedIds === 'redial';
  }

  /** `guardsIds` is true, or may come to be. */
  get remembersIds(): boolean {
    return (this.#options.repeatedIds ?? 'reuse') !== 'reuse';
  }

  /** No connection takes a second message while one is out. */
  get isOneAtATime(): boolean {
    return this.changesIds || this.reuse.closes;
  }

  /** F97: a connection is used up with each message, so there are always others that take its place. */
  get isSingleUse(): boolean {
    return this.reuse.closes || this.#options.reuse === 1;
  }

  /** F97: after an answer a connection takes no message until it has been watched for a close. */
  get watchesClose(): boolean {
    return this.#options.reuse === undefined && this.reuse.isWatched;
  }

  onStrayAnswer(isSecond: boolean): void {
    if (isSecond && this.#options.repeatedIds === 'auto') this.guardsIds = true;
    this.#owner?.onStrayAnswer(isSecond);
  }

  onLostAnswer(reason: LostAnswer, count: number): void {
    this.#owner?.onLostAnswer?.(reason, count);
  }

  onAlike(): void {
    if (this.changesIds) return;
    this.changesIds = true;
    this.#owner?.onAlike?.();
  }
}
