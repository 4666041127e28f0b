// The answers that a connection owes, in the order of its messages: each is known some time, none is paid before those
// ahead of it. Where an answer is the end of the connection, nothing behind it is owed.
import type { GatewayError } from '../../src/errors.ts';
import type { Message } from '../../src/relay/message.ts';
import { Ring } from '../../src/ring.ts';

/** Empty: nothing is told; null: the connection ends here. */
export type QueuedReply = Buffer | null;

interface Owed {
  /** Undefined: for something that never became a message. */
  readonly message: Message | undefined;
  answer: QueuedReply | undefined;
  /** Messages that wait for it: those of a batch that was split, else one. */
  messages: number;
}

export class ReplyQueue {
  readonly #owed = new Ring<Owed>();
  readonly #onOver: (message: Message, reply: QueuedReply) => void;
  #count = 0;

  /** `onOver`: the answer to a settled message was paid; null: or is owed no more. */
  constructor(onOver: (message: Message, reply: QueuedReply) => void = () => {}) {
    this.#onOver = onOver;
  }

  /** Messages that wait for their answers. */
  get count(): number {
    return this.#count;
  }

  /** For a message whose answer is not known yet. */
  expect(message: Message): void {
    this.#push({ message, answer: undefined, messages: 1 });
  }

  /** One has turned out to be several messages. */
  weigh(message: Message): void {
    const owed = this.#of(message);
    if (owed === undefined || message.parts <= 1) return;
    this.#count += message.parts - owed.messages;
    owed.messages = message.parts;
  }

  /** An answer that is known at once. */
  add(answer: QueuedReply): void {
    this.#push({ message: undefined, answer, messages: 1 });
    if (answer === null) this.#cutFrom(this.#owed.length);
  }

  /** An answer is owed for it. */
  owes(message: Message): boolean {
    return this.#of(message) !== undefined;
  }

  /** False if none is owed for this message any more. */
  settle(message: Message, answer: QueuedReply): boolean {
    const owed = this.#of(message);
    if (owed === undefined) return false;
    owed.answer = answer;
    if (answer === null) this.#cutFrom(this.#owed.indexOf(owed) + 1);
    return true;
  }

  /** What is to go out behind all answers that are known by now; false if none of these waits. */
  addBehind(more: Buffer): boolean {
    const last = [...this.#owed].findLast(({ answer }) => answer !== undefined);
    if (last?.answer === undefined) return false;
    // Where the connection ends with it, nothing is said behind it.
    if (last.answer !== null) last.answer = Buffer.concat([last.answer, more]);
    return true;
  }

  /** Takes out the next answer if it is known; those without bytes are passed over. */
  next(): QueuedReply | undefined {
    for (;;) {
      const first = this.#owed.at(0);
      const answer = first?.answer;
      if (first === undefined || answer === undefined) return undefined;
      this.#owed.shift();
      this.#count -= first.messages;
      if (first.message !== undefined) this.#onOver(first.message, answer);
      if (answer === null || answer.length > 0) return answer;
    }
  }

  /** Nobody is owed anything any more: what has not been sent is not sent. `reason`: where it is the sender's doing. */
  abandon(reason?: GatewayError): void {
    this.#cutFrom(0, reason);
  }

  #of(message: Message): Owed | undefined {
    for (let i = 0; i < this.#owed.length; i++) {
      const owed = this.#owed.at(i);
      if (owed?.message === message) return owed;
    }
    return undefined;
  }

  #push(owed: Owed): void {
    this.#owed.push(owed);
    this.#count += owed.messages;
  }

  #cutFrom(at: number, reason?: GatewayError): void {
    const cut = this.#owed.cut(at);
    for (const { messages } of cut) this.#count -= messages;
    for (const { message, answer } of cut) {
      if (message === undefined) continue;
      if (answer === undefined) message.abandon(reason);
      else this.#onOver(message, null);
    }
  }
}
