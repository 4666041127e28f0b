// Many routes cost as few, and the first match is the one that trying them all in order finds.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainReader } from '../../routing/condition.ts';
import { firstMatch, indexRoutes } from '../../routing/route-index.ts';
import { Router } from '../../routing/router.ts';
import type { Condition } from '../../src/config/config.ts';
import { HEADER_ONLY, UNREAD } from '../../src/hl7/field-query-plan.ts';
import {
  any,
  condition,
  equals,
  exists,
  not,
  posted,
  proxied,
  regex,
  request,
  route,
  view,
} from './views.ts';

const VALUES = ['A', 'B', 'C', 'D', 'É', ''];
const value = fc.constantFrom(...VALUES);
const test = fc.oneof(
  { weight: 5, arbitrary: value.map(equals) },
  {
    weight: 2,
    arbitrary: fc.array(value, { minLength: 1, maxLength: 3 }).map((some) => any(...some.map(equals))),
  },
  { weight: 1, arbitrary: value.map((one) => not(equals(one))) },
  { weight: 1, arbitrary: fc.boolean().map(exists) },
  { weight: 1, arbitrary: fc.constantFrom('A|B', '^C').map((source) => any(regex(source), equals('D'))) },
);
const SUBJECTS = [
  'MSH-3',
  'MSH-4',
  'MSH-9.1',
  'PID-3.1',
  'listener',
  'header.x-site',
  'cookie.site',
  'path',
  'tls.subject',
];
const when = fc.array(
  fc.tuple(fc.constantFrom(...SUBJECTS), test).map(([subject, one]) => condition(subject, one)),
  { maxLength: 3 },
);
const routes = fc
  .array(when, { maxLength: 60 })
  .map((all) => all.map((conditions, at) => route(String(at), ...conditions)));

const message = fc
  .tuple(value, value, value, value)
  .map(
    ([app, facility, type, id]) =>
      `MSH|^~\\&|${app}|${facility}|||2026||${type}^X|1|P|2.5||||||UNICODE UTF-8\rPID|1||${id}^^^H`,
  );
const http = fc
  .tuple(value, value)
  .map(([site, path]) => request({ path: `/${path}` }, { 'x-site': site, cookie: `site=${path}` }));
const views = fc.oneof(
  fc
    .tuple(message, fc.constantFrom('A', 'adt'), fc.option(value))
    .map(([text, listener, subject]) =>
      view(text, subject === null ? {} : { tls: { subject, san: [], fingerprint: '' } }, listener),
    ),
  http.map((one) => proxied(one)),
  fc.tuple(http, message).map(([one, text]) => posted(one, text)),
);

/** What the first route that holds is, by trying them all. */
function byWalking(router: Router, one: Parameters<Router['explain']>[0]): string | undefined {
  return router.explain(one).find(({ holds }) => holds)?.route.name;
}

describe('an index over routes', () => {
  it('finds what trying them all in order finds', () => {
    fc.assert(
      fc.property(routes, fc.array(views, { minLength: 1, maxLength: 4 }), (some, all) => {
        const router = new Router(some);
        for (const one of all) expect(router.decide(one)?.route.name).toBe(byWalking(router, one));
      }),
      { numRuns: 2_000 },
    );
  });

  it('asks nothing of a message of which the header alone has been read that trying in order does not', () => {
    const outcome = (find: () => string | undefined): unknown => {
      try {
        return find();
      } catch (thrown) {
        if (thrown !== UNREAD) throw thrown;
        return UNREAD;
      }
    };
    fc.assert(
      fc.property(routes, message, (some, text) => {
        const router = new Router(some);
        const one = { ...view(text), fields: HEADER_ONLY };
        // `explain` asks of the routes behind the first match as well: here they are tried one by one.
        const inOrder = outcome(() => {
          const found = some.find((each) => new Router([each]).decide(one) !== undefined);
          return found?.name;
        });
        expect(outcome(() => router.decide(one)?.route.name)).toBe(inOrder);
      }),
    );
  });
});

/** How many routes are tried for a message, and which is found. */
function tried(all: readonly (readonly Condition[])[], text: string): { tries: number; found: number } {
  const index = indexRoutes(all, plainReader);
  const single = all.map((conditions, at) => new Router([route(String(at), ...conditions)]));
  let tries = 0;
  const found = firstMatch(
    index,
    view(text),
    (number, one) => {
      tries++;
      return single[number]?.decide(one) !== undefined;
    },
    all.length,
  );
  return { tries, found };
}

const from = (facility: string, type = 'ORU'): string =>
  `MSH|^~\\&|LAB|${facility}|||2026||${type}^R01|1|P|2.5\rPID|1||7`;

describe('of 5,000 routes few are tried', () => {
  const sites = Array.from({ length: 5_000 }, (_, at) => `SITE${at}`);

  it('a site for each, and one for the rest', () => {
    const all = [...sites.map((site) => [condition('MSH-4', equals(site))]), []];
    expect(tried(all, from('SITE4321'))).toEqual({ tries: 1, found: 4321 });
    expect(tried(all, from('ELSEWHERE'))).toEqual({ tries: 1, found: 5_000 });
  });

  it('a type that all ask for first, and a site', () => {
    const all = sites.map((site) => [
      condition('MSH-9.1', equals('ORU')),
      condition('MSH-4', any(equals(site), equals(`${site}B`))),
    ]);
    expect(tried(all, from('SITE99B'))).toEqual({ tries: 1, found: 99 });
    expect(tried(all, from('SITE99', 'ADT')).found).toBe(5_000);
  });

  it('few values of each of two subjects', () => {
    const all = sites.map((_, at) => [
      condition('MSH-4', equals(`F${at % 70}`)),
      condition('MSH-9.1', equals(`T${Math.floor(at / 70)}`)),
    ]);
    const { tries, found } = tried(all, from('F3', 'T60'));
    expect(found).toBe(60 * 70 + 3);
    expect(tries).toBeLessThan(10);
  });

  it('some by one subject and some by another', () => {
    const all = sites.map((site, at) => [condition(at % 2 === 0 ? 'MSH-4' : 'MSH-3', equals(site))]);
    expect(tried(all, from('SITE4444'))).toEqual({ tries: 1, found: 4444 });
  });
});
