// Posts messages one after the other over one connection and reads each response's body as the answer: `send` over HTTP.
// Promises a deadline on each answer as a whole, and a bound on its size.
import { STATUS_CODES } from 'node:http';
import { Client, errors } from 'undici';
import { GatewayError } from '../../errors.ts';
import { readAck } from '../../hl7/ack.ts';
import { answers, matchAnswer } from '../../hl7/answers.ts';
import { type ContentType, charsetLabel, formatContentType } from '../../hl7/content-type.ts';
import { type Header, readHeader } from '../../hl7/header.ts';
import { awaitedOf } from '../../relay/admission.ts';
import { type DialTls, dial } from '../../upstream/dial.ts';
import { nodeError } from '../../upstream/http/node-request.ts';
import { MAX_ANSWER_BYTES, type MllpReply } from './mllp-client.ts';

export interface HttpClientOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined: http. */
  readonly tls: DialTls | undefined;
  readonly path: string;
  readonly contentType: ContentType;
  /** Of Basic authentication (RFC 7617). */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  readonly connectMs: number;
  readonly ackMs: number;
}

/** Of a refusal's body, so that the connection can be used again; with more it is closed. */
const MAX_REFUSAL_BYTES = 64 * 1024;

export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #node: string;
  readonly #client: Client;
  #connected = false;

  constructor(options: HttpClientOptions) {
    const { host, port, tls, connectMs } = options;
    this.#options = options;
    const bracketed = host.includes(':') ? `[${host}]` : host;
    this.#node = `${host}:${port}`;
    this.#client = new Client(`${tls === undefined ? 'http' : 'https'}://${bracketed}:${port}`, {
      allowH2: false,
      maxResponseSize: MAX_ANSWER_BYTES,
      // The deadline in `send` is stricter than both: these begin anew with each byte.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_, done) => {
        dial(
          { node: this.#node, host, port, tls, connectMs, settleMs: 0 },
          (socket) => done(null, socket),
          (error) => done(error, null),
        );
      },
    });
    this.#client.on('connect', () => {
      this.#connected = true;
    });
    this.#client.on('disconnect', () => {
      this.#connected = false;
    });
  }

  /**
   * `traceparent`: the trace that the message is to belong to.
   *
   * @throws GatewayError GW_ERR_NODE_… and GW_ERR_ACK_…, where `node` is what was posted to
   */
  async send(message: Buffer, traceparent?: string): Promise<MllpReply> {
    const header = readHeader(message);
    const cut = new AbortController();
    let startedAt = performance.now();
    let deadline: NodeJS.Timeout | undefined;
    // Connecting has a deadline of its own.
    const start = (): void => {
      startedAt = performance.now();
      const late = new GatewayError('GW_ERR_ACK_TIMEOUT', { node: this.#node });
      deadline = setTimeout(() => cut.abort(late), this.#options.ackMs);
    };
    if (this.#connected) start();
    else this.#client.once('connect', start);
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
        return { ack: undefined, payload, ms: performance.now() - startedAt };
      const ack = readAck(payload);
      // F93: Mirth answers AE with status 500. What is no acknowledgement of this message is an error of HTTP.
      if (statusCode >= 400 && (ack === undefined || !answers(ack, header)))
        throw this.#statusError(statusCode);
      if (ack === undefined) throw new GatewayError('GW_ERR_ACK_INVALID', { node: this.#node });
      if (matchAnswer(ack, header, 'lenient', true) === 'none')
        throw new GatewayError('GW_ERR_ACK_MISMATCH', { node: this.#node });
      return { ack, payload, ms: performance.now() - startedAt };
    } catch (thrown) {
      // Its code is undefined in undici 8.
      if (thrown instanceof errors.HTTPParserError)
        throw new GatewayError('GW_ERR_NODE_RESPONSE', { node: this.#node, cause: thrown });
      throw nodeError(thrown, true, this.#node);
    } finally {
      clearTimeout(deadline);
      this.#client.off('connect', start);
    }
  }

  #statusError(status: number): GatewayError {
    const detail = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
    return new GatewayError('GW_ERR_NODE_STATUS', { node: this.#node, detail });
  }

  close(): void {
    // Whatever is under way has been answered, or given up on.
    this.#client.destroy().catch(() => {});
  }

  #headers(header: Header): string[] {
    const { contentType, credentials } = this.#options;
    const charset = charsetLabel(header);
    const parameters = new Map(contentType.parameters);
    if (charset !== undefined && !parameters.has('charset')) parameters.set('charset', charset);
    const headers = ['content-type', formatContentType({ type: contentType.type, parameters })];
    // The draft asks for it on both sides.
    headers.push('date', new Date().toUTCString());
    if (credentials !== undefined) {
      const text = `${credentials.user}:${credentials.password}`.normalize('NFC');
      headers.push('authorization', `Basic ${Buffer.from(text, 'utf8').toString('base64')}`);
    }
    return headers;
  }
}
