// How somebody logs in: by a user's password, by the token, or by a code that was printed once. Promises that guessing is slow whatever
// is guessed, that few passwords are checked at a time, and that a user who is not there takes as long as a wrong password.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AdminUser } from '../../config/config.ts';
import { verifyPassword } from '../../config/http/password.ts';
import { randomBytes } from '../../platform/random.ts';
import { monotonicMs } from '../../platform/time.ts';
import type { Credential } from './sessions.ts';

/** Node.js's pool has 4 threads, which files and names need too; each check holds 32 MiB or more. */
const MAX_CHECKS = 2;
/** 60 ms each. People do not come so many at a time. */
const MAX_WAITING = 20;
/** Long enough to change to a browser. */
const CODE_MS = 5 * 60_000;
const MAX_CODES = 10;
const CODE_BYTES = 24;

export interface LogInRequest {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly code?: string;
}

/** What is known of who may. */
export interface KnownUsers {
  readonly token: string | undefined;
  readonly users: ReadonlyMap<string, AdminUser>;
}

export class LogIn {
  #known: KnownUsers;
  #checks = 0;
  readonly #waiting: (() => void)[] = [];
  /** Hash of a code → until when. */
  readonly #codes = new Map<string, number>();

  constructor(known: KnownUsers) {
    this.#known = known;
  }

  set known(known: KnownUsers) {
    this.#known = known;
  }

  /** So many log in at this moment that one more would wait for long. */
  get isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING;
  }

  /** Good once, for a few minutes, for whoever operates. */
  issueCode(): string {
    const now = monotonicMs();
    for (const [key, until] of this.#codes)
      if (until <= now || this.#codes.size >= MAX_CODES) this.#codes.delete(key);
    const code = randomBytes(CODE_BYTES).toString('base64url');
    this.#codes.set(hashOf(code).toString('base64'), now + CODE_MS);
    return code;
  }

  /** Undefined: it is wrong. */
  async check({ user, password, token, code }: LogInRequest): Promise<Credential | undefined> {
    if (code !== undefined) return this.#byCode(code);
    if (token !== undefined) return this.#byToken(token);
    return this.#byPassword(user ?? '', password ?? '');
  }

  /** Still what the config says? */
  isGood(credential: Credential): boolean {
    const { token, users } = this.#known;
    if (credential.kind === 'code') return true;
    if (credential.kind === 'token') return token !== undefined && credential.mark === markOf(token);
    const user = users.get(credential.name);
    return user !== undefined && user.password === credential.password && user.role === credential.role;
  }

  #byCode(code: string): Credential | undefined {
    const key = hashOf(code).toString('base64');
    const until = this.#codes.get(key) ?? 0;
    this.#codes.delete(key);
    return until > monotonicMs() ? { kind: 'code', role: 'operate' } : undefined;
  }

  #byToken(given: string): Credential | undefined {
    const { token } = this.#known;
    const right = timingSafeEqual(hashOf(given), token === undefined ? NO_HASH : hashOf(token));
    if (!right || token === undefined) return undefined;
    return { kind: 'token', mark: markOf(token), role: 'operate' };
  }

  async #byPassword(name: string, password: string): Promise<Credential | undefined> {
    const user = this.#known.users.get(name);
    await this.#turn();
    try {
      if (!(await verifyPassword(password, user?.password)) || user === undefined) return undefined;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#checks--;
      else next();
    }
    const credential: Credential = { kind: 'user', name, ...user };
    // The config may be another by now.
    return this.isGood(credential) ? credential : undefined;
  }

  async #turn(): Promise<void> {
    if (this.#checks < MAX_CHECKS) this.#checks++;
    // Whoever is done hands its place over.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** Without a wrong one for so long all is forgotten. */
const FORGET_MS = 10 * 60_000;
/** Somebody who mistypes. */
const FREE = 5;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;
const MAX_SOURCES = 1000;

/** Who has come with a wrong log-in, and when it may try again: before that nothing of what it sends is looked at. */
export class LogInPace {
  readonly #bySource = new Map<string, { count: number; notBefore: number; forgetAt: number }>();

  /**
   * How long it has to wait; 0: it may try, which counts as wrong until it is told that it was right: so that many that come at once
   * are no more than one after the other.
   */
  waitMs(source: string): number {
    const now = monotonicMs();
    const known = this.#bySource.get(source);
    if (known !== undefined && known.notBefore > now) return known.notBefore - now;
    const count = known !== undefined && known.forgetAt > now ? known.count + 1 : 1;
    const delayMs =
      count <= FREE ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(10, count - FREE - 1));
    this.#bySource.delete(source);
    // The one that was quiet for the longest time stands first.
    this.#bySource.set(source, { count, notBefore: now + delayMs, forgetAt: now + FORGET_MS });
    for (const oldest of this.#bySource.keys()) {
      if (this.#bySource.size <= MAX_SOURCES) break;
      this.#bySource.delete(oldest);
    }
    return 0;
  }

  /** That one does not count. What was wrong before it does still: whoever has an account could guess that of another. */
  wasRight(source: string): void {
    const known = this.#bySource.get(source);
    if (known === undefined) return;
    known.count--;
    known.notBefore = 0;
    if (known.count === 0) this.#bySource.delete(source);
  }
}

/** No token has it. */
export const NO_HASH = Buffer.alloc(32);

export function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Tells one token from the next, and nothing of it. */
function markOf(token: string): string {
  return hashOf(`name of ${token}`).toString('base64url').slice(0, 12);
}
