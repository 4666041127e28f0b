// Check of type mirth: asks Mirth's REST API whether the server is up, and with credentials whether a channel is started.
// The data port is left alone. Each login makes a session in Mirth, so one is kept and renewed when it is refused.
import type { Credentials, MirthCheckConfig } from '../../config/health-config.ts';
import { type Check, failed, PASSED, type Proof, type Verdict } from './check.ts';
import { basicAuthorization, type HttpAnswer, type HttpTarget, NoAnswer, request } from './http-request.ts';
import { readChannelState, readServerStatus, serverStatusText } from './mirth-api.ts';

const MAX_STATUS_BYTES = 4 * 1024;
/** A channel's dashboard status takes 2 to 10 kB with its connectors, and servers have hundreds of channels. */
const MAX_CHANNELS_BYTES = 8 * 1024 * 1024;
/** Mirth can lock a user after a few wrong passwords: after one the API is not asked with that password for so long. */
const REFUSED_MS = 60_000;
/** Mirth sets one; what sets more is not Mirth, and none of it is kept beyond this. */
const MAX_COOKIE_LENGTH = 4096;

export class MirthCheck implements Check {
  readonly type = 'mirth';
  readonly onDataPort = false;
  readonly proof: Proof = { port: false, answer: true };
  readonly #target: HttpTarget;
  readonly #config: MirthCheckConfig;
  #cookie: string | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor(target: HttpTarget, config: MirthCheckConfig) {
    this.#target = target;
    this.#config = config;
  }

  async ask(signal: AbortSignal): Promise<Verdict> {
    const deadline = performance.now() + this.#target.timeoutMs;
    // The value counts and not HTTP 200: the web server answers seconds before the channels listen.
    const server = await this.#get('/api/server/status', MAX_STATUS_BYTES, {}, deadline, signal);
    if (server instanceof NoAnswer) return failed(server.reason);
    if (server.status !== 200) return failed(`HTTP ${server.status}`);
    const status = readServerStatus(server.body);
    if (status === undefined) return failed('the answer is no server status');
    if (status !== 0) return failed(serverStatusText(status));
    const { channel, credentials } = this.#config;
    return channel === undefined || credentials === undefined
      ? PASSED
      : this.#channel(channel, credentials, deadline, signal);
  }

  async #channel(
    name: string,
    credentials: Credentials,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const answer = await this.#channels(credentials, deadline, signal);
    if (answer instanceof NoAnswer) return failed(answer.reason);
    // A password that has run out says nothing of the node, and must not take every node of the pool down at once.
    if (answer === 'refused') return { kind: 'passed', note: 'the API refuses user and password' };
    if (answer.status === 403)
      return { kind: 'passed', note: 'the API does not show this user its channels' };
    if (answer.status !== 200) return failed(`channels: HTTP ${answer.status}`);
    const state = readChannelState(answer.body, name);
    if (state === 'unreadable') return failed('the answer is no list of channels');
    if (state === undefined) return failed('the channel is not deployed');
    return state === 'STARTED' ? PASSED : failed(`the channel is ${state}`);
  }

  async #channels(
    credentials: Credentials,
    deadline: number,
    signal: AbortSignal,
  ): Promise<HttpAnswer | NoAnswer | 'refused'> {
    const path = '/api/channels/statuses';
    if (this.#cookie !== undefined) {
      const answer = await this.#get(path, MAX_CHANNELS_BYTES, { cookie: this.#cookie }, deadline, signal);
      if (answer instanceof NoAnswer || answer.status !== 401) return answer;
      this.#cookie = undefined;
    }
    if (performance.now() - this.#refusedAt < REFUSED_MS) return 'refused';
    const authorization = basicAuthorization(credentials);
    const answer = await this.#get(path, MAX_CHANNELS_BYTES, { authorization }, deadline, signal);
    if (answer instanceof NoAnswer) return answer;
    if (answer.status === 401) {
      this.#refusedAt = performance.now();
      return 'refused';
    }
    this.#keep(answer.cookies);
    return answer;
  }

  /** RFC 6265 5.4, for the one cookie there is: its attributes say where it goes, and it goes nowhere else. */
  #keep(cookies: readonly string[]): void {
    const pairs = cookies.flatMap((cookie) => /^[^;\s=]+=[^;\s]*/.exec(cookie)?.[0] ?? []);
    const cookie = pairs.join('; ');
    this.#cookie = cookie === '' || cookie.length > MAX_COOKIE_LENGTH ? undefined : cookie;
  }

  #get(
    path: string,
    maxBytes: number,
    headers: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<HttpAnswer | NoAnswer> {
    const base = this.#target.url.pathname.replace(/\/$/, '');
    return request(
      { ...this.#target, timeoutMs: Math.max(deadline - performance.now(), 1) },
      {
        method: 'GET',
        path: base + path,
        // Mirth answers 400 to every call without X-Requested-With.
        headers: {
          accept: 'application/json',
          'user-agent': 'hl7-gateway',
          'x-requested-with': 'hl7-gateway',
          ...headers,
        },
        maxBytes,
      },
      signal,
    );
  }
}
