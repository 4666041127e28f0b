// Each event comes once to each observer, in the order of the list; one that fails keeps nothing from anybody.
import { describe, expect, test } from 'vitest';
import { type Observer, Observers, type SenderFault } from '../../src/observe/observer.ts';
import type { ProxiedRequest } from '../../src/relay/http-scheduler.ts';
import type { Message } from '../../src/relay/message.ts';

const MESSAGE = { serial: 1 } as unknown as Message;
const REQUEST = { method: 'GET' } as unknown as ProxiedRequest;
const FAULT = { listener: 'in' } as unknown as SenderFault;
const PEER = { address: '10.0.0.9', port: 1 };

const EVENTS: { readonly [E in keyof Required<Observer>]: Parameters<Required<Observer>[E]> } = {
  onMessage: [MESSAGE],
  onReply: [MESSAGE, true],
  onRequest: [REQUEST],
  onFault: [FAULT],
  onFraming: ['in', PEER, 'UTF-16LE'],
  onOperator: ['SIGHUP', { kind: 'reload', error: undefined, changed: [] }],
};
const NAMES = Object.keys(EVENTS) as (keyof Observer)[];

type Call = readonly [name: string, event: string, ...values: unknown[]];

function recorder(name: string, calls: Call[], fails = false): Required<Observer> {
  const made = NAMES.map((event) => [
    event,
    (...values: unknown[]): void => {
      calls.push([name, event, ...values]);
      if (fails) throw new Error(name);
    },
  ]);
  return Object.fromEntries(made) as Required<Observer>;
}

function tell(observers: Observers, event: keyof Observer): void {
  (observers[event] as (...values: readonly unknown[]) => void)(...EVENTS[event]);
}

describe.each(NAMES)('%s', (event) => {
  test('comes once to each, in the order of the list', () => {
    const calls: Call[] = [];
    const observers = new Observers([recorder('a', calls), recorder('b', calls)], () => expect.unreachable());
    tell(observers, event);
    expect(calls).toEqual([
      ['a', event, ...EVENTS[event]],
      ['b', event, ...EVENTS[event]],
    ]);
  });

  test('does not concern an observer that has no word for it', () => {
    const calls: Call[] = [];
    tell(new Observers([{}, recorder('b', calls)], () => expect.unreachable()), event);
    expect(calls.map(([name]) => name)).toEqual(['b']);
  });

  test('an observer that throws is named, and the others are told', () => {
    const calls: Call[] = [];
    const failed: unknown[] = [];
    const list = [recorder('a', calls, true), recorder('b', calls, true), recorder('c', calls)];
    const observers = new Observers(list, (observer, what, thrown) => failed.push([observer, what, thrown]));
    tell(observers, event);
    expect(calls.map(([name]) => name)).toEqual(['a', 'b', 'c']);
    expect(failed).toEqual([
      [list[0], event, new Error('a')],
      [list[1], event, new Error('b')],
    ]);
  });
});
