// Mirth's REST API as far as health checks ask it: the server's status and the channels' states, the latter behind Basic
// authentication and a session of its own; and /control, which a real one has not. Promises that /control is for this
// machine alone, and bounds on sessions, bodies and requests that wait.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopback } from '../../../addresses.ts';
import { requestPathOf, respondSimulated } from '../http-reply.ts';
import { answerChannels, answerStatus } from './answers.ts';
import { change, shown } from './control.ts';
import type { MirthState } from './mirth-state.ts';

export interface ApiUser {
  readonly user: string;
  readonly password: string;
}

/** As a new Mirth has it. */
export const FIRST_USER: ApiUser = { user: 'admin', password: 'admin' };

/** The oldest is forgotten then, as after a restart; the client logs in anew. */
const MAX_SESSIONS = 1000;
/** A busy server lets so many wait; more are answered 503, as by Jetty. */
const MAX_WAITING = 200;
/** A thousand channels of usual names. */
const MAX_CONTROL_BYTES = 64 * 1024;

export class RestApi {
  readonly #state: MirthState;
  readonly #user: () => ApiUser;
  readonly #secure: boolean;
  readonly #loginCostMs: number;
  readonly #sessions = new Set<string>();
  #waiting = 0;
  #cutOff = 0;
  /** One password is hashed after the other. */
  #hashing: Promise<void> = Promise.resolve();

  /** `secure`: over TLS. `loginCostMs`: of the CPU, for each password that is looked at, right or wrong. */
  constructor(state: MirthState, user: () => ApiUser, secure: boolean, loginCostMs = 0) {
    this.#state = state;
    this.#user = user;
    this.#secure = secure;
    this.#loginCostMs = loginCostMs;
  }

  /** Requests whose client went away before they were answered. A real one logs an error with a stack trace for each. */
  get cutOff(): number {
    return this.#cutOff;
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => {});
    response.on('error', () => {});
    const [path] = requestPathOf(request);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (path === '/control' && method === 'PUT' && isLocal(request) && hasRequester(request)) {
      // Rejects if the client goes away; then there is nobody to answer.
      this.#control(request, response).catch(() => {});
      return;
    }
    request.resume();
    if (path === '/control') this.#answer(path, method, request, response);
    else void this.#answerInTime(path, method, request, response);
  }

  async #answerInTime(
    path: string,
    method: string | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (this.#waiting >= MAX_WAITING) {
      refuse(response, 503, 'Service Unavailable');
      return;
    }
    this.#waiting++;
    let gone = false;
    response.once('close', () => {
      gone = !response.writableFinished;
      if (gone) this.#cutOff++;
    });
    const { delayMs } = this.#state;
    if (delayMs > 0) await pause(delayMs);
    // What it costs it costs whether anybody waits for it or not.
    if (this.#loginCostMs > 0 && path === '/api/channels/statuses' && needsHashing(request, this.#sessions)) {
      this.#hashing = this.#hashing.then(() => pause(this.#loginCostMs));
      await this.#hashing;
    }
    this.#waiting--;
    if (!gone) this.#answer(path, method, request, response);
  }

  #answer(
    path: string,
    method: string | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    // Its RequestedWithFilter stands before everything else; with /control it keeps other pages' scripts out.
    if (!hasRequester(request)) refuse(response, 400, "All requests must have 'X-Requested-With' header");
    else if (path === '/control' && !isLocal(request)) refuse(response, 403, 'for this machine alone');
    else if (path === '/control' && method === 'GET')
      respondSimulated(response, 'application/json', shown(this.#state));
    else if (path === '/control') refuse(response, 405, 'it takes GET and PUT');
    else if (path !== '/api/server/status' && path !== '/api/channels/statuses')
      refuse(response, 404, 'Not Found');
    else if (method !== 'GET') refuse(response, 405, 'Method Not Allowed');
    else if (path === '/api/server/status') answerStatus(request, response, this.#state.status);
    else if (!this.#isKnown(request, response)) refuse(response, 401, 'Unauthorized');
    else answerChannels(request, response, this.#state.channels);
  }

  /** Each login makes a session, also that of a client which has one and does not show it. */
  #isKnown({ headers: { cookie = '', authorization } }: IncomingMessage, response: ServerResponse): boolean {
    const session = sessionIn(cookie);
    if (session !== undefined && this.#sessions.has(session)) return true;
    const { user, password } = this.#user();
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    if (authorization === undefined || !isSame(authorization, basic)) return false;
    // Jetty's form.
    const made = `node0${randomBytes(16).toString('hex')}0`;
    this.#sessions.add(made);
    for (const oldest of this.#sessions) {
      if (this.#sessions.size <= MAX_SESSIONS) break;
      this.#sessions.delete(oldest);
    }
    const secure = this.#secure ? ';Secure' : '';
    response.setHeader('set-cookie', `JSESSIONID=${made};Path=/api${secure};HttpOnly`);
    return true;
  }

  async #control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // Read on all the same: an answer to a request that is still coming would meet a reset.
      if (bytes <= MAX_CONTROL_BYTES) chunks.push(chunk);
    }
    if (bytes > MAX_CONTROL_BYTES) {
      refuse(response, 413, `at most ${MAX_CONTROL_BYTES} bytes`);
      return;
    }
    const trouble = change(this.#state, Buffer.concat(chunks).toString());
    if (trouble === undefined) respondSimulated(response, 'application/json', shown(this.#state));
    else refuse(response, 400, trouble);
  }
}

function sessionIn(cookie = ''): string | undefined {
  return /(?:^|;\s*)JSESSIONID=(\w+)/.exec(cookie)?.[1];
}

function needsHashing(
  { headers: { cookie, authorization } }: IncomingMessage,
  sessions: ReadonlySet<string>,
): boolean {
  const session = sessionIn(cookie);
  return authorization !== undefined && (session === undefined || !sessions.has(session));
}

function pause(ms: number): Promise<void> {
  // A process is kept by its ports.
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.statusCode = status;
  respondSimulated(response, 'text/plain;charset=utf-8', `${why}\n`);
}

function hasRequester({ headers }: IncomingMessage): boolean {
  return headers['x-requested-with'] !== undefined;
}

function isLocal({ socket }: IncomingMessage): boolean {
  return isLoopback(socket.remoteAddress ?? '');
}

function isSame(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(x, y);
}
