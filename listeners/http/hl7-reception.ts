// HL7 over HTTP: a POST whose body is one message, and whose response's body is its acknowledgement. An acknowledgement
// is a 200 whatever its code says; anything else says that the transport failed, and carries no HL7.
import { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { HttpOrigin } from '../../routing/http-post-plan.ts';
import type { Peer } from '../../routing/message-view.ts';
import { remoteOf } from '../../routing/trace-sampler.ts';
import { type AddressRanges, sourceKey } from '../../src/addresses.ts';
import type { Coding, ListenerConfig } from '../../src/config/config.ts';
import { GatewayError } from '../../src/errors.ts';
import { type ContentType, charsetOfType, withCharset } from '../../src/hl7/content-type.ts';
import { readCodings } from '../../src/http/content-coding.ts';
import { endToEnd } from '../../src/http/fields.ts';
import { addForwarding, isForwarding } from '../../src/http/forwarded.ts';
import {
  CARRIAGE_RETURN,
  contentOf,
  END_BLOCK,
  FRAMING_BYTES,
  frame,
  payloadOf,
  START_BLOCK,
} from '../../src/mllp/frame.ts';
import { Message, type Origin, type Outcome } from '../../src/relay/message.ts';
import type { Pipeline } from '../../src/relay/pipeline.ts';
import type { Admission } from '../../src/relay/route-resolver.ts';
import type { BufferBudget, SourceBudget } from '../accept/buffer-budget.ts';
import { negativeAckBytes, refusalOf } from '../mllp/refusal.ts';
import type { ClientRequest, Incoming } from './client-request.ts';
import { type AnyServerResponse, closeBehind, endWith, refuse, startResponse } from './client-response.ts';
import { readWholeBody } from './proxy/whole-body.ts';
import { statusOf } from './statuses.ts';

export interface Hl7ReceptionOptions {
  readonly config: ListenerConfig;
  readonly admission: Admission;
  readonly relay: Pipeline;
  readonly budget: BufferBudget;
  readonly trusted: AddressRanges;
  readonly onMessage: (message: Message) => void;
  readonly onOver: (message: Message, replied: boolean) => void;
  readonly onFault: (error: GatewayError, peer: Peer, incoming: Incoming) => void;
  readonly mustClose: () => boolean;
}

/** MLLP's framing around the body, so that it can go to any node: 0B before it, 1C 0D behind (see relay.ts for what is in it). */
const BEFORE = Buffer.from([START_BLOCK]);
const BEHIND = Buffer.from([END_BLOCK, CARRIAGE_RETURN]);

/** No `replyTarget`: HTTP has no way to say more behind a response (F43). */
export class Hl7Reception implements Origin {
  readonly listener: string;
  readonly peer: Peer;
  readonly http: HttpOrigin;
  readonly lanes: Origin['lanes'] = new WeakMap();
  readonly #request: ClientRequest;
  readonly #response: AnyServerResponse;
  readonly #type: ContentType | undefined;
  readonly #codings: readonly Coding[];
  readonly #options: Hl7ReceptionOptions;
  readonly #source: SourceBudget;
  /** What becomes of its reply is told when the response is closed. */
  #isReplied = false;

  /**
   * `type`: of the body; undefined where the route alone says that it is HL7.
   *
   * @throws GatewayError GW_ERR_HTTP_CHARSET, GW_ERR_HTTP_CODING
   */
  constructor(
    request: ClientRequest,
    response: AnyServerResponse,
    type: ContentType | undefined,
    options: Hl7ReceptionOptions,
  ) {
    const codings = readCodings(request.header('content-encoding'), options.config.http.codings);
    if (codings === undefined) throw new GatewayError('GW_ERR_HTTP_CODING');
    this.#codings = codings;
    this.#request = request;
    this.#response = response;
    this.#type = type;
    this.#options = options;
    this.listener = options.config.name;
    this.peer = request.peer;
    this.#source = options.budget.source(sourceKey(request.peer.address));
    this.http = httpOrigin(request, type, codings.length > 0, options);
  }

  start(): void {
    const { config } = this.#options;
    const { maxFrameBytes, frameTimeoutMs } = config.limits;
    const { expectsContinue, contentLength } = this.#request;
    // F62, F72: a message that is too large is refused before it comes.
    if (expectsContinue && (contentLength ?? 0) <= maxFrameBytes) this.#response.writeContinue();
    const limits = {
      maxBytes: maxFrameBytes,
      timeoutMs: frameTimeoutMs,
      before: BEFORE,
      behind: BEHIND,
      source: this.#source,
      codings: this.#codings,
    };
    readWholeBody(this.#request.incoming, this.#request.contentLength, limits, (result) => {
      if (result instanceof GatewayError) this.#refuse(result);
      else this.#accept(result);
    });
  }

  settled(message: Message, outcome: Outcome): void {
    this.#source.hold(-(message.payload.length + FRAMING_BYTES));
    const response = this.#response;
    // F26: its message stands all the same. F83: said with what became of it.
    const wasGone = isGone(response);
    if (wasGone && outcome.kind !== 'abandoned') message.loseReply();
    this.#reply(message, outcome);
    if (wasGone || outcome.kind === 'abandoned') this.#options.onOver(message, false);
    else this.#isReplied = true;
  }

  /**
   * F80: a client that has reset its request will make it again. One that has only ended its side of the connection may
   * have sent all that it had to say (F25).
   */
  #abandonIfReset(message: Message, socket: Socket): void {
    if (this.#response.writableFinished || message.phase === 'over') return;
    if (this.#isReset(socket)) message.abandon(new GatewayError('GW_ERR_HTTP_CUT'));
  }

  #isReset(socket: Socket): boolean {
    return this.#response instanceof Http2ServerResponse || !socket.readableEnded;
  }

  #reply(message: Message, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'answered':
        // The reply goes out first, and those who watch are told then.
        message.replyWith(outcome.ack.code);
        this.#answer(contentIn(outcome.frame, message), outcome.ack.charset);
        this.#options.onMessage(message);
        break;
      case 'gathered':
      case 'stored':
        this.#tell(message, outcome.code);
        this.#answer(payloadOf(outcome.frame));
        break;
      case 'unanswered':
        this.#tell(message, 'none');
        this.#answer(Buffer.alloc(0));
        break;
      case 'abandoned':
        this.#tell(message, 'close');
        return;
      case 'failed':
        this.#fail(message, outcome);
    }
  }

  #tell(message: Message, told: string): void {
    message.replyWith(told);
    this.#options.onMessage(message);
  }

  /** A message of a batch that is split; its part of the answer, framed. */
  partSettled(part: Message, outcome: Outcome): Buffer | null {
    const bytes = this.#partReply(part, outcome);
    this.#options.onOver(part, true);
    return bytes;
  }

  #partReply(part: Message, outcome: Outcome): Buffer | null {
    const { config } = this.#options;
    switch (outcome.kind) {
      case 'answered':
        this.#tell(part, outcome.ack.code);
        return outcome.frame;
      case 'failed': {
        const header = part.hasHeader ? part.header : undefined;
        const refusal = refusalOf(config, outcome.error, header, part.route);
        const bytes = negativeAckBytes(refusal, outcome.error, header);
        this.#tell(part, bytes === null ? `HTTP ${statusOf(outcome.error.code)}` : refusal);
        return bytes === null || bytes.length === 0 ? bytes : frame(bytes);
      }
      case 'stored':
        this.#tell(part, outcome.code);
        return outcome.frame;
      case 'unanswered':
        this.#tell(part, 'none');
        return Buffer.alloc(0);
      default:
        this.#tell(part, 'close');
        return null;
    }
  }

  hold(bytes: number): void {
    this.#source.hold(bytes);
  }

  #accept(framed: Buffer): void {
    const { socket } = this.#request.incoming;
    // F80: while its body was decoded.
    if (isGone(this.#response) && this.#isReset(socket)) {
      this.#source.hold(-framed.length);
      this.#refuse(new GatewayError('GW_ERR_HTTP_CUT'));
      return;
    }
    const message = new Message(payloadOf(framed), this, framed);
    this.#response.once('close', () => {
      if (this.#isReplied) this.#options.onOver(message, this.#response.writableFinished);
      else this.#abandonIfReset(message, socket);
    });
    this.#options.relay.accept(message, this.#options.admission);
  }

  #fail(message: Message, failure: Failure): void {
    const { config } = this.#options;
    const { error } = failure;
    const header = message.hasHeader ? message.header : undefined;
    const refusal = refusalOf(config, error, header, message.route);
    // Where HL7 has nothing to say, HTTP still says that it failed: an empty 200 would mean that it did not.
    const bytes = refusal === 'none' ? null : negativeAckBytes(refusal, error, header);
    const told = bytes === null ? toldOf(message, failure) : error;
    this.#tell(message, bytes === null ? `HTTP ${statusOf(told.code)}` : refusal);
    if (bytes === null) refuse(this.#response, told, this.#options.mustClose());
    else this.#answer(bytes);
  }

  /** In the type of the request, as that is what its client reads; in the charset that the node says, or the request's. */
  #answer(bytes: Buffer, charset?: string): void {
    const response = this.#response;
    if (response.headersSent || isGone(response)) return;
    const type = this.#type?.type ?? 'application/hl7-v2';
    const fields = [
      'content-type',
      withCharset(type, charset ?? this.http.charset?.label),
      'content-length',
      String(bytes.length),
    ];
    if (this.#options.mustClose()) closeBehind(response, fields);
    startResponse(response, 200, '', fields);
    endWith(response, bytes, this.#options.config.limits.writeTimeoutMs);
  }

  #refuse(error: GatewayError): void {
    // Its body made no HTTP, which has been told already.
    if (this.#response.headersSent) return;
    this.#options.onFault(error, this.peer, this.#request.incoming);
    // What is left of the body is not read.
    refuse(this.#response, error, true);
  }
}

type Failure = Extract<Outcome, { readonly kind: 'failed' }>;

/**
 * A 503 says that nobody has the message, so whoever stands between may send it again. One that a node may have is told
 * by how that came about.
 */
function toldOf({ unsafeError }: Message, { error, ambiguous }: Failure): GatewayError {
  if (!ambiguous || error.resend === 'unsafe') return error;
  return unsafeError ?? error;
}

function isGone(response: AnyServerResponse): boolean {
  return response instanceof Http2ServerResponse ? response.stream.destroyed : response.destroyed;
}

function httpOrigin(
  request: ClientRequest,
  type: ContentType | undefined,
  isDecoded: boolean,
  { trusted, config }: Hl7ReceptionOptions,
): HttpOrigin {
  const { method, host, path, target, incoming, hop } = request;
  const label = type?.parameters.get('charset')?.trim();
  const decoder = type && charsetOfType(type);
  if (label !== undefined && decoder === undefined) throw new GatewayError('GW_ERR_HTTP_CHARSET');
  // Users that are the gateway's own are no business of the node.
  const consumed = config.http.users.size > 0;
  return {
    method,
    host,
    path,
    query: target.query,
    trace: remoteOf(incoming.rawHeaders, trusted.has(hop.address)),
    charset: label === undefined || decoder === undefined ? undefined : { decoder, label },
    header: (name) => request.header(name),
    cookie: (name) => request.cookie(name),
    fields() {
      const raw = incoming.rawHeaders;
      const isLeftOut = (name: string): boolean =>
        isOfThisHop(name) ||
        (consumed && name === 'authorization') ||
        (isDecoded && OF_ENCODED_BYTES.has(name));
      const fields = endToEnd(raw, isLeftOut);
      addForwarding(fields, hop, raw, trusted);
      return fields;
    },
  };
}

/** The gateway posts the message anew: its framing and type are its own, and an answer must not come compressed. */
function isOfThisHop(name: string): boolean {
  return NOT_PASSED_ON.has(name) || isForwarding(name);
}

/** What they say of a body goes for it as it was encoded (RFC 9110 8.4, RFC 9530 2 and 3). */
const OF_ENCODED_BYTES: ReadonlySet<string> = new Set([
  'content-digest',
  'content-encoding',
  'content-md5',
  'digest',
  'repr-digest',
]);

const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  'accept-encoding',
  'content-length',
  'content-type',
  'date',
  'expect',
  'host',
  'trailer',
]);

/** F82: a node over MLLP may have answered in several frames. What an HTTP node answers stays as it is, whatever it holds (F12). */
function contentIn(frames: Buffer, { pool }: Message): Buffer {
  return pool?.protocol === 'http' ? payloadOf(frames) : contentOf(frames);
}
