// One message or request that a scenario sends, and what came of it: the answer, the gateway's record of it, the times.
// Promises to be over exactly once.

import { monotonicMs } from '../../../platform/time.ts';
import type { ProxiedRequest } from '../../../relay/http-scheduler.ts';
import type { Message } from '../../../relay/message.ts';
import type { RequestStep, ScenarioSender, SendStep } from '../scenario/scenario.ts';

export interface HttpResponse {
  readonly status: number;
  /** In lower case; several of one name joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** `silent`: no answer was to be expected. `late`: none came in the sender's time. */
export type SendEnd = 'answered' | 'silent' | 'closed' | 'late';

export class SentStep {
  readonly step: SendStep | RequestStep;
  readonly sender: ScenarioSender;
  /** From 0, in its step. */
  readonly index: number;
  readonly label: string;
  readonly payload: Buffer;
  readonly over: Promise<void>;
  /** The sender's own port, by which the gateway's record is found. */
  port: number | undefined;
  /** Over all messages of the play. */
  order = 0;
  sentAt = 0;
  endedAt = 0;
  end: SendEnd | undefined;
  answer: Buffer | undefined;
  response: HttpResponse | undefined;
  message: Message | undefined;
  /** Of a batch that was split. */
  readonly parts: Message[] = [];
  proxied: ProxiedRequest | undefined;
  readonly #resolve: () => void;

  constructor(
    step: SendStep | RequestStep,
    sender: ScenarioSender,
    index: number,
    label: string,
    payload: Buffer,
  ) {
    this.step = step;
    this.sender = sender;
    this.index = index;
    this.label = label;
    this.payload = payload;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#resolve = resolve;
  }

  get isRequest(): boolean {
    return this.step.kind === 'request';
  }

  answered(answer: Buffer): void {
    if (this.end === undefined) this.answer = answer;
    this.ended('answered');
  }

  ended(end: SendEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.endedAt = monotonicMs();
    this.#resolve();
  }

  /** The gateway has settled it. Where no answer is to come, that is its end. */
  settled(message: Message): void {
    this.message = message;
    const { outcome } = message;
    const isSilent =
      outcome?.kind === 'unanswered' ||
      ((outcome?.kind === 'gathered' || outcome?.kind === 'stored') && outcome.frame.length === 0);
    if (isSilent && this.response === undefined) this.ended('silent');
  }
}
