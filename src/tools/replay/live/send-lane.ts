// One connection to a target and the messages that wait for it, in their order. Dials when there is something to send, and
// again, after a pause, where the connection was lost; every message that it was given has one result.
import { asGatewayError, type GatewayError } from '../../../errors.ts';
import type { Header } from '../../../hl7/header.ts';
import type { MessageClient, MessageReply } from '../../../upstream/client/message-client.ts';

/** Rejects with a GatewayError GW_ERR_NODE_…. */
export type OpenLine = () => Promise<MessageClient>;

/** An error is `safe` where not a byte of the message was written. */
export type SendResult = MessageReply | GatewayError;

export interface Errand {
  /** When it should have gone, by performance.now(). */
  readonly dueAt: number;
  /** Called when it goes: a copy with ids of its own is made as late as that. */
  prepare(): { readonly bytes: Buffer; readonly header: Header };
  sent(at: number): void;
  done(result: SendResult, sentAt: number): void;
}

/** A target that refuses connections is asked ten times a second, and the messages due meanwhile fail with the next refusal. */
const REDIAL_MS = 100;

export class SendLane {
  readonly #open: OpenLine;
  #waiting: Errand[] = [];
  /** Of `#waiting`, those that have gone. */
  #gone = 0;
  #inFlight = 0;
  #line: MessageClient | undefined;
  #state: 'idle' | 'dialling' | 'pausing' | 'closed' = 'idle';
  #timer: NodeJS.Timeout | undefined;

  constructor(open: OpenLine, line?: MessageClient) {
    this.#open = open;
    this.#line = line;
  }

  get waiting(): number {
    return this.#waiting.length - this.#gone;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  take(errand: Errand): void {
    this.#waiting.push(errand);
    this.#pump();
  }

  /** Forgets what has not gone; returns how many those were. */
  forget(): number {
    const { waiting } = this;
    this.#waiting = [];
    this.#gone = 0;
    return waiting;
  }

  close(): void {
    this.forget();
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#line?.close();
  }

  #pump(): void {
    if (this.#state !== 'idle') return;
    while (this.#gone < this.#waiting.length) {
      const line = this.#line;
      if (line?.isOpen !== true) {
        this.#dial();
        return;
      }
      if (this.#inFlight >= line.pipelining) return;
      this.#send(line, this.#waiting[this.#gone] as Errand);
    }
  }

  #send(line: MessageClient, errand: Errand): void {
    // Moved once in a while, not for each message.
    if (++this.#gone >= 1024 || this.#gone === this.#waiting.length) {
      this.#waiting.splice(0, this.#gone);
      this.#gone = 0;
    }
    this.#inFlight++;
    const { bytes, header } = errand.prepare();
    const sentAt = performance.now();
    errand.sent(sentAt);
    line.send(bytes, header, (result) => {
      this.#inFlight--;
      errand.done(result, sentAt);
      this.#pump();
    });
  }

  #dial(): void {
    this.#state = 'dialling';
    this.#open().then(
      (line) => {
        this.#line = line;
        if (this.#state === 'closed') line.close();
        else {
          this.#state = 'idle';
          this.#pump();
        }
      },
      (thrown) => this.#onRefused(asGatewayError(thrown)),
    );
  }

  #onRefused(error: GatewayError): void {
    if (this.#state === 'closed') return;
    const failed = this.#waiting.slice(this.#gone);
    this.forget();
    this.#state = 'pausing';
    this.#timer = setTimeout(() => {
      this.#state = 'idle';
      this.#pump();
    }, REDIAL_MS);
    for (const errand of failed) errand.done(error, performance.now());
  }
}
