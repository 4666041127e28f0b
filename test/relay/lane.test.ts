import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Laned, OrderingLane } from '../../src/relay/ordering.ts';

interface One extends Laned {
  readonly name: string;
  phase: Laned['phase'];
}

let last = 0;

function one(name: string, sequence = ++last): One {
  return { name, sequence, phase: 'ready' };
}

function laneOf(mayFollow: boolean, ...names: string[]): { lane: OrderingLane<One>; all: One[] } {
  const lane = new OrderingLane<One>(mayFollow);
  const all = names.map(one);
  for (const each of all) lane.add(each);
  return { lane, all };
}

/** Sends whatever it is asked to place, and follows while `room` lasts. */
function carrier(room = Number.POSITIVE_INFINITY) {
  const log: string[] = [];
  return {
    log,
    place: (message: One): void => {
      log.push(`place ${message.name}`);
      message.phase = 'sent';
    },
    follow: (message: One, ahead: One): boolean => {
      if (room-- <= 0) return false;
      log.push(`${message.name} behind ${ahead.name}`);
      message.phase = 'sent';
      return true;
    },
  };
}

describe('advance', () => {
  test('one at a time where none may follow', () => {
    const { lane, all } = laneOf(false, 'a', 'b');
    const { log, place, follow } = carrier();
    lane.advance(place, follow);
    lane.advance(place, follow);
    expect(log).toEqual(['place a']);
    lane.remove(all[0] as One);
    lane.advance(place, follow);
    expect(log).toEqual(['place a', 'place b']);
  });

  test('one behind the other where they may, until there is no more room', () => {
    const { lane } = laneOf(true, 'a', 'b', 'c', 'd');
    const { log, place, follow } = carrier(2);
    lane.advance(place, follow);
    expect(log).toEqual(['place a', 'b behind a', 'c behind b']);
  });

  test('nothing overtakes a message that is queued', () => {
    const { lane, all } = laneOf(true, 'a', 'b');
    const { log, place, follow } = carrier();
    (all[0] as One).phase = 'queued';
    lane.advance(place, follow);
    expect(log).toEqual([]);
  });

  test('a message that has failed is placed again before those behind it go on', () => {
    const { lane, all } = laneOf(true, 'a', 'b', 'c');
    const { log, place, follow } = carrier(1);
    lane.advance(place, follow);
    (all[0] as One).phase = 'ready';
    lane.advance(place, follow);
    expect(log).toEqual(['place a', 'b behind a', 'place a']);
  });

  test('one that is over as soon as it is placed makes way for the next', () => {
    const { lane } = laneOf(false, 'a', 'b', 'c');
    const log: string[] = [];
    lane.advance(
      (message) => {
        log.push(message.name);
        message.phase = 'over';
        lane.remove(message);
      },
      () => false,
    );
    expect(log).toEqual(['a', 'b', 'c']);
    expect(lane.isEmpty).toBe(true);
  });

  test('one that comes back takes its place before those that came behind it', () => {
    const { lane, all } = laneOf(false, 'a', 'b', 'c');
    const [a, b] = all as [One, One];
    lane.remove(b);
    lane.remove(a);
    lane.add(b);
    lane.add(a);
    expect(lane.messages.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  test('a call from within a call is not nested, and not lost', () => {
    const { lane } = laneOf(false, 'a', 'b', 'c');
    let depth = 0;
    const log: string[] = [];
    const place = (message: One): void => {
      depth++;
      expect(depth).toBe(1);
      log.push(message.name);
      message.phase = 'over';
      lane.remove(message);
      lane.advance(place, () => false);
      depth--;
    };
    lane.advance(place, () => false);
    expect(log).toEqual(['a', 'b', 'c']);
  });
});

test('whatever is answered, fails or is taken out in between: first sendings keep the order in which messages were added', () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(fc.record({ act: fc.constantFrom('add', 'answer', 'fail', 'remove'), at: fc.nat(5) }), {
        maxLength: 60,
      }),
      (mayFollow, steps) => {
        const lane = new OrderingLane<One>(mayFollow);
        const sent: string[] = [];
        let count = 0;
        const send = (message: One): void => {
          // Only the first, or one whose predecessor is with a node, may go.
          const ahead = lane.messages[lane.messages.indexOf(message) - 1];
          expect(ahead === undefined || (mayFollow && ahead.phase === 'sent')).toBe(true);
          message.phase = 'sent';
          if (!sent.includes(message.name)) sent.push(message.name);
        };
        for (const { act, at } of steps) {
          const message = lane.messages[at % Math.max(lane.messages.length, 1)];
          if (act === 'add') lane.add(one(String(count++)));
          else if (message === undefined) continue;
          else if (act === 'answer' && lane.messages[0]?.phase === 'sent') lane.remove(lane.messages[0]);
          // A connection breaks: all that were sent fail.
          else if (act === 'fail') for (const each of lane.messages) each.phase = 'ready';
          else if (act === 'remove') lane.remove(message);
          lane.advance(send, (each) => {
            send(each);
            return true;
          });
        }
        expect(sent).toEqual([...sent].sort((a, b) => Number(a) - Number(b)));
      },
    ),
  );
});
