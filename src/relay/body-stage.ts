// What is done with the whole of a message once its route is known: the route's `validate`, and UTF-8 for a pool that
// wants it. Promises that both ways of doing it, here and in the parse pool, come to the same.
import { GatewayError } from '../errors.ts';
import type { Parsing } from '../hl7/parsing.ts';
import { transcodeToUtf8 } from '../hl7/transcode.ts';
import { requireValid, type ValidationRules } from '../hl7/whole/validation.ts';
import { payloadOf } from '../mllp/frame.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Message } from './message.ts';
import type { ReorderSlot } from './reorder-buffer.ts';

/** ISO 2022 switches character sets by it. */
const ESC = 0x1b;

export class BodyStage {
  readonly #message: Message;
  readonly #rules: ValidationRules | undefined;
  readonly #toUtf8: boolean;

  private constructor(message: Message, rules: ValidationRules | undefined, toUtf8: boolean) {
    this.#message = message;
    this.#rules = rules;
    this.#toUtf8 = toUtf8;
  }

  /** Undefined: none is asked for, as for nearly every message. */
  static of(message: Message, { config }: Dispatcher): BodyStage | undefined {
    const rules = message.route?.validate?.rules;
    const toUtf8 = config.protocol === 'http' && config.charset === 'utf-8';
    return rules === undefined && !toUtf8 ? undefined : new BodyStage(message, rules, toUtf8);
  }

  /** @throws GatewayError why the message is refused */
  doHere(): void {
    const { header, frame } = this.#message;
    if (this.#rules !== undefined) requireValid(header, this.#rules);
    if (this.#toUtf8) this.#post(transcodeToUtf8(header, payloadOf(frame)));
  }

  /** @throws GatewayError the same, or an error of the pool */
  async doElsewhere(parsing: Parsing, turn: ReorderSlot): Promise<void> {
    const { frame, origin } = this.#message;
    const payload = payloadOf(frame);
    const charset = origin.http?.charset?.decoder;
    if (this.#rules !== undefined) {
      const job = parsing.validate(payload, charset, this.#rules);
      turn.cancel = job.cancel;
      const places = await job.result;
      if (places.length > 0) throw new GatewayError('GW_ERR_ROUTE_INVALID', { places });
    }
    if (this.#toUtf8) {
      const job = parsing.transcode(payload, charset);
      turn.cancel = job.cancel;
      this.#post(await job.result);
    }
  }

  #post(body: Buffer): void {
    const { header, postPlan, frame } = this.#message;
    if (postPlan === undefined) return;
    // The node answers with MSH-10 as it got it, and the sender compares that with what it sent.
    if (header.raw(10).some((byte) => byte > 0x7f || byte === ESC))
      throw new GatewayError('GW_ERR_PARSE_CHARSET', { detail: 'MSH-10 is not ASCII' });
    const isCopy = body.buffer !== frame.buffer || body.byteOffset !== frame.byteOffset + 1;
    if (isCopy) this.#message.hold(body.length);
    this.#message.postPlan = { ...postPlan, body, charset: 'utf-8' };
  }
}
