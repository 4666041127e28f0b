import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import type { Upstream, UpstreamState } from './node-parts.ts';
import { nodeWith } from './node-parts.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const closed = new GatewayError('GW_ERR_NODE_CLOSED', { detail: 'ECONNRESET' });

describe('down', () => {
  test('after `fall` failures in a row, not before', () => {
    const { node, states } = nodeWith({ fall: 3, rise: 2 });
    node.onFailure(closed);
    node.onFailure(closed);
    expect(node.state).toBe('up');
    node.onFailure(closed);
    expect(states).toEqual(['down: GW_ERR_NODE_CLOSED (ECONNRESET)']);
    expect(node.usable).toBe(false);
    node.onFailure(closed);
    expect(states.length).toBe(1);
  });

  test('an answer or a good check ends the row; that a connection opened does not', () => {
    const { node } = nodeWith({ fall: 2, rise: 1 });
    for (const good of [() => node.onAnswered(), () => node.passed()]) {
      node.onFailure(closed);
      good();
      node.onFailure(closed);
      expect(node.state).toBe('up');
      good();
    }
    node.onFailure(closed);
    node.onReached();
    node.onFailure(closed);
    expect(node.state).toBe('down');
  });

  test('not by being full, however often', () => {
    const { node, upstream } = nodeWith({ fall: 1, rise: 1 });
    for (let i = 0; i < 10; i++) node.onFailure(new GatewayError('GW_ERR_NODE_FULL'));
    expect(node.state).toBe('up');
    upstream.isFull = true;
    expect(node.usable).toBe(false);
  });
});

describe('up again', () => {
  test('after `rise` good checks in a row', () => {
    const { node, states } = nodeWith({ fall: 1, rise: 3 });
    node.failedBy('check: ECONNREFUSED');
    node.passed();
    node.passed();
    node.failedBy('check: ECONNREFUSED');
    node.passed();
    node.passed();
    expect(node.state).toBe('down');
    node.passed();
    expect(states).toEqual(['down: check: ECONNREFUSED', 'up: 3 good checks']);
  });

  test('without checks: tried again after retryMs, and after twice as long each time it fails at once', () => {
    const { node, states } = nodeWith({ fall: 3, rise: 1, retryMs: 1000 });
    for (let i = 0; i < 3; i++) node.onFailure(closed);
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      vi.advanceTimersByTime(waitMs - 1);
      expect(node.state).toBe('down');
      vi.advanceTimersByTime(1);
      expect(node.state).toBe('up');
      // On probation: one failure is enough.
      node.onFailure(closed);
      expect(node.state).toBe('down');
    }
    vi.advanceTimersByTime(60_000);
    node.onAnswered();
    // An answer makes it as good as new.
    node.onFailure(closed);
    node.onFailure(closed);
    expect(node.state).toBe('up');
    node.onFailure(closed);
    expect(node.state).toBe('down');
    vi.advanceTimersByTime(1000);
    expect(states.at(-1)).toBe('up: tried again');
    node.close();
  });

  test('with checks, time alone does not bring it back', () => {
    const { node } = nodeWith({ fall: 1, rise: 1 });
    node.onFailure(closed);
    vi.advanceTimersByTime(3_600_000);
    expect(node.state).toBe('down');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('not after close', () => {
    const { node } = nodeWith({ fall: 1, rise: 1, retryMs: 10 });
    node.onFailure(closed);
    node.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('in flight, room and connections are the upstream’s', () => {
  const { node, upstream } = nodeWith({ fall: 1, rise: 1 });
  const states: UpstreamState[] = [
    { inFlight: 3, hasRoom: true, isFull: false, openConnections: 2 },
    { inFlight: 0, hasRoom: false, isFull: true, openConnections: 0 },
  ];
  for (const state of states) {
    Object.assign<Upstream, UpstreamState>(upstream, state);
    expect({
      inFlight: node.inFlight,
      hasRoom: node.hasRoom,
      isFull: !node.usable,
      openConnections: node.openConnections,
    }).toEqual(state);
  }
});
