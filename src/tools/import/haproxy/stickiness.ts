// Which server takes what, and what stays with one: `balance`, `cookie`, `stick` and its table, as `balance` and `persistence` of a
// pool. Promises a persistence that is whole, or none.
import { isToken } from '../../../config/formats.ts';
import { type DraftMap, type DraftPool, put, taken } from '../draft.ts';
import type { ImportLedger } from '../ledger.ts';
import { countOf, durationOf, milliseconds } from '../spelling.ts';
import type { HaproxyDirective } from './sections.ts';

export class Stickiness {
  readonly #pool: DraftPool;
  readonly #ledger: ImportLedger;

  constructor(pool: DraftPool, ledger: ImportLedger) {
    this.#pool = pool;
    this.#ledger = ledger;
  }

  /** False: it is none of these. */
  read(directive: HaproxyDirective): boolean {
    const { words } = directive;
    const [first, second = '', third = ''] = words;
    switch (first) {
      case 'balance':
        this.#balance(directive, second, words.slice(2));
        return true;
      case 'cookie':
        this.#cookie(directive, second, words.slice(2));
        return true;
      case 'appsession':
        this.#stick(directive, `cookie.${second}`);
        return true;
      case 'stick-table':
        this.#stickTable(directive, words.slice(1));
        return true;
      case 'stick':
        if (!/^(on|match|store-request)$/.test(second)) return false;
        this.#stickOn(directive, third, words.length > 4 && words[3] !== 'table');
        return true;
      default:
        return false;
    }
  }

  #balance(directive: HaproxyDirective, how: string, rest: readonly string[]): void {
    const ledger = this.#ledger;
    const { value } = this.#pool;
    // One that the defaults gave it.
    if (value.balance === 'hash' && taken(value, 'persistence.mode') === undefined)
      value.persistence = undefined;
    const [, name = how, argument = ''] = /^([a-z_-]+)\((.*)\)$/.exec(how) ?? [];
    const byKey: Readonly<Record<string, string | undefined>> = {
      source: 'source',
      uri: 'path',
      url: 'path',
      hdr:
        argument.toLowerCase() === 'host'
          ? 'host'
          : isToken(argument)
            ? `header.${argument.toLowerCase()}`
            : undefined,
    };
    const subject = name === 'hash' && rest[0] === 'src' ? 'source' : byKey[name];
    if (/^(roundrobin|static-rr)$/.test(name)) put(value, 'balance', 'round-robin');
    else if (name === 'leastconn') put(value, 'balance', 'least-in-flight');
    else if (name === 'random') {
      put(value, 'balance', 'least-in-flight');
      ledger.noted(directive, 'nodes are compared by what they have in work, not by chance', this.#pool);
      return;
    } else if (subject !== undefined && (subject === 'source' || this.#pool.protocol === 'http')) {
      put(value, 'balance', 'hash');
      if (taken(value, 'persistence.by') === undefined) put(value, 'persistence.by', [subject]);
    } else {
      put(value, 'balance', 'least-in-flight');
      ledger.left(
        directive,
        'this way of choosing has no counterpart; the node with the least in work is taken',
        this.#pool,
      );
      return;
    }
    ledger.translated(directive);
  }

  #cookie(directive: HaproxyDirective, name: string, words: readonly string[]): void {
    const ledger = this.#ledger;
    if (this.#pool.protocol !== 'http' || !isToken(name)) {
      ledger.left(directive, 'cookies are for http', this.#pool);
    } else if (words.includes('insert') || words.includes('rewrite')) {
      put(this.#pool.value, 'persistence', { cookie: name });
      ledger.noted(directive, "its value is the gateway's own: clients get a new one once", this.#pool);
    } else this.#stick(directive, `cookie.${name}`);
  }

  /** A value that a server makes: it is seen in its answers. */
  #stick(directive: HaproxyDirective, subject: string): void {
    const ledger = this.#ledger;
    const isCookie = subject.startsWith('cookie.');
    if (
      (subject !== 'source' && this.#pool.protocol !== 'http') ||
      (isCookie && !isToken(subject.slice(7)))
    ) {
      ledger.left(directive, 'this is no part of a sticky key here', this.#pool);
      return;
    }
    put(this.#pool.value, 'persistence.by', [subject]);
    put(this.#pool.value, 'persistence.mode', 'table');
    ledger.translated(directive);
  }

  #stickTable(directive: HaproxyDirective, words: readonly string[]): void {
    const after = (word: string): string | undefined => words[words.indexOf(word) + 1 || words.length];
    const [, digits, unit = ''] = /^(\d{1,9})([kmg]?)$/i.exec(after('size') ?? '') ?? [];
    const factor = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()] ?? 1;
    const size =
      digits === undefined
        ? undefined
        : countOf(String(Math.min(Number(digits) * factor, 10_000_000)), 1, 10_000_000);
    const idle = durationOf(milliseconds(after('expire'), 'ms'));
    if (words.includes('store')) {
      this.#ledger.left(directive, 'nothing is counted by client', this.#pool);
      return;
    }
    if (size !== undefined) put(this.#pool.value, 'persistence.maxSenders', size);
    if (idle !== undefined) put(this.#pool.value, 'persistence.idle', idle);
    this.#ledger.translated(directive);
    if (words.includes('peers'))
      this.#ledger.left(directive, 'peers: cluster.state shares tables between gateways', this.#pool);
  }

  #stickOn(directive: HaproxyDirective, what: string, isConditional: boolean): void {
    const [, name = '', argument = ''] = /^([\w.]+)(?:\(([^()]*)\))?$/.exec(what) ?? [];
    if (isConditional) this.#ledger.left(directive, 'a condition on sticking has no counterpart', this.#pool);
    else if (name === 'src') this.#stick(directive, 'source');
    else if (/^(req\.)?cook(ie)?$/.test(name)) this.#stick(directive, `cookie.${argument}`);
    else if (/^(req\.)?hdr$/.test(name) && isToken(argument))
      this.#stick(directive, `header.${argument.toLowerCase()}`);
    else this.#ledger.left(directive, 'this is no part of a sticky key here', this.#pool);
  }

  /** A table without anything that is kept in it, and two kinds at once. */
  close(): void {
    const { value } = this.#pool;
    if (value.balance === undefined) value.balance = 'round-robin';
    const persistence = value.persistence as DraftMap | undefined;
    if (persistence === undefined) return;
    const { by, cookie } = persistence;
    if (by === undefined && cookie === undefined) value.persistence = undefined;
    else if (cookie !== undefined) value.persistence = { cookie };
    if (value.balance === 'hash' && (persistence.mode === 'table' || cookie !== undefined))
      value.balance = 'round-robin';
    if (persistence.mode === undefined) {
      persistence.idle = undefined;
      persistence.maxSenders = undefined;
    }
  }
}
