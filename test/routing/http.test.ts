// Routing of HTTP requests and of messages that came over HTTP: conditions, sticky keys, and what the two kinds of
// traffic do not share.
import { describe, expect, it } from 'vitest';
import { compileCondition } from '../../routing/condition.ts';
import { type MessageView, readSubject } from '../../routing/message-view.ts';
import { Router } from '../../routing/router.ts';
import { SenderPolicy } from '../../routing/sender-policy.ts';
import { stickyKey } from '../../routing/sticky-key.ts';
import type { ValueTest } from '../../src/config/config.ts';
import {
  any,
  cidr,
  condition,
  equals,
  exists,
  not,
  posted,
  proxied,
  regex,
  request,
  route,
  subject,
  view,
} from './views.ts';

const GET = request(
  { path: '/api/info' },
  { 'x-site': 'north', cookie: 'a=1; JSESSIONID=abc; b=2', 'x-empty': '' },
);

function holds(text: string, test: ValueTest, at: MessageView = proxied(GET)): boolean {
  return compileCondition(condition(text, test))(at);
}

describe('subjects of a request', () => {
  it.each<[string, string | undefined]>([
    ['method', 'GET'],
    ['host', 'vip.example'],
    ['path', '/api/info'],
    ['header.x-site', 'north'],
    ['header.x-empty', ''],
    ['header.x-none', undefined],
    ['header.constructor', undefined],
    ['cookie.JSESSIONID', 'abc'],
    ['cookie.b', '2'],
    ['cookie.jsessionid', undefined],
    ['listener', 'web'],
    ['source', '10.1.2.3'],
    ['MSH-3', undefined],
  ])('%s is %j', (text, value) => expect(readSubject(proxied(GET), subject(text))).toBe(value));

  it.each(['method', 'host', 'path', 'header.x-site', 'cookie.b'])(
    '%s is no part of a message by MLLP',
    (text) => {
      expect(readSubject(view(), subject(text))).toBeUndefined();
      expect(readSubject(posted(GET), subject(text))).toBeDefined();
    },
  );
});

describe('conditions on a request', () => {
  it.each<[string, ValueTest, boolean]>([
    ['method', equals('GET'), true],
    ['method', equals('get'), false],
    ['method', any(equals('POST'), equals('PUT')), false],
    ['method', not(any(equals('POST'), equals('PUT'))), true],
    ['host', equals('vip.example'), true],
    ['host', equals('example'), false],
    ['host', regex('\\.example$'), true],
    ['host', exists(), true],
    ['path', equals('/api/info'), true],
    ['path', equals('/api'), false],
    ['path', regex('^/api/'), true],
    ['path', regex('^/API/'), false],
    ['path', regex('^/API/', 'i'), true],
    ['path', any(equals('/'), regex('fo$')), true],
    ['header.x-site', equals('north'), true],
    ['header.x-site', equals('North'), false],
    ['header.x-site', any(equals('south'), equals('north')), true],
    ['header.x-site', not(equals('north')), false],
    ['header.x-site', exists(), true],
    ['header.x-site', exists(false), false],
    ['header.x-none', equals(''), false],
    ['header.x-none', regex('.*'), false],
    ['header.x-none', any(equals('')), false],
    ['header.x-none', not(equals('north')), true],
    ['header.x-none', exists(), false],
    ['header.x-none', exists(false), true],
    ['header.x-empty', exists(), false],
    ['header.x-empty', exists(false), true],
    ['cookie.b', equals('2'), true],
    ['cookie.c', exists(), false],
  ])('%s %j: %j, of a message as well', (text, test, expected) => {
    expect(holds(text, test)).toBe(expected);
    expect(holds(text, test, posted(GET))).toBe(expected);
  });

  it.each(['method', 'host', 'path', 'header.x-site', 'cookie.b'])(
    '%s holds for no message by MLLP, whatever it asks',
    (text) => {
      const tests = [
        equals('GET'),
        not(equals('x')),
        exists(),
        exists(false),
        not(exists()),
        regex('.*'),
        any(equals('')),
        any(not(equals('x'))),
      ];
      expect(tests.map((test) => holds(text, test, view()))).toEqual(tests.map(() => false));
    },
  );

  it.each(['MSH-3', 'MSH-11', 'ZZZ-1'])(
    '%s holds for no request that is no message, whatever it asks',
    (text) => {
      const tests = [
        equals('LAB'),
        not(equals('x')),
        exists(),
        exists(false),
        not(exists()),
        equals(''),
        regex('.*'),
        any(not(equals('x'))),
      ];
      expect(tests.map((test) => holds(text, test))).toEqual(tests.map(() => false));
      expect(holds(text, not(equals('x')), posted(GET))).toBe(true);
    },
  );

  it('listener, source and TLS identities are of both', () => {
    const tls = { subject: 'CN=lab', san: ['lab.example'], fingerprint: 'AB' };
    for (const at of [proxied(GET, { tls }), { ...posted(GET), peer: { ...proxied(GET).peer, tls } }]) {
      expect(holds('listener', equals('web'), at)).toBe(true);
      expect(holds('source', cidr('10.1.0.0/16'), at)).toBe(true);
      expect(holds('tls.san', equals('lab.example'), at)).toBe(true);
      expect(holds('tls.subject', equals('CN=lab'), at)).toBe(true);
    }
    expect(holds('tls.san', not(equals('lab.example')))).toBe(true);
  });

  it('F75 a regex on a path takes time in proportion to it', () => {
    const match = compileCondition(condition('path', regex('^/(a+)+$')));
    expect(match(proxied(request({ path: `/${'a'.repeat(50_000)}!` })))).toBe(false);
    expect(match(proxied(request({ path: `/${'a'.repeat(50_000)}` })))).toBe(true);
  });
});

describe('routes', () => {
  const noTests = route('no tests', condition('MSH-11', not(equals('P'))));
  const api = route('api', condition('path', regex('^/api/')), condition('method', not(equals('POST'))));
  const labs = route('labs', condition('path', equals('/hl7')), condition('MSH-9.1', equals('ORU')));
  const web = route('web', condition('host', exists()));
  const rest = route('rest');
  const router = new Router([noTests, api, labs, web, rest]);
  const taken = (at: MessageView): string | undefined => router.decide(at)?.route.name;

  it('take each kind of traffic by what it has', () => {
    const post = (path: string) => request({ method: 'POST', path });
    expect(taken(proxied(GET))).toBe('api');
    expect(taken(proxied(post('/api/info')))).toBe('web');
    expect(taken(proxied(post('/hl7')))).toBe('web');
    expect(taken(posted(post('/hl7')))).toBe('labs');
    expect(taken(posted(post('/other')))).toBe('web');
    expect(taken(posted(post('/hl7'), 'MSH|^~\\&|A|B|||1||ORU^R01|1|T|2.5'))).toBe('no tests');
    expect(taken(view())).toBe('rest');
  });

  it('are explained', () => {
    expect(router.explain(proxied(GET)).map(({ holds: one, failed }) => failed?.text ?? one)).toEqual([
      'MSH-11',
      true,
      'path',
      true,
      true,
    ]);
    expect(router.explain(view()).map(({ holds: one, failed }) => failed?.text ?? one)).toEqual([
      'MSH-11',
      'path',
      'path',
      'host',
      true,
    ]);
  });

  it('a field that was read of one message is not that of the request after it', () => {
    const one = new Router([route('lab', condition('MSH-3', equals('LAB'))), rest]);
    const names = [view(), proxied(GET), posted(GET), proxied(GET)].map((at) => one.decide(at)?.route.name);
    expect(names).toEqual(['lab', 'rest', 'lab', 'rest']);
  });
});

describe('sticky keys', () => {
  const key = (at: MessageView, ...by: string[]): string | undefined => stickyKey(at, by.map(subject));

  it('of requests', () => {
    expect(key(proxied(GET), 'cookie.JSESSIONID')).toBe('abc');
    expect(key(proxied(GET), 'header.x-site', 'source')).toBe('north|10.1.2.3');
    expect(key(proxied(GET), 'method', 'host', 'path')).toBe('GET|vip.example|/api/info');
    expect(key(proxied(GET), 'header.x-none', 'MSH-3')).toBeUndefined();
    expect(key(proxied(GET), 'header.x-none', 'host')).toBe('|vip.example');
  });

  it('escape what joins them', () => {
    const at = proxied(request({}, { 'x-a': 'a|b', 'x-b': 'c\\' }));
    expect(key(at, 'header.x-a', 'header.x-b')).toBe('a\\|b|c\\\\');
  });

  it('of messages over HTTP, and by MLLP', () => {
    expect(key(posted(GET), 'MSH-3', 'header.x-site')).toBe('LAB|north');
    expect(key(view(), 'MSH-3', 'header.x-site')).toBe('LAB|');
    expect(key(view(), 'header.x-site', 'cookie.b', 'method')).toBeUndefined();
  });

  it('of a cookie without a pool key are none', () => {
    expect(key(proxied(GET))).toBeUndefined();
  });
});

it('an allow rule on fields permits messages over HTTP, and no request', () => {
  const allowance = new SenderPolicy([
    [condition('source', cidr('10.1.0.0/16')), condition('MSH-3', equals('LAB'))],
  ]);
  expect([view(), posted(GET), proxied(GET)].map((at) => allowance.permits(at))).toEqual([true, true, false]);
});
