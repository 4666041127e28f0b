// Asks a running gateway's admin API, one request at a time. Promises a deadline on each answer as a whole, a bound on its
// size, and one line for whatever goes wrong.
import { errors } from 'undici';
import { reasonInWords } from '../../../certs/verify/reasons.ts';
import { causeCode, ERRORS, type ErrorCode, GatewayError } from '../../errors.ts';
import { HttpClient, originOf } from '../../upstream/client/http-client.ts';
import { TypedFields } from '../fields.ts';
import type { AdminTarget } from './admin-target.ts';

/** The status of a gateway with 10,000 nodes has 8 MiB. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

export interface AdminReply {
  readonly value: unknown;
  /** By the gateway's clock, in milliseconds since 1970. */
  readonly now: number;
}

export class AdminClient {
  readonly #target: AdminTarget;
  readonly #url: string;
  /** Before each path: where the API is behind a proxy. */
  readonly #basePath: string;
  readonly #client: HttpClient;

  /** `maxAnswerBytes`: undefined for lines without an end. */
  constructor(
    target: AdminTarget,
    { maxAnswerBytes }: { readonly maxAnswerBytes: number | undefined } = {
      maxAnswerBytes: MAX_ANSWER_BYTES,
    },
  ) {
    const { host, port, tls, timeoutMs, basePath = '' } = target;
    this.#target = target;
    this.#basePath = basePath;
    this.#url = originOf(target);
    const client = { node: this.#url, host, port, tls, connectMs: timeoutMs };
    this.#client = new HttpClient({ ...client, maxAnswerBytes });
  }

  /**
   * What the API answers, where it says yes; a probe's no (503) is an answer too, where `isProbe`.
   *
   * @throws GatewayError with the API's own code, or GW_ERR_ADMIN_CONNECT
   */
  async ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    isProbe = false,
  ): Promise<AdminReply> {
    const { status, date, text } = await this.#answer(method, path, body, isProbe);
    const value = jsonOf(text);
    if (!isYes(status) && !(isProbe && status === 503)) throw this.#refusal(status, value);
    if (value === undefined)
      throw this.#connectError(`HTTP ${status} without JSON; is that a gateway's admin API?`);
    const now = Date.parse(String(date));
    return { value, now: Number.isNaN(now) ? Date.now() : now };
  }

  /** What is no JSON. @throws GatewayError with the API's own code, or GW_ERR_ADMIN_CONNECT */
  async text(path: string): Promise<string> {
    const { status, text } = await this.#answer('GET', path, undefined, false);
    if (!isYes(status)) throw this.#refusal(status, jsonOf(text));
    return text;
  }

  async #answer(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body: unknown,
    isProbe: boolean,
  ): Promise<{ readonly status: number; readonly date: unknown; readonly text: string }> {
    const { token, timeoutMs } = this.#target;
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (isProbe) headers.accept = 'application/json';
    try {
      const response = await this.#client.request({
        method,
        path: `${this.#basePath}${path}`,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const { statusCode: status, headers: fields } = response;
      return { status, date: fields.date, text: await response.body.text() };
    } catch (thrown) {
      throw this.#connectError(this.#reason(thrown), thrown);
    }
  }

  /**
   * The lines of an answer as they come, without those that are empty. Ends with the answer; a signal ends it by an error.
   *
   * @throws GatewayError with the API's own code, or GW_ERR_ADMIN_CONNECT
   */
  async *lines(method: 'GET' | 'POST', path: string, signal: AbortSignal): AsyncGenerator<string, void> {
    const { token, timeoutMs } = this.#target;
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new DOMException('', 'TimeoutError')), timeoutMs);
    try {
      const response = await this.#client.request({
        method,
        path: `${this.#basePath}${path}`,
        headers,
        signal: AbortSignal.any([signal, late.signal]),
      });
      clearTimeout(timer);
      const { statusCode, body } = response;
      if (!isYes(statusCode)) throw this.#refusal(statusCode, jsonOf(await body.text()));
      let rest = '';
      for await (const chunk of body.setEncoding('utf8')) {
        const lines = `${rest}${String(chunk)}`.split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_ANSWER_BYTES) throw this.strange();
        for (const line of lines) if (line !== '') yield line;
      }
    } catch (thrown) {
      if (thrown instanceof GatewayError && thrown.code.startsWith('GW_ERR_ADMIN_')) throw thrown;
      throw this.#connectError(this.#reason(thrown), thrown);
    } finally {
      clearTimeout(timer);
    }
  }

  /** @throws GatewayError GW_ERR_ADMIN_CONNECT where an answer has not the shape that a gateway's has */
  strange(): GatewayError {
    return this.#connectError("what it answers is not a gateway's; is that one of another version, or none?");
  }

  close(): void {
    this.#client.close();
  }

  #refusal(status: number, value: unknown): GatewayError {
    const told = new TypedFields<{ readonly code: string; readonly message: string }>(
      new TypedFields<{ readonly error: unknown }>(value).value('error'),
    );
    const code = knownCode(told.text('code'));
    if (code === undefined)
      return this.#connectError(`HTTP ${status} without a reason; is that a gateway's admin API?`);
    // Of ours it would be a defect; of the gateway's, its log has the cause.
    if (code === 'GW_ERR_INTERNAL')
      return this.#connectError(`${told.text('message')}; its log has the cause`);
    const { text } = ERRORS[code];
    const message = told.text('message');
    if (code === 'GW_ERR_ADMIN_TOKEN') {
      const given = this.#target.token !== undefined;
      const detail = given
        ? `${this.#url} does not take this one`
        : 'give it by --token-file, -c or HL7_GATEWAY_TOKEN';
      return new GatewayError(code, { detail });
    }
    const detail = message.startsWith(`${text}: `) ? message.slice(text.length + 2) : undefined;
    return new GatewayError(code, { detail });
  }

  #connectError(why: string, cause?: unknown): GatewayError {
    return new GatewayError('GW_ERR_ADMIN_CONNECT', { detail: `${this.#url}: ${why}`, cause });
  }

  #reason(thrown: unknown): string {
    const { timeoutMs } = this.#target;
    if (thrown instanceof GatewayError) {
      const { code, detail = '' } = thrown;
      if (code === 'GW_ERR_NODE_CONNECT_TIMEOUT') return `no connection within ${timeoutMs} ms`;
      if (detail === 'ECONNREFUSED')
        return 'nothing listens there; is the gateway running, with admin in its config?';
      if (detail === 'PIN_MISMATCH') return 'its certificate is not the one that the config names';
      return reasonInWords(detail);
    }
    if (thrown instanceof DOMException && thrown.name === 'TimeoutError')
      return `no answer within ${timeoutMs} ms`;
    if (thrown instanceof errors.ResponseExceededMaxSizeError) return 'its answer is larger than any status';
    if (thrown instanceof errors.HTTPParserError) return 'what it answers is no HTTP';
    const code = causeCode(thrown);
    if (code !== 'UND_ERR_SOCKET') return reasonInWords(code);
    const hint = this.#target.tls === undefined ? '; does it speak TLS, and so want https://?' : '';
    return `it closed the connection without an answer${hint}`;
  }
}

function isYes(status: number): boolean {
  return status >= 200 && status <= 299;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function knownCode(text: string): ErrorCode | undefined {
  return Object.keys(ERRORS).find((code): code is ErrorCode => code === text);
}
