// One message on its way to a node, as the upstream sees it: what to write, and whom to tell what came of it.
import type { GatewayError } from '../errors.ts';
import type { Ack } from '../hl7/ack.ts';
import type { Header } from '../hl7/header.ts';

/** A way to a node on which messages stay in order; a connection, for MLLP. */
export interface Channel {
  /** Can this message be sent behind those that are under way? */
  takes(delivery: Delivery): boolean;
  /** Of what was handed to it, the operating system has yet to take some. */
  readonly isBlocked?: boolean;
}

/** How a message is posted to a node over HTTP. */
export interface HttpPostPlan {
  /** Where the client posted it; for nodes whose URL has no path of its own. */
  readonly path: string | undefined;
  /** Instead of the message as it came. */
  readonly body?: Buffer;
  /** For Content-Type: what the client declared, or what `body` is in. Undefined: what MSH-18 says. */
  readonly charset: string | undefined;
  readonly timeoutMs: number | undefined;
  /** Its sender speaks MLLP: an answer that could not be framed is none. */
  readonly answerIsFramed: boolean;
  /** More header fields (name, value, …) for a node of this name. */
  headers(node: string): string[];
}

/** A sender's connection, for an answer that comes behind a message's own (F43). Holds nothing of the message. */
export interface ReplyTarget {
  /** The same for all that goes to one sender's connection. */
  readonly owner: object;
  /** The sender can be told. */
  readonly isThere: boolean;
  /** F89: an answer is to come, and is waited for until then, in monotonicMs() milliseconds. */
  expect(until: number): void;
  /** The answer that was expected, with its framing. False: the sender is gone. */
  tell(frame: Buffer): boolean;
  /** It will not come. */
  release(): void;
}

/** Exactly one of `answered`, `unanswered` and `failed` is called, once. */
export interface Delivery {
  /** The message as it came. */
  readonly payload: Buffer;
  /** The same with its MLLP framing, as it came; undefined: it came without. */
  readonly frame?: Buffer | undefined;
  readonly header: Header;
  /** F42: false where nobody answers this message, by the pool's `acknowledgement`. */
  readonly expectsAnswer: boolean;
  /** F90: an answer comes on error only, or not at all: where none comes within `timeouts.silence`, all is well. */
  readonly silenceIsSuccess?: boolean;
  /** Its sender's connection was reset, or ended by the gateway: nobody waits for its answer, and it is not to be sent again. */
  readonly unwanted?: boolean;
  /** Of its sender, as the listener trusts it. Undefined: it has none. */
  readonly clientAddress?: string | undefined;
  /** For nodes over HTTP. */
  readonly postPlan?: HttpPostPlan | undefined;
  /** It has been given to a channel; its bytes are not written yet. */
  assigned(channel: Channel, connectMs: number): void;
  /** Its bytes have been handed to the operating system: from now on a failure is ambiguous. */
  written(): void;
  /** The node's HTTP response has begun. */
  responded?(status: number): void;
  /** `frame` is the node's answer with its framing. */
  answered(ack: Ack, frame: Buffer): void;
  /** Written whole; no answer was to be expected, or its time is over and that means success. */
  unanswered(): void;
  /** `error.resend` says whether the node may have the message. */
  failed(error: GatewayError): void;
  /**
   * Who is to be told of the application acknowledgement of a message that was committed (CA), after `answered`. It outlives
   * the delivery (F87). Undefined: nobody can be.
   */
  readonly replyTarget?: ReplyTarget | undefined;
}
