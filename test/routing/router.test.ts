// Routes: the first match wins, explanations name what failed, and no message makes a router throw.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Router } from '../../routing/router.ts';
import { any, cidr, condition, equals, exists, not, ORU, regex, route, view } from './views.ts';

const isOru = condition('MSH-9.1', equals('ORU'));
const isAdt = condition('MSH-9.1', equals('ADT'));
const fromNorth = condition('MSH-4', any(equals('NORTH'), equals('SOUTH')));

describe('decide', () => {
  it('takes the first route whose conditions all hold', () => {
    const router = new Router([route('a', isOru, isAdt), route('b', isOru, fromNorth), route('c', isOru)]);
    expect(router.decide(view())?.route.name).toBe('b');
    expect(router.decide(view(ORU.replace('NORTH', 'EAST')))?.route.name).toBe('c');
    expect(router.decide(view(ORU.replace('ORU', 'ADT')))).toBeUndefined();
  });

  it('a route without conditions takes everything', () => {
    expect(new Router([route('a', isAdt), route('rest')]).decide(view())?.route.name).toBe('rest');
  });

  it('without routes there is no decision', () => {
    expect(new Router([]).decide(view())).toBeUndefined();
  });

  it('hands out the very route of the config', () => {
    const config = route('a');
    expect(new Router([config]).decide(view())?.route).toBe(config);
  });

  it('reads each message anew, also where many conditions name one field', () => {
    const router = new Router(
      ['ADT', 'ORU', 'ORM'].map((type) => route(type, condition('MSH-9.1', equals(type)))),
    );
    for (const type of ['ORM', 'ADT', 'ADT', 'ORU', 'ORM']) {
      expect(router.decide(view(ORU.replace('ORU', type)))?.route.name).toBe(type);
    }
    const long = 'x'.repeat(1_000);
    const first = new Router([
      route('a', condition('MSH-3', equals('a'))),
      route('b', condition('MSH-3', equals(long))),
    ]);
    const names = ['a', long, 'a', 'c'].map((value) => first.decide(view(`MSH|^~\\&|${value}`))?.route.name);
    expect(names).toEqual(['a', 'b', 'a', undefined]);
  });
});

describe('explain', () => {
  it('says of each route whether it holds, and else which condition failed first', () => {
    const routes = [route('a', isOru, isAdt, fromNorth), route('b', isOru), route('c'), route('d', isAdt)];
    const router = new Router(routes);
    expect(router.explain(view())).toEqual([
      { route: routes[0], holds: false, failed: isAdt },
      { route: routes[1], holds: true },
      { route: routes[2], holds: true },
      { route: routes[3], holds: false, failed: isAdt },
    ]);
  });

  it('agrees with decide', () => {
    const router = new Router([route('a', isAdt), route('b', fromNorth)]);
    for (const message of [ORU, ORU.replace('ORU', 'ADT'), ORU.replace('NORTH', 'EAST')]) {
      const first = router.explain(view(message)).find(({ holds }) => holds);
      expect(router.decide(view(message))?.route).toBe(first?.route);
    }
  });
});

describe('any message', () => {
  it('gets a decision or none', () => {
    const texts = [
      'MSH-1',
      'MSH-2',
      'MSH-9.1',
      'MSH[2]-3',
      'PID-3[2].4.1',
      'OBX[3]-5',
      'ZPI-1',
      'source',
      'tls.san',
      'tls.subject',
      'listener',
    ];
    const tests = [
      equals('A'),
      not(equals('A')),
      exists(),
      regex('^(a|b)+$', 'ims'),
      any(equals('x'), regex('y')),
      cidr('10.0.0.0/8'),
    ];
    const conditions = fc
      .tuple(fc.constantFrom(...texts), fc.constantFrom(...tests))
      .map(([text, test]) => condition(text, test));
    const routes = fc.array(
      fc.array(conditions, { maxLength: 3 }).map((when) => route('r', ...when)),
      { maxLength: 3 },
    );
    const heads = fc.constantFrom(
      'MSH|^~\\&|',
      'MSH#!@%*#',
      'MSH||',
      'FHS|^~\\&|',
      'MSH|^~\\&||||||||||||||||GB 18030-2000\rPID|',
    );
    const property = fc.property(
      routes,
      heads,
      fc.uint8Array({ maxLength: 100 }),
      fc.string(),
      (config, head, bytes, address) => {
        const router = new Router(config);
        const message = view(Buffer.concat([Buffer.from(head), bytes]), { address });
        const decision = router.decide(message);
        expect(decision?.route).toBe(router.explain(message).find(({ holds }) => holds)?.route);
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });
});
