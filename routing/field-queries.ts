// What conditions and sticky keys ask of a message's fields, as a parse worker is asked it: each path once, with the
// regexes that it is compared with.
import { isDeepStrictEqual } from 'node:util';
import type {
  Condition,
  ListenerConfig,
  PoolConfig,
  RouteConfig,
  Subject,
  ValueTest,
} from '../src/config/config.ts';
import { type FieldPath, isHeaderPath } from '../src/hl7/field-path.ts';
import { FieldQueryPlan } from '../src/hl7/field-query-plan.ts';
import { LONG_VALUE, type Question } from '../src/hl7/parse-tasks/fields.ts';
import type { Regex } from '../src/hl7/regex.ts';
import type { SenderPolicy } from './sender-policy.ts';

interface Draft {
  keep: number | undefined;
  readonly regexes: Regex[];
}

/** What of a listener's config asks something of a message's fields. */
interface Asking {
  readonly batch: ListenerConfig['batch'];
  readonly allowance: SenderPolicy | undefined;
}

export class FieldQueries {
  readonly #ofRouting: readonly Question[];
  /** One for each listener with an allowance, and at most one for each value of `batch`. */
  readonly #made = new Map<SenderPolicy | Asking['batch'], FieldQueryPlan>();

  constructor(routes: readonly RouteConfig[], pools: readonly PoolConfig[]) {
    const conditions = routes.flatMap(({ when }) => when);
    const keys = pools.flatMap(({ persistence }) => persistence?.by ?? []);
    // The header is read where it lies.
    this.#ofRouting = questions(conditions, keys, (path) => !isHeaderPath(path));
  }

  /** Is there any that the header does not answer, for a listener like this? */
  isDeep({ batch, allow }: Pick<ListenerConfig, 'batch' | 'allow'>): boolean {
    return this.#ofRouting.length > 0 || allow !== undefined || batch === 'refuse';
  }

  /** What was read for the one is what the other asks for. */
  isSame(other: FieldQueries): boolean {
    return this === other || isDeepStrictEqual(this.#ofRouting, other.#ofRouting);
  }

  of({ batch, allowance }: Asking): FieldQueryPlan {
    const key = allowance ?? batch;
    let questionnaire = this.#made.get(key);
    if (questionnaire === undefined) {
      const ofEach = allowance && questions(allowance.conditions, [], () => true);
      questionnaire = new FieldQueryPlan({ ofRouting: this.#ofRouting, ofEach, further: batch === 'refuse' });
      this.#made.set(key, questionnaire);
    }
    return questionnaire;
  }
}

function questions(
  conditions: readonly Condition[],
  keys: readonly Subject[],
  isAsked: (path: FieldPath) => boolean,
): Question[] {
  const drafts = new Map<string, Draft>();
  const draftOf = (subject: Subject): Draft | undefined => {
    if (subject.kind !== 'field' || !isAsked(subject.path)) return undefined;
    const { text } = subject.path;
    const draft = drafts.get(text) ?? { keep: LONG_VALUE + 1, regexes: [] };
    drafts.set(text, draft);
    return draft;
  };
  for (const { subject, test } of conditions) {
    const draft = draftOf(subject);
    if (draft !== undefined) add(test, draft);
  }
  // Two keys that begin alike are two keys.
  for (const subject of keys) {
    const draft = draftOf(subject);
    if (draft !== undefined) draft.keep = undefined;
  }
  return [...drafts].map(([path, { keep, regexes }]) => ({ path, keep, regexes }));
}

function add(test: ValueTest, draft: Draft): void {
  switch (test.kind) {
    case 'equals':
      // One character more than any text that it is compared with: what is cut there equals none of them.
      if (draft.keep !== undefined) draft.keep = Math.max(draft.keep, test.value.length + 1);
      return;
    case 'any':
      for (const one of test.tests) add(one, draft);
      return;
    case 'not':
      add(test.test, draft);
      return;
    case 'regex': {
      const { source, flags } = test;
      if (!draft.regexes.some((one) => one.source === source && one.flags === flags))
        draft.regexes.push({ source, flags });
      return;
    }
    case 'exists':
    case 'cidr':
  }
}
