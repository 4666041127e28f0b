// Who has logged in to the console, and until when. Promises that a session's secret is made here and nowhere else (fixation), that what is
// kept does not give it away, that each session ends (not used for a while, or old), and that the table has a bound.
import { createHash } from 'node:crypto';
import { randomBytes } from '../../platform/random.ts';
import { clearTimeout, monotonicMs, setTimeout, wallMs } from '../../platform/time.ts';

export type Role = 'view' | 'operate';

/** By what somebody has logged in: a session ends when that is taken out of the config, or is another. */
export type Credential =
  | { readonly kind: 'user'; readonly name: string; readonly role: Role; readonly password: string }
  /** `mark`: tells one token from the next. */
  | { readonly kind: 'token'; readonly mark: string; readonly role: Role }
  | { readonly kind: 'code'; readonly role: Role };

export interface LogInSession {
  readonly credential: Credential;
  /** What a request that changes something has to bring besides the cookie (OWASP: synchronizer token). */
  readonly csrfToken: string;
  /** In monotonicMs() milliseconds: when it ends at the latest. */
  readonly endsAt: number;
  /** When it ends unless it is used before. */
  idleAt: number;
}

export interface SessionLimits {
  readonly idleMs: number;
  readonly absoluteMs: number;
}

/** Some 300 bytes each. Nobody comes here without a password, so they are people with several browsers. */
const MAX_SESSIONS = 200;
const SECRET_BYTES = 32;
/** setTimeout takes 24 days; a session that lives longer is looked at in between. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class LogInSessions {
  /** By the hash of the secret: whoever reads this memory cannot log in by it. The one that was used last stands last. */
  readonly #sessions = new Map<string, LogInSession>();
  /** To be told when a session ends: streams that were opened by it. */
  readonly #watchers = new Map<LogInSession, Set<() => void>>();
  #limits: SessionLimits;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  set limits(limits: SessionLimits) {
    this.#limits = limits;
  }

  /** Returns the secret for the cookie, which is kept nowhere. */
  begin(credential: Credential): { readonly secret: string; readonly session: LogInSession } {
    const now = monotonicMs();
    const endsAt = now + this.#limits.absoluteMs;
    const session: LogInSession = {
      credential,
      csrfToken: randomBytes(SECRET_BYTES).toString('base64url'),
      endsAt,
      idleAt: Math.min(endsAt, now + this.#limits.idleMs),
    };
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    this.#sessions.set(keyOf(secret), session);
    for (const [key, oldest] of this.#sessions) {
      if (this.#sessions.size <= MAX_SESSIONS && !isOver(oldest, now)) break;
      this.#remove(key, oldest);
    }
    return { secret, session };
  }

  /** A session that is used lives longer. */
  use(secret: string): LogInSession | undefined {
    const key = keyOf(secret);
    const session = this.#sessions.get(key);
    if (session === undefined) return undefined;
    const now = monotonicMs();
    if (isOver(session, now)) {
      this.#remove(key, session);
      return undefined;
    }
    session.idleAt = Math.min(session.endsAt, now + this.#limits.idleMs);
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    return session;
  }

  end(secret: string): void {
    const key = keyOf(secret);
    const session = this.#sessions.get(key);
    if (session !== undefined) this.#remove(key, session);
  }

  /** Those of whom the config no longer says that they may. */
  keepOnly(isGood: (credential: Credential) => boolean): void {
    for (const [key, session] of this.#sessions) if (!isGood(session.credential)) this.#remove(key, session);
  }

  /** Calls once when it is over; returns how not to be called. */
  onEnd(session: LogInSession, ended: () => void): () => void {
    const watchers = this.#watchers.get(session) ?? new Set();
    this.#watchers.set(session, watchers.add(ended));
    this.#watch();
    return () => {
      watchers.delete(ended);
      if (watchers.size === 0) this.#watchers.delete(session);
      this.#watch();
    };
  }

  #remove(key: string, session: LogInSession): void {
    this.#sessions.delete(key);
    const watchers = this.#watchers.get(session);
    this.#watchers.delete(session);
    for (const ended of watchers ?? []) ended();
  }

  /** Sees to the next that ends by itself while somebody wants to be told; nobody asks for it by then. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#watchers.size === 0) return;
    const now = monotonicMs();
    const next = Math.min(...[...this.#watchers.keys()].map(({ idleAt }) => idleAt));
    this.#timer = setTimeout(
      () => {
        const late = monotonicMs();
        for (const [key, session] of this.#sessions) if (isOver(session, late)) this.#remove(key, session);
        this.#watch();
      },
      Math.min(LONGEST_TIMER_MS, Math.max(1, next - now)),
    );
    this.#timer.unref();
  }
}

/** When it ends, in RFC 3339; both by one look at the clocks, so that what is the same moment is told as the same. */
export function endOf({ idleAt, endsAt }: LogInSession): {
  readonly expiresAt: string;
  readonly endsAt: string;
} {
  const offsetMs = wallMs() - monotonicMs();
  const told = (atMs: number): string => new Date(atMs + offsetMs).toISOString();
  return { expiresAt: told(idleAt), endsAt: told(endsAt) };
}

function isOver({ idleAt }: LogInSession, now: number): boolean {
  return now >= idleAt;
}

function keyOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}
