// One Mirth server's REST API as all checks together ask it: each thing once at a time, one session for each user. Promises
// that a request is left to its end where a check has given up on it, because each that is cut off leaves an error with a
// stack trace in Mirth's log, and a login costs Mirth half a second of CPU whether anybody waits for it or not (F94).
import type { Credentials } from '../../config/health-config.ts';
import { monotonicMs } from '../../platform/time.ts';
import { basicAuthorization } from '../client/http-client.ts';
import { type HttpAnswer, type HttpTarget, NOT_IN_TIME, NoAnswer, request } from './http-request.ts';

/** Who asks: requests are made with its certificates, as they are now. `timeoutMs`: for the connection. */
export type MirthTarget = HttpTarget;

const STATUS_PATH = '/api/server/status';
const CHANNELS_PATH = '/api/channels/statuses';
const MAX_STATUS_BYTES = 4 * 1024;
/** A channel's dashboard status takes 2 to 10 kB with its connectors, and servers have hundreds of channels. */
const MAX_CHANNELS_BYTES = 8 * 1024 * 1024;
/** Of a request that was sent. A Mirth that is busy takes seconds; one that is hung takes for ever. */
const ANSWER_MS = 30_000;
/** Of a login: 0.4 to 0.7 s of CPU where there is nothing else to do. */
const LOGIN_MS = 60_000;
/** After a request that was cut off nothing is asked for so long, twice as long after the next, and so on. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** Mirth can lock a user after a few wrong passwords: after one the API is not asked with that password for so long. */
const REFUSED_MS = 60_000;
/** Mirth sets one; what sets more is not Mirth, and none of it is kept beyond this. */
const MAX_COOKIE_LENGTH = 4096;

export type ChannelsAnswer = HttpAnswer | NoAnswer | 'refused';

export class MirthServer {
  readonly #status = new SharedAnswer<HttpAnswer | NoAnswer>();
  readonly #sessions = new Map<string, Session>();
  readonly #closed = new AbortController();
  #cutOff = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  /** By the check that asks for it: when its node last answered a message, if nothing has failed there since. */
  readonly #answeredAt = new Map<object, number>();

  /** When any of its nodes last answered a message, of those that have not failed since; in monotonicMs() milliseconds. */
  get answeredAt(): number {
    return Math.max(Number.NEGATIVE_INFINITY, ...this.#answeredAt.values());
  }

  noteAnswer(check: object, at: number): void {
    this.#answeredAt.set(check, at);
  }

  forget(check: object): void {
    this.#answeredAt.delete(check);
  }

  /** `/api/server/status`. */
  status(target: MirthTarget, maxAgeMs: number): Promise<Dated<HttpAnswer | NoAnswer>> {
    return this.#status.get(maxAgeMs, () => this.#get(target, STATUS_PATH, MAX_STATUS_BYTES, ANSWER_MS, {}));
  }

  /** `/api/channels/statuses`; `refused`: user and password are, or were just now. */
  channels(target: MirthTarget, session: Session, maxAgeMs: number): Promise<Dated<ChannelsAnswer>> {
    return session.answer.get(maxAgeMs, () =>
      session.ask((timeoutMs, headers) =>
        this.#get(target, CHANNELS_PATH, MAX_CHANNELS_BYTES, timeoutMs, headers),
      ),
    );
  }

  /** The session of this user, which is kept until `leave` has been called as often as this. */
  enter({ user, password }: Credentials): Session {
    const key = JSON.stringify([user, password]);
    const session = this.#sessions.get(key) ?? new Session(key, { user, password });
    session.users++;
    this.#sessions.set(key, session);
    return session;
  }

  leave(session: Session): void {
    if (--session.users === 0) this.#sessions.delete(session.key);
  }

  /** Nobody asks any more. */
  close(): void {
    this.#closed.abort();
  }

  async #get(
    target: MirthTarget,
    path: string,
    maxBytes: number,
    answerMs: number,
    headers: Readonly<Record<string, string>>,
  ): Promise<HttpAnswer | NoAnswer> {
    if (monotonicMs() < this.#pausedUntil) return new NoAnswer(NOT_IN_TIME, 'connect');
    const base = target.url.pathname.replace(/\/$/, '');
    const { timeoutMs: connectMs } = target;
    const answer = await request(
      { ...target, connectMs, timeoutMs: Math.max(connectMs, answerMs) },
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
      this.#closed.signal,
    );
    if (!(answer instanceof NoAnswer)) this.#cutOff = 0;
    else if (answer.late === 'answer') {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#cutOff++, LONGEST_PAUSE_MS);
      this.#pausedUntil = monotonicMs() + pauseMs;
    }
    return answer;
  }
}

type Get = (answerMs: number, headers: Readonly<Record<string, string>>) => Promise<HttpAnswer | NoAnswer>;

/** Of one user. Each login makes a session in Mirth, so one is kept and renewed when it is refused. */
export class Session {
  readonly key: string;
  /** Checks that ask by it. */
  users = 0;
  readonly answer = new SharedAnswer<ChannelsAnswer>();
  #cookie: string | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;
  readonly #credentials: Credentials;

  constructor(key: string, credentials: Credentials) {
    this.key = key;
    this.#credentials = credentials;
  }

  async ask(get: Get): Promise<ChannelsAnswer> {
    if (this.#cookie !== undefined) {
      const answer = await get(ANSWER_MS, { cookie: this.#cookie });
      if (answer instanceof NoAnswer || answer.status !== 401) return answer;
      this.#cookie = undefined;
    }
    if (monotonicMs() - this.#refusedAt < REFUSED_MS) return 'refused';
    const answer = await get(LOGIN_MS, { authorization: basicAuthorization(this.#credentials) });
    if (answer instanceof NoAnswer) return answer;
    if (answer.status === 401) {
      this.#refusedAt = monotonicMs();
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
}

export interface Dated<T> {
  readonly value: T;
  /** When it came, in monotonicMs() milliseconds. */
  readonly at: number;
}

/** One question that several checks ask: asked once at a time, and its answer serves all who find it new enough. */
class SharedAnswer<T> {
  #pending: Promise<Dated<T>> | undefined;
  #last: Dated<T> | undefined;

  /** `fetch` never rejects. One that is under way is waited for, whatever its asker has given up since. */
  get(maxAgeMs: number, fetch: () => Promise<T>): Promise<Dated<T>> {
    if (this.#pending !== undefined) return this.#pending;
    const last = this.#last;
    if (last !== undefined && monotonicMs() - last.at < maxAgeMs) return Promise.resolve(last);
    const pending = fetch().then((value) => {
      const dated = { value, at: monotonicMs() };
      this.#pending = undefined;
      this.#last = dated;
      return dated;
    });
    this.#pending = pending;
    return pending;
  }
}
