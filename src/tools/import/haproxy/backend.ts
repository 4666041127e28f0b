// A `backend`, or that half of a `listen`, as a pool. Promises a pool whose nodes all speak as its protocol does, or none.
import { isToken } from '../../../config/formats.ts';
import { type DraftMap, type DraftPool, type DraftProtocol, put } from '../draft.ts';
import type { ImportLedger } from '../ledger.ts';
import { durationOf, freshName, milliseconds } from '../spelling.ts';
import { applyCheck, newCheck, readCheck } from './checks.ts';
import type { HaproxyGlobals } from './global.ts';
import { SectionRules } from './rules.ts';
import type { HaproxyDirective, HaproxySection } from './sections.ts';
import { readServer, type ServerRead } from './server.ts';
import { Stickiness } from './stickiness.ts';

export interface BackendRead {
  readonly section: HaproxySection;
  readonly protocol: DraftProtocol;
  /** Undefined: it has no server that could be one of its nodes. */
  readonly pool: DraftPool | undefined;
  readonly rules: SectionRules;
}

interface Shared {
  readonly ledger: ImportLedger;
  readonly globals: HaproxyGlobals;
  /** Of pools. */
  readonly names: Set<string>;
}

/** An acknowledgement that is waited for longer than this is lost; in HAProxy the time is that of a silent connection. */
const LONGEST_ACK_MS = 300_000;

export class BackendReader {
  readonly #section: HaproxySection;
  readonly #protocol: DraftProtocol;
  readonly #shared: Shared;
  readonly #pool: DraftPool;
  readonly #check = newCheck();
  readonly #servers: { directive: HaproxyDirective; read: ServerRead; map: DraftMap }[] = [];
  #serverDefaults: string[] = [];
  readonly #rules: SectionRules;
  readonly #stickiness: Stickiness;

  constructor(section: HaproxySection, protocol: DraftProtocol, shared: Shared) {
    this.#section = section;
    this.#protocol = protocol;
    this.#shared = shared;
    this.#pool = {
      name: freshName(section.name, shared.names),
      comments: [],
      value: { nodes: {} },
      protocol,
    };
    this.#rules = new SectionRules(shared.ledger);
    this.#stickiness = new Stickiness(this.#pool, shared.ledger);
  }

  get rules(): SectionRules {
    return this.#rules;
  }

  /** False: it means nothing in a backend. */
  read(directive: HaproxyDirective): boolean {
    const { words } = directive;
    const [first = '', second = '', third = ''] = words;
    const { value } = this.#pool;
    const { ledger } = this.#shared;
    switch (first) {
      case 'server':
        this.#server(directive, second, third, words.slice(3));
        return true;
      case 'default-server':
        this.#serverDefaults = [...this.#serverDefaults, ...words.slice(1)];
        ledger.translated(directive);
        return true;
      case 'retries':
        // One that cannot be reached never counts as a try; retry.budget bounds how long others are tried.
        ledger.translated(directive);
        return true;
      case 'source': {
        const [host = ''] = second.split(':');
        if (/^client(ip)?$/.test(words[words.indexOf('usesrc') + 1] ?? '') && words.includes('usesrc'))
          put(value, 'source', 'client');
        else if (/^\d+\.\d+\.\d+\.\d+$/.test(host) && host !== '0.0.0.0') put(value, 'source', host);
        else return false;
        ledger.translated(directive);
        return true;
      }
      case 'option':
        if (second === 'forwardfor' && words.includes('header')) return this.#forwarded(directive);
        break;
      case 'timeout':
        return this.#timeout(directive, second, third);
      case 'contimeout':
        return this.#timeout(directive, 'connect', second);
      case 'srvtimeout':
        return this.#timeout(directive, 'server', second);
    }
    if (this.#stickiness.read(directive)) return true;
    const check = readCheck(this.#check, words);
    if (check === '') ledger.translated(directive);
    else if (check !== undefined) ledger.left(directive, check, this.#pool);
    return check !== undefined || this.#rules.read(directive);
  }

  close(): BackendRead {
    const pool = this.#servers.length === 0 ? undefined : this.#pool;
    const { ledger } = this.#shared;
    if (pool !== undefined) {
      const said = applyCheck(
        pool.value,
        this.#servers.map(({ read, map }) => ({ server: read, map })),
        this.#check,
        this.#protocol,
      );
      for (const text of said) pool.comments.push(text);
      this.#ofAllNodes(pool.value);
      this.#stickiness.close();
    }
    if (pool === undefined) ledger.moveToHead(this.#pool);
    else this.#rules.block = pool;
    if (pool === undefined && this.#section.kind === 'backend')
      ledger.left(this.#section, 'it has no servers');
    return { section: this.#section, protocol: this.#protocol, pool, rules: this.#rules };
  }

  #server(directive: HaproxyDirective, name: string, address: string, options: readonly string[]): void {
    const { ledger, globals } = this.#shared;
    const read = readServer(address, [...this.#serverDefaults, ...options], this.#protocol, globals);
    if (typeof read === 'string') {
      ledger.left(directive, read, this.#pool);
      return;
    }
    const secured = this.#protocol === 'tcp' ? 'tls' : `${this.#protocol}s`;
    const scheme = read.isSecured ? secured : this.#protocol;
    const port = read.port === '' ? ':+0' : read.port;
    const map: DraftMap = { url: `${scheme}://${read.host}${port}`, ...read.node };
    const nodes = this.#pool.value.nodes as DraftMap;
    nodes[freshName(name, new Set(Object.keys(nodes)))] = map;
    this.#servers.push({ directive, read, map });
    ledger.translated(directive);
    for (const note of read.notes) ledger.noted(directive, note, this.#pool);
    for (const left of read.left) ledger.left(directive, left, this.#pool);
  }

  /** What servers say each for itself, and our pools for all. */
  #ofAllNodes(value: DraftMap): void {
    for (const key of ['connections.max', 'proxyProtocol', 'slowstart'] as const) {
      const all = this.#servers.map(({ read }) => read.ofPool.get(key));
      const said = all.filter((each) => each !== undefined);
      const [one] = said;
      if (one === undefined) continue;
      const least = key === 'connections.max' ? Math.min(...said.map(Number)) : one;
      if (key === 'slowstart') put(value, 'slowStart', durationOf(Number(least)) ?? '0');
      else put(value, key, least);
      if (all.some((each) => each !== one))
        this.#pool.comments.push(
          `servers differ in ${key === 'connections.max' ? 'maxconn' : key}; nodes of a pool do not`,
        );
    }
  }

  #forwarded(directive: HaproxyDirective): boolean {
    const name = directive.words[directive.words.indexOf('header') + 1] ?? '';
    if (/^x-forwarded-for$/i.test(name) || !isToken(name)) return false;
    return this.#rules.read({ ...directive, words: ['http-request', 'set-header', name, '%[src]'] });
  }

  #timeout(directive: HaproxyDirective, which: string, text: string): boolean {
    const { ledger } = this.#shared;
    const { value } = this.#pool;
    if (!/^(connect|server|queue|check)$/.test(which)) return false;
    const ms = milliseconds(text, 'ms');
    const duration = durationOf(ms);
    if (ms === undefined) {
      ledger.left(directive, 'it has no duration', this.#pool);
      return true;
    }
    if (which === 'check') this.#check.timeoutMs = ms;
    else if (duration === undefined) {
      ledger.left(directive, 'without an end: nothing is waited for without a limit here', this.#pool);
      return true;
    } else if (which === 'connect') put(value, 'timeouts.connect', duration);
    else if (which === 'queue') put(value, 'queue.timeout', duration);
    else if (this.#protocol === 'tcp') {
      // The listener's idleTimeout has it.
      ledger.translated(directive);
      return true;
    } else if (this.#protocol === 'mllp' && ms > LONGEST_ACK_MS) {
      ledger.noted(
        directive,
        'that is how long a connection may be silent; an acknowledgement is waited for for timeouts.ack',
        this.#pool,
      );
      return true;
    } else put(value, 'timeouts.ack', duration);
    ledger.translated(directive);
    return true;
  }
}
