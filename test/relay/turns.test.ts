// Turns: what is done with a sender's messages is done in their order, whichever has been read first.
import { describe, expect, it } from 'vitest';
import { Message, type Origin } from '../../src/relay/message.ts';
import { ReorderBuffer } from '../../src/relay/ordering.ts';
import { message } from '../helpers/mllp.ts';
import { turns as loopTurns } from '../helpers/until.ts';

class FakeOrigin implements Origin {
  readonly listener = 'in';
  readonly peer = { address: '127.0.0.1', port: 1 };
  readonly lanes = new WeakMap();
  readonly outcomes: string[] = [];

  settled(exchange: Message): void {
    this.outcomes.push(exchange.outcome?.kind ?? '');
  }

  partSettled(): null {
    return null;
  }

  hold(): void {}
}

function room() {
  const origin = new FakeOrigin();
  const turns = new ReorderBuffer();
  const done: string[] = [];
  return {
    origin,
    turns,
    done,
    begin: (from = origin) => turns.begin(new Message(message(), from)),
    step: (name: string) => () => void done.push(name),
  };
}

describe('turns', () => {
  it('come in the order in which they began', () => {
    const { turns, done, begin, step, origin } = room();
    const [a, b, c] = [begin(), begin(), begin()];
    turns.end(c, step('c'));
    turns.end(b, step('b'));
    expect([done, turns.count, turns.has(origin)]).toEqual([[], 3, true]);
    turns.end(a, step('a'));
    expect([done, turns.count, turns.has(origin)]).toEqual([['a', 'b', 'c'], 0, false]);
  });

  it('of one sender do not wait for those of another', () => {
    const { turns, done, begin, step, origin } = room();
    const other = new FakeOrigin();
    const [first, second] = [begin(), begin(other)];
    turns.end(second, step('second'));
    expect([done, turns.has(origin), turns.has(other)]).toEqual([['second'], true, false]);
    turns.end(first, step('first'));
    expect(turns.count).toBe(0);
  });

  it('that a step brings go behind those that are there', () => {
    const { turns, done, begin, step } = room();
    const [a, b] = [begin(), begin()];
    turns.end(b, step('b'));
    turns.end(a, () => {
      done.push('a');
      turns.end(begin(), step('new'));
    });
    expect([done, turns.count]).toEqual([['a', 'b', 'new'], 0]);
  });

  it('are not taken by messages that are over, and hold nobody up', async () => {
    const { turns, done, begin, step, origin } = room();
    const [a, b, c, d] = [begin(), begin(), begin(), begin()];
    let cancelled = 0;
    b.cancel = () => {
      cancelled++;
    };
    turns.end(c, step('c'));
    turns.end(d, step('d'));
    // As a connection does that ends behind `a`.
    b.message.abandon();
    c.message.abandon();
    expect([origin.outcomes, cancelled, turns.count]).toEqual([['abandoned', 'abandoned'], 1, 4]);
    turns.end(a, step('a'));
    await loopTurns();
    expect([done, turns.count, turns.has(origin)]).toEqual([['a', 'd'], 0, false]);
    // Its reading was under way, and ends now.
    turns.end(b, step('b'));
    expect([done, turns.count]).toEqual([['a', 'd'], 0]);
  });

  it('an abandoned one that is first lets those behind be abandoned before they come', async () => {
    const { turns, done, begin, step } = room();
    const [a, b] = [begin(), begin()];
    turns.end(b, step('b'));
    a.message.abandon();
    b.message.abandon();
    await loopTurns();
    expect([done, turns.count]).toEqual([[], 0]);
  });
});
