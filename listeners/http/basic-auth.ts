// Basic authentication (RFC 7617) for HL7 over HTTP. A password is checked by scrypt, off the event loop and few at a
// time; one that was right is remembered for a while, by a keyed hash and never as it is.
import { createHmac } from 'node:crypto';
import type { HttpListenerConfig } from '../../src/config/config.ts';
import { verifyPassword } from '../../src/config/http/password.ts';
import { GatewayError } from '../../src/errors.ts';
import { randomBytes } from '../../src/platform/random.ts';
import { monotonicMs } from '../../src/platform/time.ts';

/** Node.js's pool has 4 threads, which files and names need too; each check holds 32 MiB or more. */
const MAX_CHECKS = 2;
/** 60 ms each, so 3 s of waiting at most: longer than that no sender waits for an answer. */
const MAX_WAITING = 100;
/** A password that was taken out of the config is good for at most so long; a config that is loaded anew begins without. */
const REMEMBERED_MS = 300_000;
/** Users are people and systems of one hospital. */
const MAX_REMEMBERED = 1000;

export class Users {
  readonly challenge: string;
  readonly #hashes: ReadonlyMap<string, string>;
  readonly #key = randomBytes(32);
  /** Until when, in monotonicMs() milliseconds. */
  readonly #good = new Map<string, number>();
  /** By the same keyed hash. */
  readonly #checking = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  #checks = 0;

  constructor({ users, realm }: Pick<HttpListenerConfig, 'users' | 'realm'>) {
    this.#hashes = new Map([...users].map(([name, hash]) => [name.normalize('NFC'), hash]));
    this.challenge = `Basic realm="${realm.replace(/["\\]/g, '\\$&')}", charset="UTF-8"`;
  }

  get isEmpty(): boolean {
    return this.#hashes.size === 0;
  }

  /**
   * `authorization`: the field's value.
   *
   * @throws GatewayError GW_ERR_HTTP_CHECKS
   */
  async check(authorization: string | undefined): Promise<boolean> {
    const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization ?? '') ?? [];
    if (encoded === undefined) return false;
    const mark = createHmac('sha256', this.#key).update(encoded).digest('base64');
    const until = this.#good.get(mark);
    if (until !== undefined && until > monotonicMs()) return true;
    // A sender that opens many connections at once is checked once.
    let checking = this.#checking.get(mark);
    if (checking === undefined) {
      // Not a 401: for all that is known the password is right.
      if (this.#waiting.length >= MAX_WAITING) throw new GatewayError('GW_ERR_HTTP_CHECKS');
      checking = this.#verify(encoded, mark).finally(() => this.#checking.delete(mark));
      this.#checking.set(mark, checking);
    }
    return checking;
  }

  async #verify(encoded: string, mark: string): Promise<boolean> {
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 0) return false;
    await this.#turn();
    try {
      // RFC 7617 2.1.
      const hash = this.#hashes.get(text.slice(0, colon).normalize('NFC'));
      if (!(await verifyPassword(text.slice(colon + 1), hash))) return false;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#checks--;
      else next();
    }
    if (this.#good.size >= MAX_REMEMBERED) this.#good.clear();
    this.#good.set(mark, monotonicMs() + REMEMBERED_MS);
    return true;
  }

  async #turn(): Promise<void> {
    if (this.#checks < MAX_CHECKS) this.#checks++;
    // Whoever is done hands its place over.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
