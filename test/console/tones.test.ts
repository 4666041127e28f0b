// Which colour and which word a state has.
import { expect, test } from 'vitest';
import {
  endOf,
  toneOfDays,
  toneOfMessage,
  toneOfPool,
  toneOfState,
  traceLink,
  wordOfCondition,
  wordOfPool,
} from '../../console/words/tones.ts';

const message = (part: object) => ({ outcome: 'answered', ...part }) as Parameters<typeof toneOfMessage>[0];

test.each([
  [{ reply: 'AA' }, 'good', 'AA'],
  [{ reply: 'CA' }, 'good', 'CA'],
  [{ reply: '200' }, 'good', '200'],
  [{ reply: 'AE' }, 'warn', 'AE'],
  [{ reply: '503' }, 'warn', '503'],
  [{ reply: 'AR', code: 'GW_ERR_NO_NODE', outcome: 'failed' }, 'bad', 'AR'],
  [{ code: 'GW_ERR_SENDER_GONE', outcome: 'abandoned' }, 'bad', 'GW_ERR_SENDER_GONE'],
  [{ outcome: 'unanswered' }, 'warn', 'unanswered'],
  [{ outcome: undefined }, 'warn', '–'],
])('of a message %j: %s, %s', (part, tone, word) => {
  expect([toneOfMessage(message(part)), endOf(message(part))]).toEqual([tone, word]);
});

test('of nodes, pools and certificates', () => {
  expect([toneOfState('up'), toneOfState('down'), toneOfState('down', true)]).toEqual([
    'good',
    'bad',
    'warn',
  ]);
  expect([toneOfDays(-1), toneOfDays(6), toneOfDays(29), toneOfDays(30)]).toEqual([
    'bad',
    'bad',
    'warn',
    'good',
  ]);
  const pool = (availableNodes: number) =>
    ({ available: availableNodes > 0, nodes: 3, availableNodes }) as Parameters<typeof toneOfPool>[0];
  expect([0, 2, 3].map((n) => [toneOfPool(pool(n)), wordOfPool(pool(n))])).toEqual([
    ['bad', 'unavailable'],
    ['warn', '2 of 3'],
    ['good', 'up'],
  ]);
});

test('what is wrong is counted', () => {
  expect([wordOfCondition('ok', 0), wordOfCondition('degraded', 1), wordOfCondition('degraded', 4)]).toEqual([
    'All well',
    '1 thing wants a look',
    '4 things want a look',
  ]);
});

test('a trace is a link to an address of the web, and to nothing else', () => {
  expect(traceLink('http://jaeger:16686/', 'ab12')).toBe('http://jaeger:16686/trace/ab12');
  expect(traceLink('https://jaeger/ui', '../x')).toBe('https://jaeger/ui/trace/..%2Fx');
  expect(traceLink('https://grafana/explore?id={traceId}', '../x')).toBe('https://grafana/explore?id=..%2Fx');
  for (const ui of ['javascript:alert(1)', 'data:text/html,x', '//evil', undefined])
    expect(traceLink(ui, 'ab12')).toBeUndefined();
  expect(traceLink('http://jaeger', undefined)).toBeUndefined();
});
