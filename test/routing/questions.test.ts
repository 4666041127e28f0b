// What is asked of a message in a parse worker: with the answers routing decides as it does on the message itself.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldQueries } from '../../routing/field-queries.ts';
import type { MessageView } from '../../routing/message-view.ts';
import { Router } from '../../routing/router.ts';
import { SenderPolicy } from '../../routing/sender-policy.ts';
import { stickyKey } from '../../routing/sticky-key.ts';
import type { Condition, PoolConfig } from '../../src/config/config.ts';
import { HEADER_ONLY, type MessageRead, UNREAD } from '../../src/hl7/field-query-plan.ts';
import { findHeader, readHeader, sendingEnvelopes } from '../../src/hl7/header.ts';
import { LONG_VALUE, readFields } from '../../src/hl7/parse-tasks/fields.ts';
import { share } from '../../src/hl7/shared-bytes.ts';
import { any, condition, equals, exists, not, regex, route, subject, view } from './views.ts';

const pools = (...by: string[]): PoolConfig[] => {
  const persistence = { by: by.map(subject), mode: 'hash', idleMs: 1, maxSenders: 1 } as const;
  return [{ persistence } as unknown as PoolConfig];
};

/** What a worker says of a message. */
function readOf(
  message: string,
  questions: FieldQueries,
  allowance?: SenderPolicy,
  batch: 'whole' | 'refuse' = 'whole',
) {
  const questionnaire = questions.of({ batch, allowance });
  const payload = share(Buffer.from(message));
  const input = structuredClone({ payload, charset: undefined, asked: questionnaire.asked });
  return questionnaire.answered(structuredClone(readFields(input)));
}

const LONG = 'x'.repeat(LONG_VALUE);
const MESSAGES = [
  'MSH|^~\\&|LAB|NORTH|||20260101||ORU^R01|42|P|2.5.1\rPID|1||11^^^HOSP\rOBX|1|TX|||a\\T\\b',
  'MSH|^~\\&|LAB|SOUTH|||20260101||ADT^A01|42|P|2.5.1\nPID|1||\nOBX|1|TX|||\nOBX|2|TX|||urgent',
  `MSH|^~\\&|X|NORTH|||||ORU|1\rPID|1||${LONG}^^^HOSP\rOBX|1|TX|||${LONG}urgent${LONG}\rOBX|2|TX|||${LONG}`,
  `MSH|^~\\&|X|NORTH|||||ORU|1\rOBX|1|TX|||${LONG}a\rOBX|2|TX|||${LONG}b`,
  'FHS|^~\\&|F\rMSH|^~\\&|LAB|NORTH|||||ADT|1\rPID|1||11\rMSH|^~\\&|LAB|SOUTH|||||ORU|2\rPID|1||22\r',
  'MSH|^~\\&|LAB|NORTH|||||ADT|1\rPID|1||11\rMSH|^~\\&|LAB|NORTH|||||ADT|2\rPID|1||11\rMSHa|^~\\&|LAB',
];

const tests = fc.oneof(
  fc.constantFrom('11', 'a&b', 'urgent', 'NORTH', 'LAB', LONG, `${LONG}a`).map(equals),
  fc.constantFrom(true, false).map(exists),
  fc.constantFrom('urgent', '^x+$', '^1', 'a$', 'nothing').map((source) => regex(source)),
);
const someTest = fc.oneof(
  tests,
  tests.map((test) => not(test)),
  fc.array(tests, { minLength: 1, maxLength: 3 }).map((some) => any(...some)),
);
const PATHS = ['MSH-3', 'MSH-9.1', 'PID-3.1', 'PID-3.4', 'PID-3', 'OBX-5', 'OBX[2]-5', 'ZPI-1', 'MSH[2]-3'];
const conditions: fc.Arbitrary<Condition> = fc
  .tuple(fc.constantFrom(...PATHS), someTest)
  .map(([path, test]) => condition(path, test));

describe('with the answers of a worker', () => {
  it('any routes decide as they do on the message itself', () => {
    let deep = 0;
    const property = fc.property(
      fc.constantFrom(...MESSAGES),
      fc.array(fc.array(conditions, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.constantFrom(...PATHS), { minLength: 1, maxLength: 3 }),
      (message, whens, keys) => {
        const routes = whens.map((when, i) => route(`r${i}`, ...when));
        const here: MessageView = view(message);
        const there = { ...here, fields: readOf(message, new FieldQueries(routes, pools(...keys))) };
        const router = new Router(routes);
        expect(router.decide(there)?.route.name).toBe(router.decide(here)?.route.name);
        expect(stickyKey(there, keys.map(subject))).toBe(stickyKey(here, keys.map(subject)));
        if (router.decide(here) !== undefined) deep++;
      },
    );
    fc.assert(property, { numRuns: 1_500 });
    expect(deep).toBeGreaterThan(500);
  });

  it('any allowance permits what it permits on the messages themselves', () => {
    let permitted = 0;
    let refused = 0;
    const property = fc.property(
      fc.constantFrom(...MESSAGES.slice(0, -1)),
      fc.array(fc.array(conditions, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
      (message, rules) => {
        const allowance = new SenderPolicy(rules);
        const here = view(message);
        const { bytes, end } = here.header ?? readHeader(Buffer.from(message, 'latin1'));
        let expected = allowance.permits(here);
        for (let at = findHeader(bytes, end - 1); at >= 0; at = findHeader(bytes, at))
          expected &&= allowance.permits({ ...here, header: readHeader(bytes.subarray(at)) });
        if (here.header !== undefined)
          for (const envelope of sendingEnvelopes(here.header))
            expected &&= allowance.permits({ ...here, envelope });
        const fields = readOf(message, new FieldQueries([], []), allowance);
        const got = fields.ofEach.every((one) => allowance.permits({ ...here, fields: one }));
        expect(got).toBe(expected);
        if (got) permitted++;
        else refused++;
      },
    );
    fc.assert(property, { numRuns: 1_000 });
    expect(Math.min(permitted, refused)).toBeGreaterThan(100);
  });
});

describe('what is asked', () => {
  const askedOf = (...when: Condition[]): unknown =>
    new FieldQueries([route('r', ...when)], []).of({ batch: 'whole', allowance: undefined }).asked.ofRouting;

  it('each path once, none of the header', () => {
    const when = [
      condition('MSH-9.1', equals('ADT')),
      condition('OBX-5', regex('a', 'i')),
      condition('OBX-5', not(any(regex('a', 'i'), regex('b')))),
      condition('PID-3', exists()),
      condition('listener', equals('adt')),
    ];
    expect(askedOf(...when)).toEqual([
      {
        path: 'OBX-5',
        keep: LONG_VALUE + 1,
        regexes: [
          { source: 'a', flags: 'i' },
          { source: 'b', flags: '' },
        ],
      },
      { path: 'PID-3', keep: LONG_VALUE + 1, regexes: [] },
    ]);
  });

  it('of a value as much as tells it from all that it is compared with; of a sticky key all', () => {
    const when = [condition('OBX-5', any(equals('y'.repeat(9000)), equals('z')))];
    expect(askedOf(...when)).toMatchObject([{ keep: 9001 }]);
    const questions = new FieldQueries([route('r', ...when)], pools('OBX-5', 'MSH-3'));
    expect(questions.of({ batch: 'whole', allowance: undefined }).asked.ofRouting).toMatchObject([
      { path: 'OBX-5', keep: undefined },
    ]);
  });

  it('the same of every message of a listener, and something else of another’s', () => {
    const questions = new FieldQueries([], []);
    const one = new SenderPolicy([[condition('MSH-3', equals('A'))]]);
    const of = (allowance: SenderPolicy | undefined, batch: 'whole' | 'refuse' = 'whole') =>
      questions.of({ batch, allowance }).asked;
    expect(of(one)).toBe(of(one));
    const all = [of(one), of(new SenderPolicy([])), of(undefined), of(undefined, 'refuse')];
    expect(new Set(all.map(({ id }) => id)).size).toBe(4);
    expect(of(one).ofEach).toMatchObject([{ path: 'MSH-3' }]);
    expect(all.map(({ further }) => further)).toEqual([false, false, false, true]);
  });

  it.each([
    ['a path beyond the header', [condition('PID-3', exists())], [], {}, true],
    ['a key beyond the header', [], ['PID-3.4'], {}, true],
    ['an allowance', [], [], { allow: [] }, true],
    ['that a frame holds one message', [], [], { batch: 'refuse' as const }, true],
    ['the header alone', [condition('MSH-9', exists())], ['MSH-3'], {}, false],
  ])('%s', (_name, when, keys, listener, isDeep) => {
    const questions = new FieldQueries([route('r', ...when)], pools(...keys));
    expect(questions.isDeep({ batch: 'whole', allow: undefined, ...listener })).toBe(isDeep);
  });
});

describe('what a worker says', () => {
  it('of a long value its beginning and what it matches, no more', () => {
    const when = [condition('OBX-5', any(regex('urgent'), regex('nothing')))];
    const questions = new FieldQueries([route('r', ...when)], []);
    const { asked } = questions.of({ batch: 'whole', allowance: undefined });
    const message = `MSH|^~\\&|A\rOBX|1|TX|||${LONG}${LONG}urgent`;
    expect(readFields({ payload: share(Buffer.from(message)), charset: undefined, asked }).ofRouting).toEqual(
      [{ text: 'x'.repeat(LONG_VALUE + 1), matches: [true, false] }],
    );
  });

  it('of a batch of many messages of one sender its fields once', () => {
    const allowance = new SenderPolicy([[condition('MSH-3', equals('LAB'))]]);
    const message = 'MSH|^~\\&|LAB\rPID|1\r'.repeat(1000);
    const fields = readOf(message, new FieldQueries([], []), allowance);
    expect(fields.ofEach).toHaveLength(1);
    expect(readOf(`${message}MSH|^~\\&|OTHER`, new FieldQueries([], []), allowance).ofEach).toHaveLength(2);
  });

  it('by the charset that goes before MSH-18', () => {
    const questions = new FieldQueries([route('r', condition('PID-5', exists()))], []);
    const { asked } = questions.of({ batch: 'whole', allowance: undefined });
    const payload = share(Buffer.from('MSH|^~\\&|A\rPID|1||||\xe1', 'latin1'));
    const texts = [undefined, 'iso-8859-7'].map(
      (charset) => readFields({ payload, charset, asked }).ofRouting[0]?.text,
    );
    expect(texts).toEqual(['á', 'α']);
  });

  it.each([
    ['MSH|^~\\&|A\rPID|1', false],
    ['MSH|^~\\&|A\rPID|1\rMSH|^~\\&|B', true],
  ])('whether there is a second header: %j', (message, further) => {
    expect(readOf(message, new FieldQueries([], []), undefined, 'refuse').hasFurtherHeader).toBe(further);
  });

  it('what the first header behind that is none is refused with, and those before it', () => {
    const allowance = new SenderPolicy([[condition('MSH-3', equals('A'))]]);
    const message = 'MSH|^~\\&|A\rMSH|^~\\&|B\rMSHa|\rMSH|^~\\&|C';
    const fields = readOf(message, new FieldQueries([], []), allowance);
    expect([fields.refusal, fields.ofEach.length]).toEqual(['GW_ERR_HEADER_DELIMITERS', 2]);
  });
});

describe('where only the header has been read', () => {
  const header = readHeader(Buffer.from(MESSAGES[0] as string));
  const path = (text: string) => {
    const one = subject(text);
    if (one.kind !== 'field') throw new Error(text);
    return one.path;
  };
  const thrownBy = (ask: (fields: MessageRead) => unknown): unknown => {
    try {
      return ask(HEADER_ONLY);
    } catch (thrown) {
      return thrown;
    }
  };

  it('the header answers, and all else says that it is unread', () => {
    expect(thrownBy((fields) => fields.text(header, path('MSH-9.1')))).toBe('ORU');
    expect(thrownBy((fields) => fields.text(header, path('PID-3')))).toBe(UNREAD);
    expect(thrownBy((fields) => fields.text(header, path('MSH[2]-3')))).toBe(UNREAD);
    expect(thrownBy((fields) => fields.hasFurtherHeader)).toBe(UNREAD);
    expect(thrownBy((fields) => fields.ofEach)).toBe(UNREAD);
  });

  it('a route that needs no more is taken', () => {
    const router = new Router([
      route('reports', condition('MSH-9.1', equals('ORU'))),
      route('deep', condition('PID-3', exists())),
    ]);
    expect(router.decide({ ...view(), fields: HEADER_ONLY })?.route.name).toBe('reports');
    const other = { ...view(MESSAGES[1]), fields: HEADER_ONLY };
    expect(() => router.decide(other)).toThrow(expect.toSatisfy((thrown: unknown) => thrown === UNREAD));
  });
});
