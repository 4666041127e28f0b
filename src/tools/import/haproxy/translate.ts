// haproxy.cfg as a draft of our config. Promises an order of routes in which the first that matches is the one HAProxy would
// have taken: what is refused, then each use_backend, then default_backend.
import { type Block, type ConfigDraft, type DraftMap, emptyDraft } from '../draft.ts';
import type { GuessOptions } from '../hl7-guess.ts';
import type { ImportLedger } from '../ledger.ts';
import { allOf, type Conjunction, type DraftTest, type Requirement, whenOf } from '../requirement.ts';
import { TakenAddresses } from '../taken-addresses.ts';
import { combinedConditions, type RuleScope } from './acl.ts';
import { type BackendRead, BackendReader } from './backend.ts';
import { type FrontendRead, FrontendReader } from './frontend.ts';
import { readGlobals } from './global.ts';
import { sectionProtocols } from './protocols.ts';
import { adminOf, readProxySection, type SectionRoom } from './proxy-section.ts';
import { type HaproxyDirective, type HaproxySection, haproxySections } from './sections.ts';
import { isInherent, whyLeft } from './vocabulary.ts';

const OTHER_SECTIONS: Readonly<Record<string, string>> = {
  userlist:
    'a password stands in no config: hl7-gateway password makes the line for listeners.NAME.http.users',
  peers: 'cluster.state shares sticky tables between gateways',
  resolvers: 'names are looked up by the system',
  mailers: 'alerts are made from metrics, see deploy/prometheus',
  program: 'the gateway starts no other programs',
};

export function translateHaproxy(text: string, options: GuessOptions, ledger: ImportLedger): ConfigDraft {
  return new HaproxyTranslation(options, ledger).translate(haproxySections(text, ledger));
}

class HaproxyTranslation {
  readonly #options: GuessOptions;
  readonly #ledger: ImportLedger;
  readonly #draft = emptyDraft();
  readonly #routeNames = new Set<string>();
  readonly #room: SectionRoom;

  constructor(options: GuessOptions, ledger: ImportLedger) {
    this.#options = options;
    this.#ledger = ledger;
    this.#room = { ledger, statistics: [] };
  }

  translate(sections: readonly HaproxySection[]): ConfigDraft {
    const ledger = this.#ledger;
    const globals = readGlobals(sections, ledger);
    const proxies = sections.filter((section) => isProxy(section) && !this.#isDisabled(section));
    for (const { kind, directives } of sections)
      for (const directive of directives)
        if (!/^(global|defaults|frontend|backend|listen)$/.test(kind))
          ledger.left(directive, OTHER_SECTIONS[kind] ?? 'such a section has no counterpart');
    const protocols = sectionProtocols(proxies, this.#options);
    const fronts: FrontendRead[] = [];
    const backs = new Map<string, BackendRead>();
    const shared = { ledger, globals, names: new Set<string>(), addresses: new TakenAddresses() };
    const pools = new Set<string>();
    for (const section of proxies) {
      const { protocol, guess } = protocols.get(section) ?? { protocol: 'tcp' };
      const isBack = section.kind !== 'frontend';
      const back = isBack
        ? new BackendReader(section, protocol, { ledger, globals, names: pools })
        : undefined;
      const front =
        section.kind === 'backend' ? undefined : new FrontendReader(section, protocol, shared, back?.rules);
      const unread = readProxySection(section, front, back, this.#room);
      if (front !== undefined) {
        const read = front.close();
        fronts.push(read);
        if (guess !== undefined) read.listeners[0]?.comments.push(`MLLP by a guess: ${guess}.`);
      }
      const read = back?.close();
      if (read !== undefined) backs.set(section.name, read);
      const block = read?.pool ?? fronts.at(-1)?.listeners[0];
      for (const directive of unread)
        ledger.left(directive, whyLeft(directive.words), section.kind === 'backend' ? read?.pool : block);
    }
    for (const front of fronts) this.#routes(front, backs);
    for (const back of backs.values()) this.#pool(back);
    const admin = adminOf(globals.hasStatistics, this.#room);
    if (admin !== undefined) this.#draft.admin = admin;
    for (const { directives } of sections.filter(({ kind }) => kind === 'defaults'))
      for (const directive of directives)
        if (directive.words[0] === 'mode') ledger.translated(directive);
        else if (isInherent(directive.words)) ledger.inherent(directive);
        else if (ledger.isOpen(directive)) ledger.left(directive, whyLeft(directive.words));
    return this.#draft;
  }

  /** Then nothing of it is in use there, nor here. */
  #isDisabled({ directives, defaults }: HaproxySection): boolean {
    const said = [...defaults, ...directives].filter(({ words: [first = ''] }) =>
      /^(dis|en)abled$/.test(first),
    );
    if (said.at(-1)?.words[0] !== 'disabled') return false;
    for (const directive of directives) this.#ledger.inherent(directive);
    return true;
  }

  #pool({ pool, rules, section }: BackendRead): void {
    if (pool === undefined) {
      rules.leaveAll('it has no servers');
      return;
    }
    const isUsed = this.#draft.routes.some(({ value }) => value.to === pool.name);
    if (isUsed) {
      this.#draft.pools.push(pool);
      return;
    }
    rules.leaveAll('no route leads to its pool');
    // A port that goes by the client's has to have listeners.
    if (/:[+-]\d+"/.test(JSON.stringify(pool.value))) {
      this.#ledger.moveToHead(pool);
      this.#ledger.left(section, 'no route leads to it, so the ports of its servers are not known');
    } else {
      pool.comments.push('No route leads here.');
      this.#draft.pools.push(pool);
    }
  }

  #routes(front: FrontendRead, backs: ReadonlyMap<string, BackendRead>): void {
    const { listeners, protocol, section, rules, ways } = front;
    const ledger = this.#ledger;
    const own = section.kind === 'listen' ? backs.get(section.name) : undefined;
    const all = [...ways];
    if (own?.pool !== undefined && ways.every(({ condition }) => condition.length > 0))
      all.push({ directive: section, backend: section.name, condition: [] });
    if (listeners.length === 0 || all.length === 0) {
      const why = listeners.length === 0 ? 'it listens nowhere' : 'nothing of it leads to a backend';
      this.#leaveFront(front, why);
      return;
    }
    const scope: RuleScope = { protocol, listeners };
    const acls = rules.acls(scope);
    const routes: Block[] = [];
    for (const { directive, requirement } of rules.refusals(acls))
      routes.push(...this.#refuse(scope, section, directive, requirement));
    const before = routes.length;
    for (const { directive, backend, condition } of all) {
      const back = backs.get(backend);
      const asked = acls.condition(condition);
      if (typeof asked === 'string') ledger.left(directive, asked);
      else if (back?.pool === undefined)
        ledger.left(directive, back === undefined ? 'no such backend' : 'that backend has no servers');
      else if (back.protocol !== protocol)
        ledger.left(directive, `that backend speaks ${back.protocol}, and ${protocol} comes by here`);
      else {
        if (directive !== section) ledger.translated(directive);
        routes.push(...this.#lead(scope, front, back, asked));
      }
    }
    if (routes.length === before) {
      this.#leaveFront(front, 'nothing of it leads to a pool');
      return;
    }
    this.#draft.listeners.push(...listeners);
    this.#draft.routes.push(...routes);
  }

  #lead(scope: RuleScope, front: FrontendRead, back: BackendRead, asked: Requirement): Block[] {
    const { pool, rules, section } = back;
    if (pool === undefined) return [];
    const routes: Block[] = [];
    const isOwn = rules === front.rules;
    const acls = rules.acls(scope);
    for (const refusal of isOwn ? [] : rules.refusals(acls)) {
      const both = combinedConditions([asked, refusal.requirement], allOf);
      if (typeof both === 'string') this.#ledger.left(refusal.directive, both);
      else routes.push(...this.#refuse(scope, section, refusal.directive, both));
    }
    for (const when of this.#whens(scope, asked)) {
      const value: DraftMap = {
        name: this.#name(`${front.section.name} to ${pool.name}`),
        when,
        to: pool.name,
      };
      if (!isOwn) front.rules.change(value, front.rules.acls(scope), pool.protocol === 'http');
      rules.change(value, acls, pool.protocol === 'http');
      routes.push({ name: '', comments: [], value });
    }
    return routes;
  }

  #refuse(
    scope: RuleScope,
    section: HaproxySection,
    { line, what }: HaproxyDirective,
    asked: Requirement,
  ): Block[] {
    return this.#whens(scope, asked).map((when) => ({
      name: '',
      comments: [],
      value: { name: this.#name(`${section.name} refuses, ${what} of line ${line}`), when, reject: {} },
    }));
  }

  /** With the listeners that a set of conditions leaves. */
  #whens({ listeners }: RuleScope, requirement: Requirement): DraftMap[] {
    return requirement.flatMap((conjunction) => {
      let names = listeners.map(({ name }) => name);
      const others: Conjunction = conjunction.filter(({ subject, test }) => {
        if (subject !== 'listener') return true;
        const isNot = typeof test === 'object' && 'not' in test;
        const said = [(isNot ? test.not : test) as DraftTest].flat() as string[];
        names = names.filter((name) => said.includes(name) !== isNot);
        return false;
      });
      const [first] = names;
      if (first === undefined) return [];
      return [{ listener: names.length === 1 ? first : names, ...whenOf(others) }];
    });
  }

  #leaveFront({ binds, listeners, section, rules, ways }: FrontendRead, why: string): void {
    for (const listener of listeners) this.#ledger.moveToHead(listener);
    const isStatistics = this.#room.statistics.some((directive) => section.directives.includes(directive));
    for (const bind of binds) {
      if (isStatistics) this.#ledger.noted(bind, 'statistics are at the admin API');
      else this.#ledger.left(bind, why);
    }
    for (const { directive } of ways) if (directive !== section) this.#ledger.left(directive, why);
    rules.leaveAll(why);
  }

  #name(wish: string): string {
    const base = wish.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu, '').slice(0, 180);
    let name = base;
    for (let n = 2; this.#routeNames.has(name); n++) name = `${base} (${n})`;
    this.#routeNames.add(name);
    return name;
  }
}

function isProxy({ kind }: HaproxySection): boolean {
  return /^(frontend|backend|listen)$/.test(kind);
}
