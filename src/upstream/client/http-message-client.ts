// Posts messages one after the other over one connection and reads each response's body as the answer (HL7 over HTTP).
// Promises a deadline on each answer as a whole, and a bound on its size.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { errors } from 'undici';
import { asGatewayError, GatewayError } from '../../errors.ts';
import { readAck } from '../../hl7/ack.ts';
import { answers, awaitedOf, matchAnswer } from '../../hl7/answers.ts';
import { type ContentType, charsetLabel, formatContentType } from '../../hl7/content-type.ts';
import { type Header, readHeader } from '../../hl7/header.ts';
import { closeGracefully } from '../../mllp/graceful-close.ts';
import { clearTimeout, monotonicMs, setTimeout, wallMs } from '../../platform/time.ts';
import { dial } from '../dial.ts';
import { nodeError } from '../http/node-request.ts';
import { basicAuthorization, HttpClient } from './http-client.ts';
import {
  MAX_REPLY_BYTES,
  type MessageClient,
  type MessageClientOptions,
  type MessageReply,
} from './message-client.ts';

export interface HttpMessageClientOptions extends MessageClientOptions {
  readonly path: string;
  readonly contentType: ContentType;
  /** Of Basic authentication (RFC 7617). */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
}

/** Of a refusal's body, so that the connection can be used again; with more it is closed. */
const MAX_REFUSAL_BYTES = 64 * 1024;

export class HttpMessageClient implements MessageClient {
  /** It connects for each message where it has to. */
  readonly isOpen = true;
  readonly pipelining = 1;
  readonly #options: HttpMessageClientOptions;
  readonly #node: string;
  readonly #client: HttpClient;

  constructor(options: HttpMessageClientOptions) {
    this.#options = options;
    this.#node = `${options.host}:${options.port}`;
    const maxAnswerBytes = options.maxReplyBytes ?? MAX_REPLY_BYTES;
    this.#client = new HttpClient({ ...options, node: this.#node, maxAnswerBytes });
  }

  /** A server need not keep a connection that asks for nothing: this one tells only whether it is there. */
  async open(): Promise<this> {
    const socket = await new Promise<Socket>((resolve, reject) => {
      dial({ ...this.#options, node: this.#node, settleMs: 0 }, resolve, reject);
    });
    closeGracefully(socket);
    return this;
  }

  send(message: Buffer, _: Header, done: (result: MessageReply | GatewayError) => void): void {
    this.ask(message).then(done, (thrown) => done(asGatewayError(thrown)));
  }

  async ask(message: Buffer, traceparent?: string): Promise<MessageReply> {
    const header = readHeader(message);
    const cut = new AbortController();
    let startedAt = monotonicMs();
    let deadline: NodeJS.Timeout | undefined;
    // Connecting has a deadline of its own.
    const start = (): void => {
      startedAt = monotonicMs();
      const late = new GatewayError('GW_ERR_ACK_TIMEOUT', { node: this.#node });
      deadline = setTimeout(() => cut.abort(late), this.#options.ackMs);
    };
    let forget = (): void => {};
    if (this.#client.isConnected) start();
    else forget = this.#client.onceConnected(start);
    try {
      const { path } = this.#options;
      const headers = this.#headers(header);
      if (traceparent !== undefined) headers.push('traceparent', traceparent);
      const { statusCode, body } = await this.#client.request({
        method: 'POST',
        path,
        headers,
        body: message,
        signal: cut.signal,
      });
      if (statusCode >= 300 && statusCode < 400) {
        await body.dump({ limit: MAX_REFUSAL_BYTES, signal: cut.signal }).catch(() => {});
        throw this.#statusError(statusCode);
      }
      const payload = Buffer.from(await body.arrayBuffer());
      // F90: over HTTP silence is an empty response.
      if (payload.length === 0 && statusCode < 300 && awaitedOf(header, 'by-header') !== 'answer')
        return { ack: undefined, payload, ms: monotonicMs() - startedAt };
      const ack = readAck(payload);
      // F93: Mirth answers AE with status 500. What is no acknowledgement of this message is an error of HTTP.
      if (statusCode >= 400 && (ack === undefined || !answers(ack, header)))
        throw this.#statusError(statusCode);
      if (ack === undefined) throw new GatewayError('GW_ERR_ACK_INVALID', { node: this.#node });
      if (matchAnswer(ack, header, 'lenient', true) === 'none')
        throw new GatewayError('GW_ERR_ACK_MISMATCH', { node: this.#node });
      return { ack, payload, ms: monotonicMs() - startedAt };
    } catch (thrown) {
      // Its code is undefined in undici 8.
      if (thrown instanceof errors.HTTPParserError)
        throw new GatewayError('GW_ERR_NODE_RESPONSE', { node: this.#node, cause: thrown });
      throw nodeError(thrown, true, this.#node);
    } finally {
      clearTimeout(deadline);
      forget();
    }
  }

  close(): void {
    this.#client.close();
  }

  #statusError(status: number): GatewayError {
    const detail = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
    return new GatewayError('GW_ERR_NODE_STATUS', { node: this.#node, detail });
  }

  #headers(header: Header): string[] {
    const { contentType, credentials } = this.#options;
    const charset = charsetLabel(header);
    const parameters = new Map(contentType.parameters);
    if (charset !== undefined && !parameters.has('charset')) parameters.set('charset', charset);
    const headers = ['content-type', formatContentType({ type: contentType.type, parameters })];
    // The draft asks for it on both sides.
    headers.push('date', new Date(wallMs()).toUTCString());
    if (credentials !== undefined) {
      const user = credentials.user.normalize('NFC');
      const password = credentials.password.normalize('NFC');
      headers.push('authorization', basicAuthorization({ user, password }));
    }
    return headers;
  }
}
