// One HL7 message on its way to a node over HTTP: the POST, and its response read as an acknowledgement.
// HL7 over HTTP (HAPI's draft): any acknowledgement is a 2xx. Mirth answers AE with status 500, so an acknowledgement of
// this message counts under 4xx and 5xx as well (F93); any other response with such a status says that the transport failed.
import { GatewayError } from '../../errors.ts';
import { type Ack, type AckCode, readAck } from '../../hl7/ack.ts';
import { type MatchMode, matchAnswer } from '../../hl7/answers.ts';
import { charsetLabel, parseContentType, withCharset } from '../../hl7/content-type.ts';
import { fieldValue, type HeaderFields } from '../../http/fields.ts';
import { frame, holdsFrameEnd, START_BLOCK } from '../../mllp/frame.ts';
import { wallMs } from '../../platform/time.ts';
import type { Delivery } from '../delivery.ts';
import { LazyDeadline } from '../lazy-deadline.ts';
import {
  type NodeRequest,
  type NodeResponseHandler,
  nodeError,
  type RequestController,
} from './node-request.ts';

export interface HttpDeliveryOptions {
  readonly node: string;
  /** For the Host field. */
  readonly authority: string;
  readonly path: string;
  readonly contentType: string;
  readonly maxAnswerBytes: number;
  readonly match?: MatchMode;
  readonly connectMs: number;
  readonly ackMs: number;
}

/** An error; or the code of the node's answer, undefined where it answered without one. */
export type HttpResult = GatewayError | AckCode | undefined;

export class HttpDelivery implements NodeResponseHandler {
  readonly request: NodeRequest;
  readonly #delivery: Delivery;
  readonly #options: HttpDeliveryOptions;
  readonly #over: (result: HttpResult) => void;
  readonly #timeoutMs: number;
  readonly #deadline = new LazyDeadline(() => this.#onDue());
  #controller: RequestController | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #type: string | undefined;
  #settled = false;

  /** `over` hears of the end once. */
  constructor(delivery: Delivery, options: HttpDeliveryOptions, over: (result: HttpResult) => void) {
    this.#delivery = delivery;
    this.#options = options;
    this.#over = over;
    const { postPlan } = delivery;
    const charset = postPlan?.charset ?? charsetLabel(delivery.header);
    const timeoutMs = postPlan?.timeoutMs ?? options.ackMs;
    this.#timeoutMs = timeoutMs;
    this.request = {
      method: 'POST',
      path: options.path === '/' ? (postPlan?.path ?? '/') : options.path,
      headers: withOwn(postPlan?.headers(options.node) ?? [], {
        'content-type': withCharset(options.contentType, charset),
        date: dateNow(),
        host: options.authority,
      }),
      body: postPlan?.body ?? delivery.payload,
      timeoutMs,
      clientAddress: delivery.clientAddress,
    };
    // The timer is set once, for the earliest that the answer's deadline can be. Until a connection is there, which is dialled within a
    // deadline of its own, a later one holds.
    this.#deadline.begin(timeoutMs);
    this.#deadline.begin(options.connectMs + timeoutMs);
  }

  onRequestStart(controller: RequestController): void {
    if (this.#settled) {
      controller.abort(new Error('too late'));
      return;
    }
    this.#controller = controller;
    if (this.#delivery.unwanted === true) {
      // F80: nothing of it has been written yet.
      this.#fail(new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
      return;
    }
    // The connection's own begins again with each byte, and this one does not.
    this.#deadline.begin(this.#timeoutMs);
    this.#delivery.written();
  }

  onResponseStart(_: RequestController, status: number, fields: HeaderFields): void {
    this.#status = status;
    this.#delivery.responded?.(status);
    this.#type = fieldValue(fields, 'content-type');
  }

  onResponseData(_: RequestController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#options.maxAnswerBytes) {
      const tooLarge = new GatewayError('GW_ERR_ACK_INVALID', {
        node: this.#options.node,
        detail: 'too large',
      });
      this.#fail(this.#statusError() ?? tooLarge);
      return;
    }
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    const statusError = this.#statusError();
    const error = statusError === undefined || this.#status >= 400 ? this.#answer() : statusError;
    // A page of the web server is no acknowledgement, and another message's is not this one's: then the status says what happened.
    if (error !== undefined) this.#fail(statusError ?? error);
  }

  /** Undefined: the node says that all went well. */
  #statusError(): GatewayError | undefined {
    const isGood = this.#status >= 200 && this.#status < 300;
    return isGood ? undefined : statusError(this.#status, this.#options.node);
  }

  onResponseError(_: RequestController | undefined, thrown: Error): void {
    this.#fail(nodeError(thrown, this.#controller !== undefined, this.#options.node));
  }

  #answer(): GatewayError | undefined {
    const { node } = this.#options;
    const { expectsAnswer, silenceIsSuccess, postPlan } = this.#delivery;
    const [first, ...others] = this.#chunks;
    const payload = first !== undefined && others.length === 0 ? first : Buffer.concat(this.#chunks);
    const ack = readAck(payload);
    if (!expectsAnswer) {
      // Its status is all that such a node has to say, unless it acknowledges this very message.
      if (this.#status >= 400 && (ack === undefined || !this.#isBelieved(ack)))
        return new GatewayError('GW_ERR_ACK_INVALID', { node });
      this.#end(undefined);
      this.#delivery.unanswered();
      return undefined;
    }
    // F90: over HTTP silence is an empty response.
    if (silenceIsSuccess === true && payload.length === 0 && this.#status < 300) {
      this.#end(undefined);
      this.#delivery.unanswered();
      return undefined;
    }
    if (ack === undefined) return new GatewayError('GW_ERR_ACK_INVALID', { node });
    // What stands behind such a byte would be read as the answer to another message.
    if (postPlan?.answerIsFramed === true && !isFramable(payload))
      return new GatewayError('GW_ERR_ACK_INVALID', { node, detail: 'it holds bytes of the framing' });
    if (!this.#isBelieved(ack)) return new GatewayError('GW_ERR_ACK_MISMATCH', { node });
    this.#end(ack.code);
    this.#delivery.answered({ ...ack, charset: charsetIn(this.#type) }, frame(payload));
    return undefined;
  }

  /** A request has one response: no other message is out that it could answer. But where the status says more, MSA-2 must agree. */
  #isBelieved(ack: Ack): boolean {
    const match = matchAnswer(ack, this.#delivery.header, this.#options.match ?? 'lenient', true);
    if (this.#status >= 400) return match === 'exact' || match === 'alike';
    return match !== 'none';
  }

  #onDue(): void {
    const code = this.#controller === undefined ? 'GW_ERR_NODE_CONNECT_TIMEOUT' : 'GW_ERR_ACK_TIMEOUT';
    this.#fail(new GatewayError(code, { node: this.#options.node }));
  }

  #fail(error: GatewayError): void {
    if (this.#settled) return;
    this.#end(error);
    this.#controller?.abort(error);
    this.#delivery.failed(error);
  }

  #end(result: HttpResult): void {
    this.#settled = true;
    this.#deadline.end();
    this.#over(result);
  }
}

/** Of the second that it is, which many messages share. */
let second = 0;
let date = '';

function dateNow(): string {
  const now = Math.floor(wallMs() / 1_000);
  if (now !== second) {
    second = now;
    date = new Date(now * 1_000).toUTCString();
  }
  return date;
}

function isFramable(payload: Buffer): boolean {
  return !payload.includes(START_BLOCK) && !holdsFrameEnd(payload);
}

function charsetIn(type: string | undefined): string | undefined {
  if (type === undefined) return undefined;
  return parseContentType(type)?.parameters.get('charset')?.trim() || undefined;
}

/** A route may have set one of them itself. */
function withOwn(fields: string[], own: Readonly<Record<string, string>>): string[] {
  for (const name in own) {
    let has = false;
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) has = true;
    if (!has) fields.push(name, own[name] as string);
  }
  return fields;
}

/**
 * 503 and 429 say that the request was not worked on. Another 4xx, or a redirection, is final: the same request would be
 * refused again. A 5xx may come from something behind the node, or from the middle of its work: ambiguous.
 */
function statusError(status: number, node: string): GatewayError {
  const detail = `HTTP ${status}`;
  if (status === 503 || status === 429) return new GatewayError('GW_ERR_NODE_BUSY', { node, detail });
  return new GatewayError(status < 500 ? 'GW_ERR_NODE_REFUSED' : 'GW_ERR_NODE_STATUS', { node, detail });
}
