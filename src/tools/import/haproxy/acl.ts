// ACLs and the conditions behind `if` and `unless`, as requirements: what `when` of our routes can say.
// Promises either all that a condition asks for, or why it cannot be had; never a part of it.
import type { DraftListener, DraftProtocol } from '../draft.ts';
import { type MatchKind, matchTest } from '../match.ts';
import {
  ALWAYS,
  allOf,
  anyOf,
  type DraftTest,
  NEVER,
  negated,
  oneCondition,
  type Requirement,
  TooManyRoutes,
} from '../requirement.ts';
import { escapedForRegex } from '../spelling.ts';
import { MATCH_KINDS, readAclFlags } from './acl-flags.ts';
import type { HaproxyDirective } from './sections.ts';

/** A requirement, or why there is none. */
export type AskedRequirement = Requirement | string;

/** Who may come by a rule. */
export interface RuleScope {
  readonly protocol: DraftProtocol;
  readonly listeners: readonly DraftListener[];
}

const METHODS = /^METH_([A-Z]+)$/;

export class Acls {
  readonly #scope: RuleScope;
  readonly #named = new Map<string, AskedRequirement>();

  constructor(scope: RuleScope) {
    this.#scope = scope;
  }

  /** Of `acl NAME …`. Several of one name are alternatives. */
  define({ words: [, name = '', ...rest] }: HaproxyDirective): string | undefined {
    const asked = this.#criterion(rest);
    const before = this.#named.get(name);
    const both = before === undefined ? asked : combinedConditions([before, asked], anyOf);
    this.#named.set(name, both);
    return typeof asked === 'string' ? asked : undefined;
  }

  /** Of what stands behind a rule: `if …`, `unless …`, or nothing. */
  condition(words: readonly string[]): AskedRequirement {
    const [first, ...rest] = words;
    if (first === undefined) return ALWAYS;
    if (first !== 'if' && first !== 'unless') return 'this word is not known here';
    const asked = this.#expression(rest);
    return first === 'if' ? asked : combinedConditions([asked], negated);
  }

  #expression(words: readonly string[]): AskedRequirement {
    const alternatives: AskedRequirement[][] = [[]];
    let isNegated = false;
    for (let i = 0; i < words.length; i++) {
      let word = words[i] ?? '';
      if (word === '||' || word === 'or') {
        alternatives.push([]);
        continue;
      }
      while (word.startsWith('!')) {
        isNegated = !isNegated;
        word = word.slice(1);
      }
      if (word === '') continue;
      let asked: AskedRequirement;
      if (word === '{') {
        const end = words.indexOf('}', i);
        if (end < 0) return 'a brace is not closed';
        asked = this.#criterion(words.slice(i + 1, end));
        i = end;
      } else asked = this.#byName(word);
      alternatives.at(-1)?.push(isNegated ? combinedConditions([asked], negated) : asked);
      isNegated = false;
    }
    if (alternatives.some(({ length }) => length === 0)) return 'its condition is empty';
    return combinedConditions(
      alternatives.map((parts) => combinedConditions(parts, allOf)),
      anyOf,
    );
  }

  #byName(name: string): AskedRequirement {
    const asked = this.#named.get(name);
    if (typeof asked === 'string') return `its condition rests on an ACL that is not translated (${asked})`;
    if (asked !== undefined) return asked;
    const method = METHODS.exec(name)?.[1];
    if (method !== undefined) return this.#compared('method', 'exact', [method], false);
    if (/^(TRUE|HTTP|WAIT_END|REQ_CONTENT|HTTP_1\.[01])$/.test(name)) return ALWAYS;
    if (name === 'FALSE') return NEVER;
    if (name === 'LOCALHOST') return oneCondition('source', '127.0.0.0/8');
    return 'its condition names an ACL that is not there';
  }

  /** `path_beg -i /api /v1`, `hdr(host) -m dom example.org`, `src 10.0.0.0/8`. */
  #criterion([fetch = '', ...rest]: readonly string[]): AskedRequirement {
    const [, name = '', argument = '', converters = ''] =
      /^([a-zA-Z0-9_.]+)(?:\(([^()]*)\))?((?:,[a-z0-9_.()]+)*)$/.exec(fetch) ?? [];
    const flags = readAclFlags(rest);
    if (typeof flags === 'string') return flags;
    if (converters !== '' && !/^(,lower|,field\(1,:\))+$/.test(converters))
      return 'its converters are not known here';
    const { values, match } = flags;
    const ignoreCase = flags.ignoreCase || converters.includes('lower');
    const [, base = '', suffix] =
      /^(path|base|url|(?:req\.|req\.f)?hdr|ssl_fc_sni|req\.ssl_sni|req_ssl_sni|src|method)(?:_(beg|end|sub|reg|dir|dom))?$/.exec(
        name,
      ) ?? [];
    const kind = MATCH_KINDS[suffix ?? match ?? 'str'];
    switch (base) {
      case 'path':
        return match === 'found' ? ALWAYS : this.#compared('path', kind, values, ignoreCase);
      case 'url':
        // With its query: for how it begins that is the same.
        if (kind !== 'begins' || values.some((value) => /[?:]/.test(value))) return 'it looks at the query';
        return this.#compared('path', kind, values, ignoreCase);
      case 'method':
        return this.#compared('method', 'exact', values, false);
      case 'src':
        return this.#compared('source', 'exact', values, false);
      case 'ssl_fc_sni':
      case 'req.ssl_sni':
      case 'req_ssl_sni':
        if (base !== 'ssl_fc_sni' || this.#scope.protocol !== 'http')
          return 'the name in a TLS handshake is no condition';
        return this.#compared('host', kind, values, true);
      case 'hdr':
      case 'req.hdr':
      case 'req.fhdr': {
        const [header = ''] = argument.split(',');
        if (!/^[\w!#$%&'*+.^`|~-]{1,100}$/.test(header)) return 'it does not say which header';
        const subject = header.toLowerCase() === 'host' ? 'host' : `header.${header.toLowerCase()}`;
        if (match === 'found') return this.#ofHttp(subject) ?? oneCondition(subject, { exists: true });
        return this.#compared(subject, kind, values, ignoreCase);
      }
    }
    return this.#ofConnection(name, argument, values);
  }

  #ofConnection(name: string, argument: string, values: readonly string[]): AskedRequirement {
    const { listeners } = this.#scope;
    switch (name) {
      case 'always_true':
        return ALWAYS;
      case 'always_false':
        return NEVER;
      case 'ssl_fc':
        return byListener(listeners, ({ isSecured }) => isSecured);
      case 'dst_port':
        return byListener(listeners, ({ port }) => port !== undefined && values.includes(String(port)));
      case 'ssl_c_used':
        return oneCondition('tls.subject', { exists: true });
      case 'ssl_c_s_dn': {
        if (!/^[A-Za-z]{1,10}$/.test(argument) || values.length === 0)
          return 'it does not say which part of the subject';
        const tests = values.map((value) => `/(^|, )${argument}=${escapedForRegex(value)}(,|$)/`);
        return oneCondition('tls.subject', tests.length === 1 ? (tests[0] ?? '') : tests);
      }
    }
    return 'what it looks at is no subject of conditions here';
  }

  #compared(
    subject: string,
    kind: MatchKind | undefined,
    values: readonly string[],
    ignoreCase: boolean,
  ): AskedRequirement {
    const trouble = this.#ofHttp(subject);
    if (trouble !== undefined) return trouble;
    if (kind === undefined || values.length === 0) return 'it does not say with what to compare';
    if (values.length > 1000) return 'it has too many values';
    const tests: DraftTest[] = [];
    for (const value of values) {
      const test = matchTest(subject, kind, value, ignoreCase);
      if (test === undefined)
        return `one of its values is none that ${subject.split('.')[0]} can be compared with`;
      tests.push(test);
    }
    return oneCondition(subject, tests.length === 1 ? (tests[0] ?? '') : tests);
  }

  /** Why it cannot be asked where bytes, or messages over MLLP, come in. */
  #ofHttp(subject: string): string | undefined {
    if (this.#scope.protocol === 'http' || subject === 'source' || subject.startsWith('tls.'))
      return undefined;
    return 'it looks at a request, and no HTTP comes by here';
  }
}

/** One of these requirements alone, or the first reason why there is none. */
export function combinedConditions(
  parts: readonly AskedRequirement[],
  how: (...parts: Requirement[]) => Requirement,
): AskedRequirement {
  const good: Requirement[] = [];
  for (const part of parts) {
    if (typeof part === 'string') return part;
    good.push(part);
  }
  try {
    return how(...good);
  } catch (thrown) {
    if (thrown instanceof TooManyRoutes) return 'its condition would take too many routes';
    throw thrown;
  }
}

/** What is the same for all who come by a listener is settled by its name. */
function byListener(
  listeners: readonly DraftListener[],
  holds: (listener: DraftListener) => boolean,
): Requirement {
  const names = listeners.filter(holds).map(({ name }) => name);
  if (names.length === 0) return NEVER;
  return names.length === listeners.length ? ALWAYS : oneCondition('listener', names);
}
