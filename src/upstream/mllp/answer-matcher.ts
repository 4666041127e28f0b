// Which message of a connection does an answer belong to? Answers come in the order of the messages (MLLP R1), and MSA-2 must agree
// (src/hl7/answers.ts). Promises that nothing is credited to a message that could be the answer to another one.
import { type Ack, isApplicationAck } from '../../hl7/ack.ts';
import { alikeKey, answers, type Match, type MatchMode, matchAnswer } from '../../hl7/answers.ts';
import type { Header } from '../../hl7/header.ts';
import { payloadOf } from '../../mllp/frame.ts';
import type { Delivery } from '../delivery.ts';
import type { CommittedMatch, CommittedMessages } from './committed-messages.ts';
import { IdRing } from './id-ring.ts';
import type { NodeQuirks } from './node-quirks.ts';
import type { OutstandingMessages } from './outstanding-messages.ts';
import { RecentIds } from './recent-ids.ts';
import type { UnansweredMessages, UnexpectedAnswer } from './unanswered-messages.ts';

/**
 * The answer of the message that is due: `exact`, `alike`, `refusal` or `position`. Not so: `repeated` agrees with it, and with an
 * earlier one too (F39); `stray` answers no message, and `second` one that was answered before; `wrong` comes where that of the message
 * should. The other words are those of `CommittedMatch` and `UnexpectedAnswer`.
 */
export type Verdict =
  | Exclude<Match, 'none'>
  | Exclude<CommittedMatch, 'due'>
  | UnexpectedAnswer
  | 'repeated'
  | 'stray'
  | 'wrong';

/** More than a node says of others before it says something twice. */
const ANSWERED_IDS = 16;

export class AnswerMatcher {
  readonly #mode: MatchMode;
  readonly #quirks: NodeQuirks;
  readonly #outstanding: OutstandingMessages;
  readonly #unanswered: UnansweredMessages;
  readonly #committed: CommittedMessages;
  /** Undefined: ids may repeat. */
  readonly #recent: RecentIds | undefined;
  /** MSA-2 of the last answers; an empty one on a fresh connection repeats nothing. With several messages out, a second answer to one may come behind those to others. */
  readonly #answeredIds = new IdRing(ANSWERED_IDS);
  /** MSH-10 of the message that was answered last. */
  readonly #lastId = new IdRing(1);

  constructor(
    mode: MatchMode,
    quirks: NodeQuirks,
    outstanding: OutstandingMessages,
    unanswered: UnansweredMessages,
    committed: CommittedMessages,
  ) {
    this.#mode = mode;
    this.#quirks = quirks;
    this.#outstanding = outstanding;
    this.#unanswered = unanswered;
    this.#committed = committed;
    this.#recent = quirks.remembersIds ? new RecentIds() : undefined;
  }

  /** One message is out, and every byte of it has been handed over. */
  get isOnlyOne(): boolean {
    return this.#outstanding.isOnlyOne && this.#unanswered.count === 0;
  }

  /** F39: a second answer to an earlier message could be credited to this one. */
  repeats({ header }: Delivery): boolean {
    if (this.#recent === undefined || !this.#quirks.guardsIds) return false;
    if (this.#recent.wouldRepeat(header, this.#quirks.changesIds)) return true;
    // Of these an answer may come at any time, whatever was answered since. F43: the one of a commit is told apart where
    // a commit is due.
    const { ids } = this.#unanswered;
    if (ids.size > 0 && ids.has(header.controlId)) return true;
    return this.#committed.size > 0 && !header.enhanced && this.#committed.has(header.controlId);
  }

  /** It is being sent. */
  sent({ header }: Delivery): void {
    this.#recent?.add(header, this.#quirks.changesIds);
  }

  /** `ack` was taken for its answer. */
  answered({ header }: Delivery, { controlId }: Ack): void {
    const { bytes, idStart, idEnd } = header;
    this.#lastId.add(bytes, idStart, idEnd);
    // Nearly always the same, which lies there already.
    if (header.isControlId(controlId)) this.#answeredIds.add(bytes, idStart, idEnd);
    else this.#answeredIds.addText(controlId);
  }

  /** Of one that is `wrong`: it is a second answer to an earlier message. */
  isSecond(ack: Ack): boolean {
    const due = this.#outstanding.first;
    return this.#recent?.has(ack.controlId) === true && due !== undefined && !answers(ack, due.header);
  }

  match(ack: Ack, frame: Buffer): Verdict {
    const due = this.#outstanding.first;
    const match = due === undefined ? 'none' : this.#compare(ack, due.header);
    if (due === undefined || match === 'none') return this.#unmatched(ack, frame, due);
    if (
      match === 'exact' &&
      this.#quirks.guardsIds &&
      this.#recent?.mayAnswer(ack.controlId, due.header) === false
    )
      return 'repeated';
    // Mostly there are none, and a look-up costs the hash of a string that nobody has asked for yet: 0.4 µs.
    if (this.#committed.size === 0) return match;
    const verdict = this.#committed.take(ack, payloadOf(frame), frame, due);
    return verdict === 'due' ? match : verdict;
  }

  #compare(ack: Ack, header: Header): Match {
    if (!this.#outstanding.isFirstWritten) return 'none';
    const match = matchAnswer(ack, header, this.#mode, this.isOnlyOne);
    return match === 'exact' || match === 'none' || !this.#mayNameAnother(ack, header, match)
      ? match
      : 'none';
  }

  #unmatched(ack: Ack, frame: Buffer, due: Delivery | undefined): Verdict {
    if (this.#committed.size > 0) {
      const verdict = this.#committed.take(ack, payloadOf(frame), frame, undefined);
      if (verdict !== 'due') return verdict;
    }
    const unexpected = this.#unanswered.answeredBy(ack);
    if (unexpected !== undefined) return unexpected;
    if (due !== undefined && !this.#answeredIds.isLast(ack.controlId)) return 'wrong';
    return this.#recent?.has(ack.controlId) === true ? 'second' : 'stray';
  }

  /**
   * Could it be the answer to a message that is not out any more: a second one to one of those answered last, one to a
   * message that needed none (F42), or the application's to one that was committed (F43)?
   */
  #mayNameAnother(ack: Ack, header: Header, match: Match): boolean {
    const id = ack.controlId;
    if (id !== '' && this.#lastId.isLast(id) && !header.isControlId(id)) return true;
    const { ids } = this.#unanswered;
    if (match === 'refusal') {
      const isCommit = !isApplicationAck(ack.code);
      const isSecond = this.#answeredIds.isLast(id) || (id !== '' && this.#answeredIds.hasText(id));
      return isSecond || ids.size > 0 || (this.#committed.size > 0 && !isCommit);
    }
    if (ids.has(id) || this.#committed.has(id)) return true;
    if (match !== 'alike' || ids.size + this.#committed.size === 0) return false;
    const key = alikeKey(id, header);
    for (const others of [ids, this.#committed.keys()])
      for (const other of others) if (alikeKey(other, header) === key) return true;
    return false;
  }
}

export function isMatch(verdict: Verdict): verdict is Exclude<Match, 'none'> {
  return verdict === 'exact' || verdict === 'alike' || verdict === 'refusal' || verdict === 'position';
}
