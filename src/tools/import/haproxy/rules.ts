// The rules of one section that decide over a request or connection: what is refused, and what is changed on its way.
// Promises to refuse what HAProxy would have kept from the servers, also where it did so in a way that the gateway has not:
// a redirect or a log-in that is left out must not open a door.
import type { Block, DraftMap } from '../draft.ts';
import type { ImportLedger } from '../ledger.ts';
import { allOf, anyOf, negated, type Requirement } from '../requirement.ts';
import { Acls, type AskedRequirement, combinedConditions, type RuleScope } from './acl.ts';
import { applyChange, type HttpChange, httpRule } from './headers.ts';
import type { HaproxyDirective } from './sections.ts';

interface Verdict {
  readonly directive: HaproxyDirective;
  readonly isAccepted: boolean;
  readonly condition: readonly string[];
  /** What it did other than refuse; the gateway refuses. */
  readonly instead: string | undefined;
}

interface Change {
  readonly directive: HaproxyDirective;
  readonly change: HttpChange;
}

export interface RuleRefusal {
  readonly directive: HaproxyDirective;
  readonly requirement: Requirement;
}

const REFUSING: Readonly<Record<string, string | undefined>> = {
  deny: undefined,
  tarpit: undefined,
  'silent-drop': undefined,
  reject: undefined,
  redirect: 'the gateway redirects nobody; it answers 403',
  return: 'the gateway has no answers of its own; it answers 403',
  auth: "log-ins are the nodes' own (listeners.NAME.http.users is for HL7 over HTTP); it answers 403 until this route is taken out",
};

export class SectionRules {
  readonly #verdicts: Verdict[] = [];
  readonly #changes: Change[] = [];
  readonly #acls: HaproxyDirective[] = [];
  readonly #ledger: ImportLedger;
  /** Where what is left of them is said. */
  block: Block | undefined;

  constructor(ledger: ImportLedger) {
    this.#ledger = ledger;
  }

  /** False: it is no such rule. */
  read(directive: HaproxyDirective): boolean {
    const { words } = directive;
    const [first = '', second = '', ...rest] = words;
    if (first === 'acl') {
      this.#acls.push(directive);
      return true;
    }
    if (first === 'redirect') return this.#refuse(directive, 'redirect', words.slice(1));
    if (first === 'block') return this.#refuse(directive, 'deny', words.slice(1));
    if (first === 'http-request' && (Object.hasOwn(REFUSING, second) || second === 'allow'))
      return this.#refuse(directive, second, rest);
    const [third = ''] = rest;
    if (
      first === 'tcp-request' &&
      /^(connection|content|session)$/.test(second) &&
      /^(accept|reject|silent-drop)$/.test(third)
    )
      return this.#refuse(directive, third, rest.slice(1));
    if (first === 'http-request' && second === 'use-service' && third === 'prometheus-exporter') {
      this.#ledger.noted(directive, 'metrics are at /metrics of the admin API');
      return true;
    }
    const rule = httpRule(words);
    if (rule === undefined) return false;
    if (rule === 'inherent') this.#ledger.inherent(directive);
    else if ('why' in rule) this.#left(directive, rule.why);
    else this.#changes.push({ directive, change: rule });
    return true;
  }

  /** ACLs as they are for those who come by these listeners. */
  acls(scope: RuleScope): Acls {
    const acls = new Acls(scope);
    for (const directive of this.#acls) {
      const why = acls.define(directive);
      if (why === undefined) this.#ledger.translated(directive);
      else this.#left(directive, why);
    }
    return acls;
  }

  /** In order. What an earlier rule accepts is not refused by a later one. */
  refusals(acls: Acls): RuleRefusal[] {
    const refusals: RuleRefusal[] = [];
    let accepted: AskedRequirement = [];
    for (const { directive, isAccepted, condition, instead } of this.#verdicts) {
      const asked = acls.condition(condition);
      const but: AskedRequirement =
        typeof accepted === 'string' ? accepted : combinedConditions([accepted], negated);
      if (isAccepted) {
        accepted = combinedConditions([accepted, asked], anyOf);
        if (typeof asked === 'string') this.#left(directive, asked);
        else this.#ledger.translated(directive);
        continue;
      }
      const requirement = combinedConditions([asked, but], allOf);
      if (typeof requirement === 'string') {
        this.#ledger.left(directive, `${requirement}; what it kept out comes in`);
        continue;
      }
      if (instead === undefined) this.#ledger.translated(directive);
      else this.#left(directive, instead);
      if (requirement.length > 0) refusals.push({ directive, requirement });
    }
    return refusals;
  }

  /** Into a route. */
  change(route: DraftMap, acls: Acls, isHttp: boolean): void {
    for (const { directive, change } of this.#changes) {
      const asked = acls.condition(change.condition);
      if (!isHttp) this.#left(directive, 'no HTTP comes by here');
      else if (typeof asked === 'string') this.#left(directive, asked);
      else if (asked.length === 0) this.#ledger.translated(directive);
      else if (asked.some(({ length }) => length > 0))
        this.#left(directive, 'headers and paths are changed for all that comes by a route, or for nothing');
      else if (applyChange(route, change)) this.#ledger.translated(directive);
      else this.#left(directive, 'a route has one such rule');
    }
  }

  #refuse(directive: HaproxyDirective, action: string, words: readonly string[]): boolean {
    const at = words.findIndex((word) => word === 'if' || word === 'unless');
    const condition = at < 0 ? [] : words.slice(at);
    const isAccepted = action === 'allow' || action === 'accept';
    this.#verdicts.push({
      directive,
      isAccepted,
      condition,
      instead: isAccepted ? undefined : REFUSING[action],
    });
    return true;
  }

  #left(directive: HaproxyDirective, reason: string): void {
    this.#ledger.left(directive, reason, this.block);
  }

  /** Of a section that nothing leads to. */
  leaveAll(why: string): void {
    for (const directive of [
      ...this.#acls,
      ...this.#verdicts.map((one) => one.directive),
      ...this.#changes.map((one) => one.directive),
    ])
      if (this.#ledger.isOpen(directive)) this.#left(directive, why);
  }
}
