// A simulated server's state: phases by the clock, channels, and how both are written on a command line.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  MirthState,
  type MirthStateOptions,
  parseChannel,
  parsePhases,
} from '../../../src/tools/simulation/api/mirth-state.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function stateOf({ phases = [], channels = [] }: Partial<MirthStateOptions>) {
  const state = new MirthState({ phases, channels });
  const seen: number[] = [];
  state.onChange = () => void seen.push(state.status);
  return { state, seen };
}

test('phases follow each other by the clock, which begins with start', () => {
  const { state, seen } = stateOf({ phases: parsePhases('2@2s,3@500ms,0') ?? [] });
  vi.advanceTimersByTime(10_000);
  expect(state.status).toBe(2);
  state.start();
  vi.advanceTimersByTime(1_999);
  expect(seen).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(seen).toEqual([3]);
  vi.advanceTimersByTime(500);
  expect([seen, vi.getTimerCount()]).toEqual([[3, 0], 0]);
  expect(state.status).toBe(0);
});

test('what is asked for takes the place of what was to come, and stop ends it', () => {
  const { state, seen } = stateOf({ phases: parsePhases('2@2s,0') ?? [] });
  state.start();
  state.run(parsePhases('1@1s,3@1s,0') ?? []);
  vi.advanceTimersByTime(1_000);
  expect(seen).toEqual([1, 3]);
  state.stop();
  vi.advanceTimersByTime(10_000);
  expect([seen, vi.getTimerCount()]).toEqual([[1, 3], 0]);
});

test('messages are taken at status 0 while the first channel is started', () => {
  const { state } = stateOf({
    channels: [
      ['ADT', 'STARTED'],
      ['LAB', 'STOPPED'],
    ],
  });
  expect(state.takesMessages).toBe(true);
  for (const other of ['STOPPED', 'PAUSED', 'STARTING', null]) {
    state.setChannel('ADT', other);
    state.setChannel('LAB', 'STARTED');
    expect(state.takesMessages).toBe(false);
  }
  state.setChannel('ADT', 'STARTED');
  for (const status of [1, 2, 3]) {
    state.run([{ status, forMs: undefined }]);
    expect(state.takesMessages).toBe(false);
  }
  state.run([{ status: 0, forMs: undefined }]);
  expect(state.takesMessages).toBe(true);
});

describe('--api-status', () => {
  test.each([
    ['0', [{ status: 0, forMs: undefined }]],
    [
      '2@1s, 0',
      [
        { status: 2, forMs: 1000 },
        { status: 0, forMs: undefined },
      ],
    ],
  ])('%j', (text, phases) => expect(parsePhases(text)).toEqual(phases));

  test.each([
    '',
    '4',
    '-1',
    'ok',
    '2@2',
    '0@1s',
    '2,0',
    '2@2s',
    '2@2s,',
    '2@600h,0',
    `${'2@1s,'.repeat(100)}0`,
  ])('%j is none', (text) => expect(parsePhases(text)).toBeUndefined());
});

describe('--api-channel', () => {
  test.each([
    ['ADT', ['ADT', 'STARTED']],
    ['ADT in=STOPPED', ['ADT in', 'STOPPED']],
  ])('%j', (text, channel) => expect(parseChannel(text)).toEqual(channel));

  test.each(['', '=STARTED', 'ADT=', 'ADT=started', 'ADT=GONE', 'a\nb', 'x'.repeat(201), 'a=b=STARTED'])(
    '%j is none',
    (text) => expect(parseChannel(text)).toBeUndefined(),
  );
});
