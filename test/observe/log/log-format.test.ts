// The three formats of a line of the log; and lines that may come without end.
import { expect, test, vi } from 'vitest';
import { formatted } from '../../../src/observe/log/log-format.ts';
import { Repeats } from '../../../src/observe/log/repeats.ts';

const LINE = `${JSON.stringify({
  level: 'warn',
  time: '2026-11-30T10:15:03.123Z',
  trace_id: '0af7',
  source: '10.0.0.7',
  'client.port': 4711,
  code: 'GW_ERR_NODE_CONNECT',
  pool: 'adt',
  totalMs: 1.5,
  msg: 'message',
})}\n`;

test('json is the line as it is', () => {
  expect(formatted(LINE, 'json', true)).toBe(LINE);
});

test('ecs has the names of the Elastic Common Schema, and all others under hl7_gateway', () => {
  expect(JSON.parse(formatted(LINE, 'ecs', true))).toMatchObject({
    '@timestamp': '2026-11-30T10:15:03.123Z',
    'log.level': 'warn',
    message: 'message',
    'trace.id': '0af7',
    'client.ip': '10.0.0.7',
    'client.port': 4711,
    'error.code': 'GW_ERR_NODE_CONNECT',
    'event.duration': 1_500_000,
    'ecs.version': expect.stringMatching(/^8\./),
    'service.name': 'hl7-gateway',
    hl7_gateway: { pool: 'adt', totalMs: 1.5 },
  });
});

test('text is for people, with colours where they are wanted', () => {
  const fields =
    'trace_id=0af7 source=10.0.0.7 client.port=4711 code=GW_ERR_NODE_CONNECT pool=adt totalMs=1.5';
  expect(formatted(LINE, 'text', false)).toBe(`10:15:03.123 warn  message  ${fields}\n`);
  expect(formatted(LINE, 'text', true)).toBe(`10:15:03.123 \x1b[33mwarn \x1b[0m message  ${fields}\n`);
});

test('lines that repeat are limited for each cause, and it is told how many were left out', () => {
  vi.useFakeTimers();
  try {
    const repeats = new Repeats(3, 1_000, () => Date.now());
    const told: string[] = [];
    const admitted = (cause: string): boolean =>
      repeats.admits(cause, (n) => void told.push(`${cause} ${n}`));
    expect([1, 2, 3, 4, 5].map(() => admitted('a'))).toEqual([true, true, true, false, false]);
    expect(admitted('b')).toBe(true);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual(['a 2']);
    expect(admitted('a')).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual(['a 2']);
  } finally {
    vi.useRealTimers();
  }
});
