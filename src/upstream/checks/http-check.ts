// Check of type http: one request whose status, and whose body where the config says so, must be as expected.
import type { RE2JS } from 're2js';
import type { HttpCheckConfig } from '../../config/health-config.ts';
import { compileRegex } from '../../hl7/regex.ts';
import { basicAuthorization } from '../client/http-client.ts';
import { type Check, type CheckResult, failed, PASSED, type Proof } from './check.ts';
import { type HttpTarget, NoAnswer, request } from './http-request.ts';

/** What a check looks for stands near the beginning; a page larger than this is no health page. */
const MAX_BODY_BYTES = 256 * 1024;

export class HttpCheck implements Check {
  readonly type = 'http';
  readonly onDataPort: boolean;
  readonly proof: Proof;
  readonly #target: HttpTarget;
  readonly #config: HttpCheckConfig;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #regex: RE2JS | undefined;

  /** `onDataPort`: the URL is that of the node itself. */
  constructor(target: HttpTarget, config: HttpCheckConfig, onDataPort: boolean) {
    this.onDataPort = onDataPort;
    this.proof = { port: onDataPort, answer: true };
    this.#target = target;
    this.#config = config;
    const { body, credentials } = config;
    this.#headers = {
      'user-agent': 'hl7-gateway',
      ...(credentials && { authorization: basicAuthorization(credentials) }),
      ...Object.fromEntries(config.headers.map(([name, value]) => [name.toLowerCase(), value])),
    };
    this.#regex = body?.kind === 'regex' ? compileRegex(body.source, body.flags) : undefined;
  }

  async ask(signal: AbortSignal): Promise<CheckResult> {
    const { method, statuses, body: wanted } = this.#config;
    const { pathname, search } = this.#target.url;
    const answer = await request(
      this.#target,
      { method, path: pathname + search, headers: this.#headers, maxBytes: MAX_BODY_BYTES },
      signal,
    );
    if (answer instanceof NoAnswer) return failed(answer.reason);
    const { status, body } = answer;
    if (!statuses.some(({ from, to }) => status >= from && status <= to)) return failed(`HTTP ${status}`);
    const text = wanted === undefined ? '' : body.toString();
    const holds = wanted?.kind === 'part' ? text.includes(wanted.text) : this.#regex?.matcher(text).find();
    return holds === false ? failed('the body is not as expected') : PASSED;
  }
}
