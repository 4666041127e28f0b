// The routes of the config, from their sections to the typed result. Promises that each has either a pool or a rejection.
import type { Condition, RouteConfig } from '../config.ts';
import { REJECT_KEYS, ROUTE_HTTP_KEYS, ROUTE_KEYS } from '../keys/route.ts';
import { readSection, type Section } from '../read/section.ts';
import { suggestion } from '../source/closest.ts';
import { quoted } from '../source/problem.ts';
import { described, type ReadContext, type Tree } from '../source/value.ts';
import { readConditions } from './conditions.ts';
import { buildRouteHttp } from './http/route-http.ts';
import { readValidate } from './validate.ts';

interface Names {
  readonly listeners: readonly string[];
  readonly pools: readonly string[];
}

export function buildRoutes(tree: Tree | undefined, names: Names, reading: ReadContext): RouteConfig[] {
  if (tree?.kind !== 'list') return [];
  const taken = new Set<string>();
  return tree.items.map((item, index) => {
    const key = `routes[${index}]`;
    const section = readSection(item, ROUTE_KEYS, { key, place: item.place }, reading);
    const name = section.values.name ?? `route ${index + 1}`;
    if (taken.has(name)) section.error('name', 'another route before this one has the same name');
    taken.add(name);
    const when = readConditions(section.entries('when'), `${key}.when`, {
      ...reading,
      listeners: names.listeners,
    });
    if (item.kind === 'map' && section.has('to') === section.has('reject')) {
      section.error(section.has('to') ? 'reject' : '', 'a route has either "to" or "reject"');
    }
    const action = buildAction(section, when, names);
    const http = section.section('http', ROUTE_HTTP_KEYS);
    return {
      name,
      when,
      action,
      http: http && buildRouteHttp(http, reading),
      validate: readValidate(section, reading),
    };
  });
}

function buildAction(
  route: Section<typeof ROUTE_KEYS>,
  when: readonly Condition[],
  { pools }: Names,
): RouteConfig['action'] {
  const reject = route.section('reject', REJECT_KEYS);
  const [to] = route.scalars('to');
  // Without any pool, that there is none is the one thing to say.
  if (to !== undefined && pools.length > 0 && !pools.includes(to.text)) {
    const inFile = to.written === undefined;
    const name = inFile ? quoted(to.text) : `that ${described(to)}`;
    route.error('to', `no pool has the name ${name}${inFile ? suggestion(to.text, pools) : ''}`);
  }
  if (reject === undefined) return { kind: 'pool', pool: to?.text ?? '' };
  const { code, text, condition } = reject.values;
  return {
    kind: 'reject',
    code,
    text,
    condition: condition === 'auto' ? conditionOf(when) : Number(condition),
  };
}

/** F91, table 0357: a route that looks at a field of the header rejects what that field says. */
function conditionOf(when: readonly Condition[]): number {
  const paths = when.flatMap(({ subject }) => (subject.kind === 'field' ? [subject.path] : []));
  const named = (field: number): (typeof paths)[number] | undefined =>
    paths.find((path) => path.segment === 'MSH' && path.field === field);
  if (named(11) !== undefined) return 202;
  if (named(12) !== undefined) return 203;
  const type = named(9);
  if (type === undefined) return 207;
  return type.component === 1 ? 200 : 201;
}
