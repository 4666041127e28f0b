// Reads in the parse pool what must be known of a message before it can be routed, and decides by that where it goes.
// Promises that a message is routed by one config alone, whatever a reload changes while it is read.
import { asGatewayError } from '../errors.ts';
import type { Piece } from '../hl7/batch.ts';
import { HEADER_ONLY, UNREAD } from '../hl7/field-query-plan.ts';
import { readHeader } from '../hl7/header.ts';
import type { Parsing } from '../hl7/parsing.ts';
import type { Admission } from './admission.ts';
import { BodyStage } from './body-stage.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Message } from './message.ts';
import type { ReorderSlot } from './reorder-buffer.ts';
import type { RouteResolver } from './route-resolver.ts';

/** What it is to be split into, or who is to take it. */
export type ParseResult = { readonly pieces: readonly Piece[] } | { readonly dispatcher: Dispatcher };

export class ParseStage {
  readonly #signpost: RouteResolver;
  readonly #parsing: Parsing;

  constructor(signpost: RouteResolver, parsing: Parsing) {
    this.#signpost = signpost;
    this.#parsing = parsing;
  }

  /** Rejects with why it goes nowhere. Of one that is abandoned meanwhile it may never resolve. */
  async read(turn: ReorderSlot, admission: Admission, payload: Buffer): Promise<ParseResult> {
    const { message } = turn;
    message.parseWaitMs ??= 0;
    if (!message.hasHeader) await this.#readHeader(message, payload);
    if (mayBeSplit(message, admission)) {
      const job = this.#parsing.split(
        payload,
        message.origin.http?.charset?.decoder,
        admission.maxBatch,
        waitOf(message),
      );
      turn.cancel = job.cancel;
      const pieces = await job.result;
      if (pieces !== undefined) return { pieces };
    }
    const dispatcher = await this.#decide(turn, admission, payload);
    await BodyStage.of(message, dispatcher)?.doElsewhere(this.#parsing, turn);
    return { dispatcher };
  }

  async #decide(turn: ReorderSlot, admission: Admission, payload: Buffer): Promise<Dispatcher> {
    const { message } = turn;
    const { header, origin } = message;
    const signpost = this.#signpost;
    const isOver = (): boolean => message.phase === 'over';
    try {
      return signpost.decide(message, admission, HEADER_ONLY);
    } catch (thrown) {
      // For one that was abandoned meanwhile nobody is asked.
      if (thrown !== UNREAD || isOver()) throw thrown;
    }
    const charset = origin.http?.charset?.decoder ?? header.charset;
    for (;;) {
      const questions = signpost.questionsFor(admission);
      const questionnaire = questions.of(admission);
      const job = this.#parsing.readFields(payload, charset, questionnaire.asked, waitOf(message));
      turn.cancel = job.cancel;
      const output = await job.result;
      // Another config may have other questions, and a message is routed by one config alone.
      if (!questions.isSame(signpost.questionsFor(admission)) && !isOver()) continue;
      return signpost.decide(message, admission, questionnaire.answered(output));
    }
  }

  async #readHeader(message: Message, payload: Buffer): Promise<void> {
    try {
      message.header = await this.#parsing.readHeader(payload);
    } catch (thrown) {
      // Where a worker failed there may be a header all the same, and the refusal is written by it.
      if (asGatewayError(thrown).fault === 'unavailable') message.header = readHeader(payload);
      throw thrown;
    }
  }
}

/** To be called when a thread begins with what is asked for now. */
function waitOf(message: Message): () => void {
  const askedAt = performance.now();
  return () => {
    message.parseWaitMs = (message.parseWaitMs ?? 0) + performance.now() - askedAt;
  };
}

/** A message of a batch is none itself. */
export function mayBeSplit(message: Message, admission: Admission): boolean {
  return admission.batch === 'split' && message.batch === undefined;
}
