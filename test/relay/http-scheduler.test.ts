// Requests that wait for a node of an HTTP pool: in the order in which they came, each once, and none that has left.
import { describe, expect, it, vi } from 'vitest';
import type { NodeSelector } from '../../routing/node-selector.ts';
import type { PoolConfig } from '../../src/config/config.ts';
import { HttpScheduler } from '../../src/relay/http-scheduler.ts';
import type { Node } from '../../src/upstream/node.ts';

function scheduler(max = 10): HttpScheduler {
  const config = { name: 'pool', queue: { max } } as PoolConfig;
  return new HttpScheduler(config, {} as NodeSelector<Node>, new Map());
}

/** A node with room for so many more. */
function nodeWith(room: number): Node & { room: number } {
  const node = {
    room,
    usable: true,
    get hasRoom() {
      return this.room > 0;
    },
  };
  return node as unknown as Node & { room: number };
}

describe('waiting', () => {
  it('ends for as many as there is room for, the first ones first', () => {
    const waiting = scheduler();
    const node = nodeWith(2);
    const woken: number[] = [];
    for (let i = 0; i < 4; i++)
      waiting.wait(() => {
        woken.push(i);
        node.room--;
      }, 60_000);
    waiting.onRoom(node);
    expect([woken, waiting.queued]).toEqual([[0, 1], 2]);
    node.room = 5;
    waiting.onRoom(node);
    expect([woken, waiting.queued]).toEqual([[0, 1, 2, 3], 0]);
  });

  it('asks each once at most, where one goes back to wait for another node', () => {
    const waiting = scheduler();
    let asked = 0;
    const again = (): void => {
      asked++;
      waiting.wait(again, 60_000);
    };
    for (let i = 0; i < 3; i++) waiting.wait(again, 60_000);
    waiting.onRoom(nodeWith(100));
    expect([asked, waiting.queued]).toEqual([3, 3]);
    waiting.onUsable();
    expect([asked, waiting.queued]).toEqual([6, 3]);
  });

  it('is given up, also by what another one does when it is woken', () => {
    const waiting = scheduler();
    const woken: string[] = [];
    const leaves: ((() => void) | undefined)[] = [];
    leaves.push(
      waiting.wait(() => {
        woken.push('first');
        leaves[1]?.();
      }, 60_000),
    );
    leaves.push(waiting.wait(() => woken.push('second'), 60_000));
    leaves.push(waiting.wait(() => woken.push('third'), 60_000));
    leaves.push(waiting.wait(() => woken.push('fourth'), 60_000));
    leaves[2]?.();
    waiting.onUsable();
    expect([woken, waiting.queued]).toEqual([['first', 'fourth'], 0]);
    leaves[3]?.();
    expect(waiting.queued).toBe(0);
  });

  it('ends with its time, and its time with it', () => {
    vi.useFakeTimers();
    try {
      const waiting = scheduler();
      const wake = vi.fn();
      waiting.wait(wake, 100);
      vi.advanceTimersByTime(101);
      expect([wake.mock.calls.length, waiting.queued]).toEqual([1, 0]);
      waiting.wait(wake, 100);
      waiting.onUsable();
      expect(wake).toHaveBeenCalledTimes(2);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('has a bound', () => {
    const waiting = scheduler(2);
    const leave = waiting.wait(() => {}, 60_000);
    expect(waiting.wait(() => {}, 60_000)).toBeDefined();
    expect(waiting.wait(() => {}, 60_000)).toBeUndefined();
    leave?.();
    expect(waiting.wait(() => {}, 60_000)).toBeDefined();
  });
});
