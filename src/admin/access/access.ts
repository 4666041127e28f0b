// Who asks the admin API, and what it may: by the token, or by the cookie of a log-in. Promises that the token is compared in constant time
// (F76), and that a cookie counts only for requests of the console's own pages, with the session's own token where they change something.
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { asGatewayError, GatewayError } from '../../errors.ts';
import { type AdminAnswer, json, refusal } from '../answer.ts';
import { logInIn } from '../request-body.ts';
import { hashOf, type KnownUsers, LogIn, LogInPace, NO_HASH } from './log-in.ts';
import { isOwnOrigin, type KnownHosts } from './origin.ts';
import {
  type Credential,
  endOf,
  type LogInSession,
  LogInSessions,
  type Role,
  type SessionLimits,
} from './sessions.ts';

export interface AccessConfig extends KnownUsers {
  readonly sessions: SessionLimits;
  readonly hosts: readonly string[];
}

/** Who has asked. */
export interface Identity {
  /** Of a log-in. */
  readonly user: string | undefined;
  readonly role: Role;
  /** Undefined: by the token itself. */
  readonly session?: { readonly secret: string; readonly session: LogInSession };
}

/** What a log-in needs of its request. */
export interface LogInContext {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  /** An address, without its port. */
  readonly source: string;
  readonly cookie: CookieForm;
}

/** What a cookie of this listener looks like. */
export interface CookieForm {
  readonly secure: boolean;
  /** Cookies of a host are those of all its ports: two gateways on one machine have two names. */
  readonly port: number;
}

export type LogInOutcome =
  | { readonly kind: 'done'; readonly user: string; readonly answer: AdminAnswer }
  | { readonly kind: 'wrong'; readonly answer: AdminAnswer }
  | { readonly kind: 'refused'; readonly answer: AdminAnswer };

/** More than a browser would send of one name. */
const MAX_COOKIES = 5;

export class Access {
  readonly logIns: LogIn;
  readonly sessions: LogInSessions;
  readonly #pace = new LogInPace();
  #tokenHash: Buffer | undefined;
  #hosts: readonly string[];

  constructor(config: AccessConfig) {
    this.logIns = new LogIn(config);
    this.sessions = new LogInSessions(config.sessions);
    this.#hosts = config.hosts;
    this.#tokenHash = config.token === undefined ? undefined : hashOf(config.token);
  }

  /** For the next request; log-ins by what is no longer there end. */
  configure(config: AccessConfig): void {
    this.#tokenHash = config.token === undefined ? undefined : hashOf(config.token);
    this.#hosts = config.hosts;
    this.logIns.known = config;
    this.sessions.limits = config.sessions;
    this.sessions.keepOnly((credential) => this.logIns.isGood(credential));
  }

  get hosts(): readonly string[] {
    return this.#hosts;
  }

  /** Undefined: nobody that is known. An answer: somebody, who may not ask like this. */
  identify(
    request: IncomingMessage,
    cookie: CookieForm,
    changes: boolean,
  ): Identity | AdminAnswer | undefined {
    const { authorization } = request.headers;
    if (authorization !== undefined)
      return this.hasToken(authorization) ? { user: undefined, role: 'operate' } : undefined;
    const found = this.#sessionOf(request, cookie);
    if (found === undefined) return undefined;
    const { session } = found;
    if (!isOwnOrigin(request.headers, { hosts: this.#hosts }))
      return forbidden('a request by the cookie of a log-in has to come from a page of this listener');
    if (changes && !isSame(String(request.headers['x-csrf-token'] ?? ''), session.csrfToken))
      return forbidden('X-CSRF-Token has to be the csrfToken of GET /session');
    return { user: nameIn(session.credential), role: session.credential.role, session: found };
  }

  hasToken(authorization: string): boolean {
    const [, token = ''] = /^Bearer +([!-~]+) *$/i.exec(authorization) ?? [];
    // Hashes are of one length, whatever was sent; and one is made and compared even where no token would do.
    return timingSafeEqual(hashOf(token), this.#tokenHash ?? NO_HASH);
  }

  async logIn({ request, body, source, cookie }: LogInContext): Promise<LogInOutcome> {
    const refused = (answer: AdminAnswer): LogInOutcome => ({ kind: 'refused', answer });
    // A page of somebody else could log its visitor in as somebody else (login CSRF).
    if (!isOwnOrigin(request.headers, { hosts: this.#hosts }))
      return refused(forbidden('a log-in has to come from a page of this listener'));
    let wanted: ReturnType<typeof logInIn>;
    try {
      wanted = logInIn(body);
    } catch (thrown) {
      return refused(refusal(asGatewayError(thrown)));
    }
    if (this.logIns.isFull) return refused(tooMany(1));
    const waitMs = this.#pace.waitMs(source);
    if (waitMs > 0) return refused(tooMany(Math.ceil(waitMs / 1000)));
    const credential = await this.logIns.check(wanted);
    if (credential === undefined)
      return { kind: 'wrong', answer: refusal(new GatewayError('GW_ERR_ADMIN_LOGIN')) };
    this.#pace.wasRight(source);
    // Whoever logs in has a new session, whatever it came with (fixation); the old one is over.
    for (const secret of secretsIn(request, cookie)) this.sessions.end(secret);
    const begun = this.sessions.begin(credential);
    const answer = json(reportOf({ user: nameIn(credential), role: credential.role, session: begun }));
    const headers = { 'set-cookie': `${cookieName(cookie)}=${begun.secret}${attributes(cookie)}` };
    return { kind: 'done', user: nameIn(credential), answer: { ...answer, headers } };
  }

  logOut({ session }: Identity, cookie: CookieForm): AdminAnswer {
    if (session !== undefined) this.sessions.end(session.secret);
    const headers = { 'set-cookie': `${cookieName(cookie)}=${attributes(cookie)}; Max-Age=0` };
    return { ...json({ ended: session !== undefined }), headers };
  }

  #sessionOf(request: IncomingMessage, cookie: CookieForm): Identity['session'] {
    for (const secret of secretsIn(request, cookie)) {
      const session = this.sessions.use(secret);
      if (session !== undefined) return { secret, session };
    }
    return undefined;
  }
}

/** What `GET /session` tells. */
export interface SessionReport {
  /** `token`: by the token itself, or logged in by it; `code`: by the link of the demo. */
  readonly user: string;
  readonly role: Role;
  /** Undefined where there is no cookie. */
  readonly csrfToken?: string;
  /** Unless it is used before. */
  readonly expiresAt?: string;
  readonly endsAt?: string;
}

export function reportOf({ user = 'token', role, session: begun }: Identity): SessionReport {
  if (begun === undefined) return { user, role };
  const { session } = begun;
  return { user, role, csrfToken: session.csrfToken, ...endOf(session) };
}

export function forbidden(detail: string, status = 403): AdminAnswer {
  return refusal(new GatewayError('GW_ERR_ADMIN_FORBIDDEN', { detail }), status);
}

/** RFC 9110 15.5.20. */
export function misdirected({ host }: KnownHosts): AdminAnswer {
  const detail = `the name in Host is none of this listener (${host}); names that browsers may use stand in admin.hosts`;
  return forbidden(detail, 421);
}

/** RFC 6585 4. */
function tooMany(seconds: number): AdminAnswer {
  const error = new GatewayError('GW_ERR_ADMIN_LOGIN', { detail: `too many came; again in ${seconds} s` });
  return { ...refusal(error, 429), headers: { 'retry-after': String(seconds) } };
}

function nameIn(credential: Credential): string {
  return credential.kind === 'user' ? credential.name : credential.kind;
}

function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(hashOf(given), hashOf(wanted));
}

/** RFC 6265bis 4.1.3.2: with `__Host-` no other host and no page without TLS can have set it. */
function cookieName({ secure, port }: CookieForm): string {
  return `${secure ? '__Host-' : ''}hl7-gateway-${port}`;
}

function attributes({ secure }: CookieForm): string {
  return `; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

function secretsIn({ headers: { cookie = '' } }: IncomingMessage, form: CookieForm): readonly string[] {
  const begin = `${cookieName(form)}=`;
  return cookie
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one.startsWith(begin))
    .slice(0, MAX_COOKIES)
    .map((one) => one.slice(begin.length));
}
