// Which routes of many can match a message at all, by the values that their conditions ask for. Promises the same first
// match as trying every route in order, at the cost of a few, where conditions on one subject differ from route to route.
import type { Condition, Subject } from '../src/config/config.ts';
import { isHeaderPath } from '../src/hl7/field-path.ts';
import type { SubjectReader } from './condition.ts';
import type { MessageView } from './message-view.ts';

/** Trying so many routes costs less than reading a subject to choose among them. */
const FEW = 16;

/** A tree as deep as this has asked for more subjects than any site's routes name. */
const MAX_DEPTH = 6;

/** A field beyond the header has to be searched for, so it has to leave this many times fewer routes than one of the header. */
const SEARCH_COST = 4;

/** No message has the value `undefined`, and no condition asks for it. */
type Lookup = ReadonlyMap<string | undefined, RouteIndexNode>;

interface Leaf {
  readonly kind: 'leaf';
  /** Ascending. */
  readonly routes: readonly number[];
}

interface Branch {
  readonly kind: 'branch';
  readonly first: number;
  readonly read: SubjectReader;
  /** Routes that ask for this value of the subject. */
  readonly byValue: Lookup;
  /** Routes that ask for no value of it in particular. */
  readonly others: RouteIndexNode;
}

export type RouteIndexNode = Leaf | Branch;

/** What one route asks for of each subject that an index can go by: by the subject's name. */
type Wanted = ReadonlyMap<string, { readonly subject: Subject; readonly values: readonly string[] }>;

/** `readerOf`: as for the routes' own conditions, so that a subject is read once. */
export function indexRoutes(
  routes: readonly (readonly Condition[])[],
  readerOf: (subject: Subject) => SubjectReader,
): RouteIndexNode {
  const wanted = routes.map(wantedOf);
  const build = (numbers: readonly number[], depth: number): RouteIndexNode => {
    const chosen = numbers.length > FEW && depth < MAX_DEPTH ? mostSelective(numbers, wanted) : undefined;
    if (chosen === undefined) return { kind: 'leaf', routes: numbers };
    const { name, subject } = chosen;
    const buckets = new Map<string, number[]>();
    const others: number[] = [];
    for (const number of numbers) {
      const values = wanted[number]?.get(name)?.values;
      if (values === undefined) others.push(number);
      for (const value of values ?? []) {
        const bucket = buckets.get(value);
        if (bucket === undefined) buckets.set(value, [number]);
        else bucket.push(number);
      }
    }
    // Routes in a bucket have nothing more to tell apart by this subject.
    return {
      kind: 'branch',
      first: numbers[0] as number,
      read: readerOf(subject),
      byValue: new Map([...buckets].map(([value, bucket]) => [value, build(bucket, depth + 1)])),
      others: build(others, depth + 1),
    };
  };
  return build(
    routes.map((_, number) => number),
    0,
  );
}

/** The lowest number below `best` of a route that `matches`, else `best`. */
export function firstMatch(
  node: RouteIndexNode,
  view: MessageView,
  matches: (route: number, view: MessageView) => boolean,
  best: number,
): number {
  if (node.kind === 'leaf') {
    for (const number of node.routes) {
      if (number >= best) return best;
      if (matches(number, view)) return number;
    }
    return best;
  }
  if (node.first >= best) return best;
  const bucket = node.byValue.get(node.read(view));
  const found = bucket === undefined ? best : firstMatch(bucket, view, matches, best);
  return firstMatch(node.others, view, matches, found);
}

function wantedOf(conditions: readonly Condition[]): Wanted {
  const wanted = new Map<string, { subject: Subject; values: readonly string[] }>();
  for (const { subject, test } of conditions) {
    const name = nameOf(subject);
    if (name === undefined || wanted.has(name)) continue;
    const tests = test.kind === 'any' ? test.tests : [test];
    const values = new Set<string>();
    for (const one of tests) if (one.kind === 'equals') values.add(one.value);
    // A list with anything else in it asks for more than these values, and a field that is absent reads as an empty one.
    if (values.size > 0 && !values.has('') && tests.every(({ kind }) => kind === 'equals'))
      wanted.set(name, { subject, values: [...values] });
  }
  return wanted;
}

/** Undefined: of a certificate, a name is one of several, and a fingerprint is written in several ways. */
function nameOf(subject: Subject): string | undefined {
  switch (subject.kind) {
    case 'field':
      return subject.path.text;
    case 'header':
    case 'cookie':
      return `${subject.kind}.${subject.name}`;
    case 'tls.san':
    case 'tls.fingerprint':
      return undefined;
    default:
      return subject.kind;
  }
}

/** The subject that leaves the fewest routes to try, on average over the values that routes ask for; undefined if none leaves fewer. */
function mostSelective(
  numbers: readonly number[],
  wanted: readonly Wanted[],
): { readonly name: string; readonly subject: Subject } | undefined {
  const counts = new Map<string, { subject: Subject; routes: number; byValue: Map<string, number> }>();
  for (const number of numbers) {
    for (const [name, { subject, values }] of wanted[number] ?? []) {
      const count = counts.get(name) ?? { subject, routes: 0, byValue: new Map<string, number>() };
      counts.set(name, count);
      count.routes++;
      for (const value of values) count.byValue.set(value, (count.byValue.get(value) ?? 0) + 1);
    }
  }
  let best: { readonly name: string; readonly subject: Subject } | undefined;
  let fewest = numbers.length;
  for (const [name, { subject, routes, byValue }] of counts) {
    let inBuckets = 0;
    for (const size of byValue.values()) inBuckets += size;
    const left = numbers.length - routes + inBuckets / byValue.size;
    const cost = subject.kind === 'field' && !isHeaderPath(subject.path) ? left * SEARCH_COST : left;
    if (cost < fewest) {
      best = { name, subject };
      fewest = cost;
    }
  }
  return best;
}
