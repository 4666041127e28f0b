// Each event comes once to each observer, in the order of the list; one that fails keeps nothing from anybody.
import { describe, expect, test } from 'vitest';
import { createLog } from '../../src/observe/log/log.ts';
import { type Observer, Observers, type SenderFault } from '../../src/observe/observer.ts';
import type { ProxiedRequest } from '../../src/relay/http-scheduler.ts';
import type { Message } from '../../src/relay/message.ts';
import type { TcpConnection } from '../../src/relay/tcp-scheduler.ts';

const SILENT = createLog({ level: 'info', format: 'json' }, { write: (line) => expect.unreachable(line) });
const MESSAGE = { serial: 1 } as unknown as Message;
const REQUEST = { method: 'GET' } as unknown as ProxiedRequest;
const CONNECTION = { listener: 'in' } as unknown as TcpConnection;
const FAULT = { listener: 'in' } as unknown as SenderFault;
const PEER = { address: '10.0.0.9', port: 1 };

const EVENTS: { readonly [E in keyof Required<Observer>]: Parameters<Required<Observer>[E]> } = {
  onMessage: [MESSAGE],
  onReply: [MESSAGE, true],
  onRequest: [REQUEST],
  onCarried: [CONNECTION],
  onConnection: [CONNECTION],
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
    const observers = new Observers([recorder('a', calls), recorder('b', calls)], SILENT);
    tell(observers, event);
    expect(calls).toEqual([
      ['a', event, ...EVENTS[event]],
      ['b', event, ...EVENTS[event]],
    ]);
  });

  test('does not concern an observer that has no word for it', () => {
    const calls: Call[] = [];
    tell(new Observers([{}, recorder('b', calls)], SILENT), event);
    expect(calls.map(([name]) => name)).toEqual(['b']);
  });

  test('an observer that throws is named, and the others are told', () => {
    const calls: Call[] = [];
    const lines: Record<string, unknown>[] = [];
    const log = createLog(
      { level: 'info', format: 'json' },
      { write: (line) => void lines.push(JSON.parse(line)) },
    );
    class First {}
    class Second {}
    const list = [
      Object.assign(new First(), recorder('a', calls, true)),
      Object.assign(new Second(), recorder('b', calls, true)),
      recorder('c', calls),
    ];
    tell(new Observers(list, log), event);
    expect(calls.map(([name]) => name)).toEqual(['a', 'b', 'c']);
    expect(lines.map(({ level, observer, event: what }) => [level, observer, what])).toEqual([
      ['error', 'First', event],
      ['error', 'Second', event],
    ]);
  });
});
