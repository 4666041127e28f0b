// Down, out and back again: what checks and messages make of a node, on a fake clock.
import { describe, expect, test, vi } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { useFakeClock } from '../helpers/fake-clock.ts';
import { type NodeRoom, nodeWith, type Upstream, type UpstreamState } from './node-parts.ts';

useFakeClock();

const closed = new GatewayError('GW_ERR_NODE_CLOSED', { detail: 'ECONNRESET' });
const hung = new GatewayError('GW_ERR_ACK_TIMEOUT');
const refused = new GatewayError('GW_ERR_NODE_CONNECT', { detail: 'ECONNREFUSED' });
const errors = { share: 0.5, windowMs: 10_000, answers: 4 };
const ejection = { baseMs: 1_000, maxMs: 5_000, maxEjected: { share: 1 }, errors: undefined };

/** A message is given to it, and nothing has come of it yet. */
function sent({ upstream, node }: NodeRoom): void {
  upstream.inFlight++;
  node.onRoom();
}

/** What came of one. */
function over({ upstream, node }: NodeRoom, result: GatewayError | 'AA' | 'AE'): void {
  upstream.inFlight--;
  if (result instanceof GatewayError) node.onFailure(result);
  else node.onAnswered(result);
  node.onRoom();
}

describe('down', () => {
  test('after `fall` failures in a row, not before', () => {
    const { node, states } = nodeWith({ fall: 3 });
    node.onFailure(closed);
    node.onFailure(closed);
    expect(node.state).toBe('up');
    node.onFailure(closed);
    expect(states).toEqual(['down: GW_ERR_NODE_CLOSED (ECONNRESET)']);
    expect(node.usable).toBe(false);
    node.onFailure(closed);
    expect(states.length).toBe(1);
  });

  test.each([
    [refused, 'an answer', (node: NodeRoom['node']) => node.onAnswered('AE')],
    [refused, 'a good check', (node: NodeRoom['node']) => node.passed()],
    [hung, 'an answer', (node: NodeRoom['node']) => node.onAnswered('AE')],
  ])('%s: %s ends the row', (error, _, good) => {
    const { node } = nodeWith({ fall: 2 });
    node.onFailure(error);
    good(node);
    node.onFailure(error);
    expect(node.state).toBe('up');
    node.onFailure(error);
    expect(node.state).toBe('down');
  });

  test('that a connection opened ends no row', () => {
    const { node } = nodeWith({ fall: 2 });
    node.onFailure(closed);
    node.onReached();
    node.onFailure(closed);
    expect(node.state).toBe('down');
  });

  test('F34 a good check of any kind does not end a row of messages without answers: a hung node accepts', () => {
    for (const check of ['tcp', 'mllp', 'mirth'] as const) {
      const { node } = nodeWith({ fall: 3, check });
      for (let i = 0; i < 3; i++) {
        expect(node.state).toBe('up');
        for (let n = 0; n < 10; n++) node.passed();
        node.onFailure(hung);
      }
      expect(node.state).toBe('down');
    }
  });

  test('a check of the API says nothing of the data port, nor does an answer of the API', () => {
    const { node } = nodeWith({ fall: 3, check: 'mirth' });
    for (let i = 0; i < 3; i++) {
      node.passed();
      node.onFailure(refused);
    }
    expect(node.state).toBe('down');
    const api = nodeWith({ fall: 3, check: 'mirth' });
    for (let i = 0; i < 3; i++) {
      api.node.onAnswered('AA');
      api.node.failedBy('check: status 1, unavailable');
    }
    expect(api.states).toEqual(['down: check: status 1, unavailable']);
  });

  test('F31, F32 not by being full, nor by a connection that had gone, however often', () => {
    const { node, upstream } = nodeWith();
    for (let i = 0; i < 10; i++) {
      node.onFailure(new GatewayError('GW_ERR_NODE_FULL'));
      node.onFailure(new GatewayError('GW_ERR_NODE_STALE'));
    }
    expect(node.state).toBe('up');
    upstream.isFull = true;
    expect([node.state, node.usable, node.health]).toEqual(['full', false, 'up']);
  });

  test('F34 what waits for a connection to it goes elsewhere, and what is open is ended when what it has is answered', () => {
    const { node, upstream } = nodeWith();
    node.onFailure(closed);
    expect(upstream.told).toEqual(['giveBack', 'retire']);
  });

  test('F42 a message that needs no answer is one only where none ever does', () => {
    const mixed = nodeWith({ fall: 2 });
    const silent = nodeWith({ fall: 2, answerless: true });
    for (const { node } of [mixed, silent]) {
      node.onFailure(closed);
      node.onAnswered('none');
      node.onFailure(closed);
    }
    expect([mixed.node.state, silent.node.state]).toEqual(['down', 'up']);
  });
});

describe('up again by checks', () => {
  test('after `rise` good checks in a row', () => {
    const { node, states } = nodeWith({ rise: 3 });
    node.failedBy('check: ECONNREFUSED');
    node.passed();
    node.passed();
    node.failedBy('check: ECONNREFUSED');
    node.passed();
    node.passed();
    expect(node.state).toBe('down');
    node.passed();
    expect(states).toEqual(['down: check: ECONNREFUSED', 'up: 3 good checks']);
    expect(node.status.trial).toBe(false);
  });

  test('dials that failed, and a check of that port: as above, and time does nothing', () => {
    const { node } = nodeWith({ rise: 1 });
    node.onFailure(refused);
    vi.advanceTimersByTime(3_600_000);
    expect(node.state).toBe('down');
    expect(vi.getTimerCount()).toBe(0);
    node.passed();
    expect(node.state).toBe('up');
  });

  test('initial down: up with the first good check', () => {
    const { node, states } = nodeWith({ initial: 'down', rise: 3 });
    expect([node.state, node.usable, node.status.reason]).toEqual(['down', false, 'not checked yet']);
    node.passed();
    expect(states).toEqual(['up: 1 good check']);
    node.failedBy('x');
    node.passed();
    expect(node.state).toBe('down');
  });

  test('initial down: however late that comes, as the node has never been seen to change', () => {
    const { node, states } = nodeWith({ initial: 'down', rise: 3 });
    for (let i = 0; i < 5; i++) node.failedBy('check: ECONNREFUSED');
    expect(states).toEqual([]);
    node.passed();
    expect(node.state).toBe('up');
  });
});

describe('F45 out, and back by a trial', () => {
  test('without checks: tried after `base`, after twice that, and so on up to `max`', () => {
    const room = nodeWith({ fall: 3, check: 'none', ejection });
    const { node, states } = room;
    for (let i = 0; i < 3; i++) node.onFailure(refused);
    for (const waitMs of [1000, 2000, 3000, 4000, 5000, 5000]) {
      vi.advanceTimersByTime(waitMs - 1);
      expect(node.usable).toBe(false);
      vi.advanceTimersByTime(1);
      expect([node.usable, node.state, node.status.trial]).toEqual([true, 'down', true]);
      sent(room);
      // One is enough, and while it is out nobody else goes there.
      expect(node.usable).toBe(false);
      over(room, refused);
      expect(node.usable).toBe(false);
    }
    expect(node.status.ejections).toBe(7);
    vi.advanceTimersByTime(5000);
    sent(room);
    over(room, 'AA');
    expect(states).toEqual(['down: GW_ERR_NODE_CONNECT (ECONNREFUSED)', 'up: answered on trial']);
    expect([node.usable, node.status.trial]).toEqual([true, false]);
    node.onFailure(refused);
    node.onFailure(refused);
    expect(node.state).toBe('up');
    // Not long after its return: the row of ejections goes on.
    node.onFailure(refused);
    expect(node.status.ejectedForMs).toBe(5000);
    vi.advanceTimersByTime(5000);
    sent(room);
    over(room, 'AA');
    vi.advanceTimersByTime(5000);
    for (let i = 0; i < 3; i++) node.onFailure(refused);
    expect(node.status.ejectedForMs).toBe(1000);
  });

  test('a hung node: a tcp check does not bring it back, only allows the trial', () => {
    const room = nodeWith({ fall: 1, rise: 2, check: 'tcp' });
    const { node, states } = room;
    node.onFailure(hung);
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(1000);
      node.passed();
    }
    expect([node.state, node.usable, node.wantsTrial]).toEqual(['down', true, true]);
    sent(room);
    over(room, hung);
    expect([node.state, node.usable]).toEqual(['down', false]);
    vi.advanceTimersByTime(1999);
    node.passed();
    node.passed();
    expect(node.usable).toBe(false);
    vi.advanceTimersByTime(1);
    sent(room);
    over(room, 'AE');
    expect(states).toEqual(['down: GW_ERR_ACK_TIMEOUT', 'up: answered on trial']);
  });

  test('no message is risked on trial while a check says that the node is not there', () => {
    const { node } = nodeWith({ fall: 2, rise: 1 });
    node.onFailure(hung);
    node.onFailure(hung);
    node.failedBy('check: ECONNREFUSED');
    vi.advanceTimersByTime(60_000);
    expect(node.usable).toBe(false);
    node.passed();
    expect(node.usable).toBe(true);
    node.failedBy('check: ECONNREFUSED');
    expect(node.usable).toBe(true);
    node.failedBy('check: ECONNREFUSED');
    expect(node.usable).toBe(false);
    node.passed();
    expect(node.usable).toBe(true);
  });

  test('a check that fails beside the messages needs no ejection: it says when the node is there again', () => {
    const { node } = nodeWith({ fall: 2, rise: 1 });
    node.failedBy('check: ECONNREFUSED');
    node.onFailure(hung);
    expect(node.status).toMatchObject({ state: 'down', ejections: 0, ejectedForMs: 0 });
    node.passed();
    // What it had taken was not answered, so it is tried first.
    expect(node.status).toMatchObject({ state: 'down', trial: true });
  });

  test('a message that was under way when a check took the node out, and is not answered, makes it a trial, too', () => {
    const room = nodeWith({ rise: 1 });
    const { node } = room;
    sent(room);
    node.failedBy('check: ECONNREFUSED');
    over(room, hung);
    node.passed();
    expect(node.status).toMatchObject({ state: 'down', trial: true });
  });

  test('an mllp check of the data port proves an answer: up, when the time is over', () => {
    const { node, states } = nodeWith({ rise: 2, check: 'mllp' });
    node.onFailure(hung);
    node.passed();
    node.passed();
    expect(node.state).toBe('down');
    vi.advanceTimersByTime(1000);
    expect(states).toEqual(['down: GW_ERR_ACK_TIMEOUT', 'up: 2 good checks']);
    expect(node.status.trial).toBe(false);
  });

  test('F47 a connection shows nothing of a handshake that fails: left out, and tried again', () => {
    const { node } = nodeWith({ fall: 3, rise: 1, proof: { port: false, answer: false } });
    for (let i = 0; i < 3; i++) {
      node.onFailure(new GatewayError('GW_ERR_NODE_TLS'));
      node.passed();
    }
    expect(node.status).toMatchObject({ state: 'down', ejectedForMs: 1000 });
    vi.advanceTimersByTime(1000);
    expect(node.status).toMatchObject({ state: 'down', trial: true });
  });

  test('an mllp check that finds it full proves no answer', () => {
    const { node } = nodeWith({ rise: 1, check: 'mllp' });
    node.onFailure(hung);
    vi.advanceTimersByTime(1000);
    for (let i = 0; i < 5; i++) node.passed(true);
    expect([node.state, node.usable]).toEqual(['down', false]);
  });

  test('a mirth check proves that the server answers: up, but with one message at first', () => {
    const room = nodeWith({ rise: 2, fall: 3, check: 'mirth' });
    const { node, states } = room;
    for (let i = 0; i < 3; i++) node.onFailure(hung);
    node.passed();
    node.passed();
    vi.advanceTimersByTime(1000);
    expect(states.at(-1)).toBe('up: 2 good checks');
    expect(node.status.trial).toBe(true);
    sent(room);
    expect([node.usable, node.state]).toEqual([false, 'up']);
    over(room, hung);
    // The API is well and the channel hangs: one message was lost on it, not three, and it is out for longer.
    expect([states.at(-1), node.status.ejectedForMs]).toEqual(['down: GW_ERR_ACK_TIMEOUT', 2000]);
    node.passed();
    node.passed();
    vi.advanceTimersByTime(2000);
    sent(room);
    over(room, 'AA');
    expect([node.status.trial, node.usable]).toEqual([false, true]);
    expect(states.length).toBe(4);
  });

  test('what was in flight when it went out decides nothing, unless it is answered after all', () => {
    const room = nodeWith({ fall: 2, check: 'none' });
    const { node } = room;
    for (let i = 0; i < 4; i++) sent(room);
    over(room, hung);
    over(room, hung);
    vi.advanceTimersByTime(1000);
    // On trial, but not alone with it yet.
    expect([node.status.trial, node.usable]).toEqual([true, false]);
    over(room, hung);
    expect([node.status.trial, node.usable]).toEqual([true, false]);
    over(room, hung);
    expect([node.usable, node.status.ejections]).toEqual([true, 1]);
    sent(room);
    over(room, hung);
    expect([node.usable, node.status.ejections]).toEqual([false, 2]);

    const late = nodeWith({ fall: 1, check: 'none' });
    sent(late);
    sent(late);
    over(late, hung);
    vi.advanceTimersByTime(1000);
    over(late, 'AA');
    expect(late.node.state).toBe('up');
  });

  test('a full node, or a connection that had gone, neither passes a trial nor fails it', () => {
    const room = nodeWith({ check: 'none' });
    const { node } = room;
    node.onFailure(hung);
    vi.advanceTimersByTime(1000);
    for (const code of ['GW_ERR_NODE_FULL', 'GW_ERR_NODE_STALE'] as const) {
      sent(room);
      over(room, new GatewayError(code));
      expect([node.usable, node.status.ejections]).toEqual([true, 1]);
    }
  });

  test('when the trial is over, whoever waits is told', () => {
    const room = nodeWith({ check: 'none' });
    room.node.onFailure(hung);
    const before = room.usableCalls();
    vi.advanceTimersByTime(1000);
    expect(room.usableCalls()).toBe(before + 1);
    sent(room);
    over(room, new GatewayError('GW_ERR_NODE_FULL'));
    expect(room.usableCalls()).toBeGreaterThan(before + 1);
  });

  test('not after close', () => {
    const { node } = nodeWith({ check: 'none' });
    node.onFailure(closed);
    node.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('too many negative answers', () => {
  const options = { ejection: { ...ejection, errors }, check: 'tcp' } as const;

  test('more than the share of at least so many: out, and back by an answer that is positive', () => {
    const room = nodeWith(options);
    const { node, states } = room;
    for (const code of ['AE', 'AR', 'AA'] as const) node.onAnswered(code);
    expect(node.state).toBe('up');
    node.onAnswered('AE');
    expect(states).toEqual(['down: too many negative answers']);
    node.passed();
    vi.advanceTimersByTime(1000);
    sent(room);
    over(room, 'AE');
    expect([node.state, node.usable, node.status.ejectedForMs]).toEqual(['down', false, 2000]);
    node.passed();
    vi.advanceTimersByTime(2000);
    sent(room);
    over(room, 'AA');
    expect(states.at(-1)).toBe('up: answered on trial');
  });

  test('that a trial could not be brought to it does not make a negative answer good', () => {
    const room = nodeWith({ ...options, check: 'none' });
    const { node } = room;
    for (let i = 0; i < 4; i++) node.onAnswered('AE');
    vi.advanceTimersByTime(1000);
    sent(room);
    over(room, refused);
    vi.advanceTimersByTime(2000);
    sent(room);
    over(room, 'AE');
    expect([node.state, node.status.ejectedForMs]).toEqual(['down', 3000]);
  });

  test('exactly the share is not more; off by default', () => {
    const half = nodeWith(options).node;
    for (let i = 0; i < 100; i++) half.onAnswered(i % 2 === 0 ? 'AA' : 'AE');
    const off = nodeWith().node;
    for (let i = 0; i < 100; i++) off.onAnswered('AE');
    expect([half.state, off.state]).toEqual(['up', 'up']);
  });

  test('the only node is left as it is, and is down like any other when a check says so', () => {
    const { node } = nodeWith({ ...options, rise: 2, others: () => false });
    for (let i = 0; i < 100; i++) node.onAnswered('AE');
    expect([node.state, node.status.trial]).toEqual(['up', false]);
    node.failedBy('check: ECONNREFUSED');
    node.passed();
    expect(node.usable).toBe(false);
    node.passed();
    expect(node.state).toBe('up');
  });
});

describe('the last node', () => {
  test('stays in use, one message at a time, until it answers', () => {
    const room = nodeWith({ fall: 2, check: 'tcp', others: () => false });
    const { node, states } = room;
    for (let i = 0; i < 4; i++) sent(room);
    over(room, hung);
    over(room, hung);
    expect(states).toEqual(['down: GW_ERR_ACK_TIMEOUT; still tried, one message at a time']);
    expect([node.usable, node.isEjected]).toEqual([false, false]);
    over(room, hung);
    over(room, hung);
    expect([node.usable, node.wantsTrial]).toEqual([true, false]);
    for (let i = 0; i < 5; i++) {
      sent(room);
      expect(node.usable).toBe(false);
      over(room, hung);
      // A pause, or a node that refuses at once would be asked without end.
      expect(node.usable).toBe(false);
      vi.advanceTimersByTime(100);
      expect(node.usable).toBe(true);
    }
    expect(node.status.ejections).toBe(0);
    sent(room);
    over(room, 'AA');
    expect([node.state, node.usable, node.status.trial]).toEqual(['up', true, false]);
  });

  test('is down all the same where a check says so', () => {
    const { node } = nodeWith({ fall: 2, check: 'tcp', others: () => false });
    node.failedBy('check: ECONNREFUSED');
    node.failedBy('check: ECONNREFUSED');
    expect(node.usable).toBe(false);
  });
});

describe('what an operator wants', () => {
  test('maintenance: nothing new, what waits for a connection goes elsewhere, what is open is ended', () => {
    const { node, upstream, states, usableCalls } = nodeWith();
    node.maintenance('by alice');
    expect([node.state, node.usable, node.adminState]).toEqual(['maintenance', false, 'maintenance']);
    expect(upstream.told).toEqual(['giveBack', 'retire']);
    expect(usableCalls()).toBe(1);
    expect(node.status).toMatchObject({ state: 'maintenance', reason: 'by alice', health: 'up' });
    node.ready();
    expect([node.state, node.usable]).toEqual(['up', true]);
    expect(states).toEqual(['maintenance: by alice', 'ready: an operator wants it']);
  });

  test('one that a reload has no use for: what its last messages meet is told of nobody', () => {
    const { node, states } = nodeWith({ fall: 1 });
    node.leave();
    node.onFailure(new GatewayError('GW_ERR_ACK_TIMEOUT'));
    expect([node.health, states]).toEqual(['down', []]);
  });

  test('draining: usable for those that are bound to it, and says so', () => {
    const { node } = nodeWith();
    node.drain();
    node.drain();
    expect([node.state, node.usable, node.draining]).toEqual(['draining', true, true]);
    node.failedBy('x');
    expect([node.state, node.usable]).toEqual(['down', false]);
    node.passed();
    expect(node.state).toBe('draining');
  });

  test('checks and messages go on counting in maintenance', () => {
    const { node } = nodeWith({ fall: 2 });
    node.maintenance();
    node.failedBy('x');
    node.failedBy('x');
    node.ready();
    expect(node.state).toBe('down');
    node.maintenance();
    node.passed();
    expect([node.state, node.usable]).toEqual(['maintenance', false]);
    node.ready();
    expect(node.state).toBe('up');
  });

  test('ready: one that is left out need not wait, and is tried', () => {
    const room = nodeWith({ check: 'none' });
    const { node } = room;
    node.onFailure(hung);
    expect(node.usable).toBe(false);
    node.ready();
    expect([node.usable, node.state]).toEqual([true, 'down']);
    sent(room);
    over(room, 'AA');
    expect(node.state).toBe('up');
  });

  test('the weight, within its range', () => {
    const { node, usableCalls } = nodeWith({ weight: 2 });
    node.setWeight(0);
    expect([node.weight, usableCalls()]).toEqual([0, 1]);
    node.setWeight(256);
    for (const bad of [-1, 257, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => node.setWeight(bad)).toThrow(expect.objectContaining({ code: 'GW_ERR_USAGE' }));
    expect(node.weight).toBe(256);
  });
});

describe('F45 slow start', () => {
  test('after a return the weight grows from a tenth to all of it', () => {
    const { node } = nodeWith({ weight: 10, slowStartMs: 1000 });
    expect(node.weight).toBe(10);
    node.failedBy('x');
    node.passed();
    expect(node.weight).toBe(1);
    vi.advanceTimersByTime(500);
    expect(node.weight).toBeCloseTo(5, 5);
    expect(node.status).toMatchObject({ weight: 10, effectiveWeight: expect.closeTo(5, 5) });
    vi.advanceTimersByTime(500);
    expect(node.weight).toBe(10);
    vi.advanceTimersByTime(3_600_000);
    node.maintenance();
    node.ready();
    expect(node.weight).toBe(1);
    node.setWeight(0);
    expect(node.weight).toBe(0);
  });

  test('not at start, where all begin alike, and not after draining', () => {
    const { node } = nodeWith({ slowStartMs: 1000, initial: 'down' });
    node.passed();
    expect(node.weight).toBe(1);
    node.drain();
    node.ready();
    expect(node.weight).toBe(1);
  });
});

describe('what is told of it', () => {
  test('in flight, room and connections are the upstream’s', () => {
    const { node, upstream } = nodeWith();
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

  test('since when and why, the last check, and what was answered and failed', () => {
    vi.setSystemTime(1_000_000);
    const { node, upstream } = nodeWith();
    expect(node.status).toMatchObject({ state: 'up', since: 1_000_000, lastCheck: undefined });
    vi.advanceTimersByTime(500);
    const at = Date.now();
    const verdict = { kind: 'failed', reason: 'HTTP 503' } as const;
    node.checked({ type: 'http', verdict, at, durationMs: 7 });
    expect(node.status).toMatchObject({
      state: 'down',
      since: 1_000_500,
      reason: 'check: HTTP 503',
      lastCheck: { type: 'http', result: 'failed', reason: 'HTTP 503', at, durationMs: 7 },
    });
    node.checked({ type: 'http', verdict: { kind: 'passed', note: 'a note' }, at, durationMs: 7 });
    vi.advanceTimersByTime(500);
    expect(node.status).toMatchObject({ since: 1_000_500, reason: '1 good check' });
    expect(node.status.lastCheck).toMatchObject({ result: 'passed', reason: 'a note' });
    upstream.isFull = true;
    node.onFullness();
    expect(node.status).toMatchObject({
      state: 'full',
      since: 1_001_000,
      reason: 'closes new connections at once',
    });
    for (const code of ['AA', 'AA', 'AE', 'none', undefined] as const) node.onAnswered(code);
    node.count('GW_ERR_ACK_TIMEOUT');
    node.onStrayAnswer();
    expect(node.status).toMatchObject({
      answers: { AA: 2, AE: 1, none: 1, other: 1 },
      failures: { GW_ERR_ACK_TIMEOUT: 1 },
      strayAnswers: 1,
      lastAnswerMsAgo: 0,
    });
    expect(JSON.parse(JSON.stringify(node.status))).toMatchObject({ name: 'a', pool: 'pool', weight: 1 });
  });
});
