// Messages that wait for a connection: each is given to one, in order as far as their ids allow, or fails with nothing written.
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { MllpConnection } from '../../src/upstream/mllp/mllp-connection.ts';
import { WaitingMessages } from '../../src/upstream/mllp/waiting-messages.ts';
import { useFakeClock } from '../helpers/fake-clock.ts';
import { TestDelivery } from './test-delivery.ts';

interface Options {
  readonly room?: number;
  /** Control ids that it must not be given: one before could be confused with them. */
  readonly had?: readonly string[];
  /** Of another sender's. */
  readonly confuses?: readonly string[];
}

function connectionWith({ room = 1, had = [], confuses = [] }: Options = {}) {
  const given: string[] = [];
  const connection = {
    given,
    get hasRoom() {
      return given.length < room;
    },
    repeats: ({ header }: TestDelivery) => had.includes(header.controlId),
    mayConfuse: ({ header }: TestDelivery) => confuses.includes(header.controlId),
    send: ({ header }: TestDelivery) => void given.push(header.controlId),
  };
  return connection as unknown as MllpConnection & { readonly given: readonly string[] };
}

function waitingWith(...ids: readonly string[]) {
  const told: string[] = [];
  const waiting = new WaitingMessages(
    { node: 'a', connectMs: 100, ackMs: 200 },
    { onFailed: () => void told.push('failed'), onLate: () => void told.push('late') },
  );
  const deliveries = ids.map((id) => new TestDelivery(id));
  for (const one of deliveries) waiting.add(one);
  return { waiting, deliveries, told };
}

const idsOf = (waiting: WaitingMessages): string[] => waiting.take().map(({ header }) => header.controlId);

describe('a connection', () => {
  it('is given the oldest for which it has room', () => {
    const { waiting } = waitingWith('X1', 'X2', 'X3');
    const connection = connectionWith({ room: 2 });
    waiting.fill(connection, false);
    expect([connection.given, waiting.length, waiting.first?.header.controlId]).toEqual([
      ['X1', 'X2'],
      1,
      'X3',
    ]);
  });

  it('is given none where it has no room, and none where none waits', () => {
    const { waiting } = waitingWith('X1');
    waiting.fill(connectionWith({ room: 0 }), false);
    expect(waiting.length).toBe(1);
    const connection = connectionWith({ room: 5 });
    waiting.fill(connection, false);
    expect([connection.given, waiting.length, waiting.first]).toEqual([['X1'], 0, undefined]);
  });

  it('F39 is not given what it could confuse with one that it has had: the next one goes before it', () => {
    const { waiting } = waitingWith('X1', 'X2', 'X1', 'X3');
    const connection = connectionWith({ room: 5, had: ['X1'] });
    waiting.fill(connection, false);
    expect(connection.given).toEqual(['X2', 'X3']);
    expect(idsOf(waiting)).toEqual(['X1', 'X1']);
  });

  it('F88 is given another sender’s id only where it is not choosy', () => {
    for (const [isChoosy, given] of [
      [true, ['X2']],
      [false, ['X1', 'X2']],
    ] as const) {
      const { waiting } = waitingWith('X1', 'X2');
      const connection = connectionWith({ room: 5, confuses: ['X1'] });
      waiting.fill(connection, isChoosy);
      expect(connection.given).toEqual(given);
    }
  });

  it('F80 is not given what nobody wants any more: that fails, and takes no room', () => {
    const { waiting, deliveries, told } = waitingWith('X1', 'X2');
    const [gone, wanted] = deliveries as [TestDelivery, TestDelivery];
    gone.unwanted = true;
    const connection = connectionWith();
    waiting.fill(connection, false);
    expect([connection.given, gone.events, wanted.events, told]).toEqual([
      ['X2'],
      ['GW_ERR_NODE_STALE'],
      [],
      ['failed'],
    ]);
  });
});

describe('one that waits for too long', () => {
  useFakeClock();

  it('F101 fails unsent after the time for a connection and an answer, and those behind it in theirs', () => {
    const { waiting, deliveries, told } = waitingWith('X1');
    vi.advanceTimersByTime(200);
    waiting.add(new TestDelivery('X2'));
    vi.advanceTimersByTime(99);
    expect([waiting.length, told]).toEqual([2, []]);
    vi.advanceTimersByTime(2);
    expect([deliveries[0]?.end, idsOf(waiting), told]).toEqual([
      'GW_ERR_NODE_STALE',
      ['X2'],
      ['failed', 'late'],
    ]);
  });

  it('leaves no timer behind where all have found a connection', () => {
    const { waiting, told } = waitingWith('X1', 'X2');
    waiting.fill(connectionWith({ room: 2 }), false);
    waiting.end();
    vi.advanceTimersByTime(10_000);
    expect([vi.getTimerCount(), told]).toEqual([0, []]);
  });
});

describe('how many find a place', () => {
  it.each<[expected: number, ids: readonly string[], connections: readonly Options[]]>([
    [0, [], [{}]],
    [0, ['X1'], []],
    [1, ['X1', 'X2'], [{}]],
    [2, ['X1', 'X2'], [{}, {}, {}]],
    [0, ['X1'], [{ had: ['X1'] }]],
    [1, ['X1'], [{ had: ['X1'] }, {}]],
    [1, ['X1', 'X1'], [{ confuses: ['X1'] }, {}]],
    [2, ['X1', 'X2'], [{ had: ['X1'] }, {}]],
  ])('%i: %j on %j', (expected, ids, connections) => {
    const { waiting } = waitingWith(...ids);
    expect(waiting.placesOn(connections.map(connectionWith))).toBe(expected);
    expect(waiting.length).toBe(ids.length);
  });
});

describe('those that fail', () => {
  it('are taken out first, the oldest, so that what their failure begins does not meet them', () => {
    const { waiting, deliveries, told } = waitingWith('X1', 'X2', 'X3');
    const taken = waiting.take(2);
    expect([taken.map(({ header }) => header.controlId), waiting.length, told]).toEqual([
      ['X1', 'X2'],
      1,
      [],
    ]);
    waiting.fail(taken);
    expect(deliveries.map(({ end }) => end)).toEqual(['GW_ERR_NODE_STALE', 'GW_ERR_NODE_STALE', undefined]);
    expect(told).toEqual(['failed', 'failed']);
  });

  it('are sure not to be with the node', () => {
    expect(waitingWith().waiting.stale()).toMatchObject({
      code: 'GW_ERR_NODE_STALE',
      node: 'a',
      resend: 'safe',
    });
  });

  it('F80 are those that nobody wants, and the others stay in order', () => {
    const { waiting, deliveries } = waitingWith('X1', 'X2', 'X3', 'X4');
    for (const one of deliveries.filter((_, i) => i % 2 === 0)) one.unwanted = true;
    waiting.failUnwanted();
    expect(deliveries.map(({ end }) => end)).toEqual([
      'GW_ERR_NODE_STALE',
      undefined,
      'GW_ERR_NODE_STALE',
      undefined,
    ]);
    expect(idsOf(waiting)).toEqual(['X2', 'X4']);
  });
});

it('whatever comes and goes: each goes to one connection that may have it, or fails, or waits; those of an id in order', () => {
  const id = fc.constantFrom('A', 'B', 'C', 'D');
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), id, unwanted: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('fill' as const),
        room: fc.nat(3),
        had: fc.subarray(['A', 'B', 'C', 'D']),
        confuses: fc.subarray(['A', 'B', 'C', 'D']),
        isChoosy: fc.boolean(),
      }),
    },
    fc.record({ do: fc.constant('leave' as const) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const { waiting } = waitingWith();
    const all: TestDelivery[] = [];
    const sent: TestDelivery[] = [];
    for (const one of steps) {
      if (one.do === 'add') {
        const delivery = new TestDelivery(one.id);
        delivery.unwanted = one.unwanted;
        all.push(delivery);
        waiting.add(delivery);
      } else if (one.do === 'leave') waiting.failUnwanted();
      else {
        const room = sent.length + one.room;
        const connection = {
          get hasRoom() {
            return sent.length < room;
          },
          repeats: ({ header }: TestDelivery) => one.had.includes(header.controlId),
          mayConfuse: ({ header }: TestDelivery) => one.confuses.includes(header.controlId),
          send: (delivery: TestDelivery) => void sent.push(delivery),
        };
        const before = sent.length;
        waiting.fill(connection as unknown as MllpConnection, one.isChoosy);
        for (const { header, unwanted } of sent.slice(before)) {
          expect(one.had).not.toContain(header.controlId);
          if (one.isChoosy) expect(one.confuses).not.toContain(header.controlId);
          expect(unwanted).toBe(false);
        }
      }
    }
    const left = waiting.take();
    const failed = all.filter(({ end }) => end !== undefined);
    for (const { unwanted, events } of failed)
      expect([unwanted, events]).toEqual([true, ['GW_ERR_NODE_STALE']]);
    expect(new Set([...sent, ...failed, ...left]).size).toBe(all.length);
    expect(sent.length + failed.length + left.length).toBe(all.length);
    for (const name of ['A', 'B', 'C', 'D']) {
      const ofName = (some: readonly unknown[]) =>
        (some as readonly TestDelivery[]).filter(
          ({ header, end }) => header.controlId === name && end === undefined,
        );
      expect(ofName([...sent, ...left])).toEqual(ofName(all));
    }
  });
  fc.assert(property, { numRuns: 200 });
});
