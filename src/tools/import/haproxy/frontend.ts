// A `frontend`, or that half of a `listen`, as listeners, and the ways that lead from it to backends.
import { type DraftListener, type DraftMap, type DraftProtocol, put } from '../draft.ts';
import type { ImportLedger } from '../ledger.ts';
import { countOf, durationOf, freshName, milliseconds } from '../spelling.ts';
import { bothFamilies, type TakenAddresses } from '../taken-addresses.ts';
import { readBind } from './bind.ts';
import type { HaproxyGlobals } from './global.ts';
import { SectionRules } from './rules.ts';
import type { HaproxyDirective, HaproxySection } from './sections.ts';

export interface Way {
  readonly directive: HaproxyDirective;
  readonly backend: string;
  readonly condition: readonly string[];
}

export interface FrontendRead {
  readonly section: HaproxySection;
  readonly protocol: DraftProtocol;
  readonly listeners: readonly DraftListener[];
  readonly binds: readonly HaproxyDirective[];
  readonly rules: SectionRules;
  /** In order, `default_backend` last. */
  readonly ways: readonly Way[];
}

interface Shared {
  readonly ledger: ImportLedger;
  readonly globals: HaproxyGlobals;
  /** Of listeners, and the addresses that they have. */
  readonly names: Set<string>;
  readonly addresses: TakenAddresses;
}

export class FrontendReader {
  readonly #section: HaproxySection;
  readonly #protocol: DraftProtocol;
  readonly #shared: Shared;
  readonly #listeners: DraftListener[] = [];
  readonly #binds: HaproxyDirective[] = [];
  readonly #keys: DraftMap = {};
  readonly #ways: Way[] = [];
  #default: Way | undefined;
  readonly #rules: SectionRules;

  constructor(section: HaproxySection, protocol: DraftProtocol, shared: Shared, rules?: SectionRules) {
    this.#section = section;
    this.#protocol = protocol;
    this.#shared = shared;
    this.#rules = rules ?? new SectionRules(shared.ledger);
    const { maxConnections } = shared.globals;
    if (maxConnections !== undefined) put(this.#keys, 'limits.maxConnections', maxConnections);
  }

  /** False: it means nothing in a frontend. */
  read(directive: HaproxyDirective): boolean {
    const [first = '', second = '', ...rest] = directive.words;
    const { ledger } = this.#shared;
    switch (first) {
      case 'bind':
        this.#binds.push(directive);
        return true;
      case 'maxconn': {
        const most = countOf(second, 0, 1_000_000);
        if (most === undefined) return false;
        if (most > 0) put(this.#keys, 'limits.maxConnections', most);
        ledger.translated(directive);
        return true;
      }
      case 'default_backend':
        this.#default = { directive, backend: second, condition: [] };
        return true;
      case 'use_backend':
        this.#ways.push({ directive, backend: second, condition: rest });
        return true;
      case 'timeout':
        return this.#timeout(directive, second, rest[0] ?? '');
      case 'clitimeout':
        return this.#timeout(directive, 'client', second);
    }
    return this.#rules.read(directive);
  }

  close(): FrontendRead {
    for (const directive of this.#binds) this.#bind(directive);
    this.#rules.block ??= this.#listeners[0];
    const ways = this.#default === undefined ? this.#ways : [...this.#ways, this.#default];
    return {
      section: this.#section,
      protocol: this.#protocol,
      listeners: this.#listeners,
      binds: this.#binds,
      rules: this.#rules,
      ways,
    };
  }

  #bind(directive: HaproxyDirective): void {
    const { ledger, globals, names, addresses } = this.#shared;
    const { addresses: wanted, keys, isSecured, left, notes } = readBind(directive, this.#protocol, globals);
    const blocks: DraftListener[] = [];
    for (const { text, port } of wanted) {
      const twin = this.#listeners.find(({ value }) => bothFamilies(String(value.bind), text) !== undefined);
      if (twin !== undefined && twin.isSecured === isSecured) {
        twin.value.bind = bothFamilies(String(twin.value.bind), text);
        continue;
      }
      if (!addresses.take(text)) {
        ledger.left(directive, 'another listener has this address');
        continue;
      }
      const isFirst = this.#listeners.length === 0;
      const wish = isFirst || port === undefined ? this.#section.name : `${this.#section.name}-${port}`;
      const value: DraftMap = {
        ...(this.#protocol !== 'mllp' && { protocol: this.#protocol }),
        bind: text,
        ...structuredClone(keys),
      };
      const { limits, http, ...others } = structuredClone(this.#keys);
      if (limits !== undefined) value.limits = limits;
      if (http !== undefined) value.http = { ...(http as DraftMap), ...(value.http as DraftMap | undefined) };
      const block = {
        name: freshName(wish, names),
        comments: [],
        value: { ...value, ...others },
        protocol: this.#protocol,
        isSecured,
        port,
      };
      this.#listeners.push(block);
      blocks.push(block);
    }
    ledger.translated(directive);
    for (const note of notes) ledger.noted(directive, note, blocks[0]);
    for (const why of left) ledger.left(directive, why, blocks[0]);
  }

  #timeout(directive: HaproxyDirective, which: string, text: string): boolean {
    if (!/^(client|tunnel|http-request|http-keep-alive)$/.test(which)) return false;
    const { ledger } = this.#shared;
    const ms = milliseconds(text, 'ms');
    const duration = durationOf(ms);
    const isHttp = this.#protocol === 'http';
    if (ms === undefined) ledger.left(directive, 'it has no duration');
    else if (duration === undefined) {
      if (isHttp) ledger.left(directive, 'without an end: nothing is waited for without a limit here');
      else ledger.translated(directive);
    } else if (which === 'client' && isHttp) {
      put(this.#keys, 'limits.writeTimeout', duration);
      put(this.#keys, 'http.bodyTimeout', duration);
      ledger.translated(directive);
    } else if (which === 'client' || (which === 'tunnel' && !isHttp)) {
      put(this.#keys, 'limits.idleTimeout', duration);
      ledger.translated(directive);
    } else if (which === 'tunnel')
      ledger.left(directive, 'upgraded connections stay open as long as both sides do');
    else if (isHttp) {
      put(this.#keys, which === 'http-request' ? 'http.headersTimeout' : 'http.keepAlive', duration);
      ledger.translated(directive);
    } else ledger.inherent(directive);
    return true;
  }
}
