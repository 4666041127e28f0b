// F125: what the checker holds against the gateway beyond answers, deliveries and order: stickiness, weights, backups, routes, how long
// anything took, other requests than messages; and what excuses each.
import { describe, expect, test } from 'vitest';
import { check } from './checker.ts';
import { Calm, disturbancesOf } from './checks/calm.ts';
import { broken, GOOD_END, MEMORY, PIPELINED, STRICT } from './checks/planted.ts';
import { Story } from './checks/story.ts';
import type { Promises } from './profiles.ts';
import type { WebClientEntry } from './wire/log.ts';

const story = (): Story => new Story();
const SETTLE_MS = 2;

describe('F125 the node that a message reached', () => {
  const STICKY: Promises = { ...STRICT, sticky: true, settleMs: SETTLE_MS };
  const moved = (): Story => story().exchange('S', 1, 'a', 1, 'm1').exchange('S', 1, 'b', 1, 'm2');

  test('not-sticky: another one, with nothing disturbed', () => {
    expect(broken(moved(), STICKY)).toEqual(['not-sticky']);
    expect(broken(moved())).toEqual([]);
    expect(broken(story().exchange('S', 1, 'a', 1, 'm1').exchange('S', 2, 'a', 2, 'm2'), STICKY)).toEqual([]);
  });

  test.each(['a', 'b', 'gateway'])('not while %s is disturbed, or has just been', (target) => {
    expect(broken(moved(), STICKY, { disturbances: [{ target, from: 0, until: 3 }] })).toEqual([]);
    const before = [{ target, from: -9_000, until: -8_000 }];
    expect(broken(moved(), STICKY, { disturbances: before })).toEqual(['not-sticky']);
  });

  test('not-sticky: that a third node is disturbed is no reason', () => {
    const disturbances = [{ target: 'c', from: 0, until: 100 }];
    expect(broken(moved(), STICKY, { disturbances })).toEqual(['not-sticky']);
  });

  const shared = (nodes: readonly string[]): Story => {
    const all = story();
    nodes.forEach((node, i) => {
      all.exchange('S', 1, node, 1, `m${i}`);
    });
    return all;
  };

  test('weights: shares that are not those of the config', () => {
    const promises = { ...STRICT, weights: { a: 3, b: 1 } };
    const turns = (pattern: string): string[] => [...pattern.repeat(400 / pattern.length)];
    expect(broken(shared(turns('aaab')), promises)).toEqual([]);
    expect(broken(shared(turns('ab')), promises)).toEqual(['weights']);
  });

  test('backup-used: with another node well', () => {
    const promises = { ...STRICT, backups: ['b'], settleMs: SETTLE_MS };
    expect(broken(moved(), promises)).toEqual(['backup-used']);
    const disturbances = [{ target: 'a', from: 0, until: 5 }];
    expect(broken(moved(), promises, { disturbances })).toEqual([]);
  });

  test('wrong-route: a node of another pool', () => {
    expect(broken(moved(), { ...STRICT, routes: { S: ['a'] } })).toEqual(['wrong-route']);
    expect(broken(moved(), { ...STRICT, routes: { S: ['a', 'b'] } })).toEqual([]);
  });

  test('invalid-delivered: one that breaks a rule of its route', () => {
    const promises = { ...STRICT, refusals: ['AE'] };
    const refused = story().sendInvalid('S', 1, 'm1').ack('S', 1, 'm1', { code: 'AE' });
    expect(broken(refused, promises)).toEqual([]);
    const passed = story()
      .sendInvalid('S', 1, 'm1')
      .receive('a', 1, 'm1')
      .answer('a', 'm1')
      .ack('S', 1, 'm1');
    expect(broken(passed, promises)).toEqual(['invalid-delivered']);
  });
});

describe('F125 how long it took', () => {
  test('answer-held: seconds from the node’s answer to the sender’s', () => {
    const held = (): Story =>
      story().send('S', 1, 'm1').receive('a', 1, 'm1').answer('a', 'm1').wait(5).ack('S', 1, 'm1');
    expect(broken(held())).toEqual(['answer-held']);
    const disturbances = [{ target: 'gateway', from: 0, until: 4_000_000 }];
    expect(broken(held(), STRICT, { disturbances })).toEqual([]);
    const slow = story().send('S', 1, 'm1').receive('a', 1, 'm1').wait(5).answer('a', 'm1').ack('S', 1, 'm1');
    expect(broken(slow)).toEqual([]);
  });

  test('not one that waits for the answer before it', () => {
    const behind = story().send('S', 1, 'm1').send('S', 1, 'm2').receive('a', 1, 'm1').receive('a', 1, 'm2');
    behind.answer('a', 'm2').wait(5).answer('a', 'm1').ack('S', 1, 'm1').ack('S', 1, 'm2');
    expect(broken(behind, PIPELINED)).toEqual([]);
  });

  test('message-held: seconds from the sending to the node, with every node well', () => {
    const held = (): Story =>
      story().send('S', 1, 'm1').wait(10).receive('a', 1, 'm1').answer('a', 'm1').ack('S', 1, 'm1');
    expect(broken(held())).toEqual(['message-held']);
    const disturbances = [{ target: 'a', from: 0, until: 9_000_000 }];
    expect(broken(held(), STRICT, { disturbances })).toEqual([]);
  });
});

describe('F125 answers over HTTP, and behind a commit', () => {
  test('unavailable-delivered: 503 to a message that a node has', () => {
    const told = (status: number): Story =>
      story()
        .send('S', 1, 'm1')
        .receive('a', 1, 'm1')
        .refused('S', 1, status)
        .close('S', 1, 'sender', 'refused');
    expect(broken(told(503))).toEqual(['unavailable-delivered']);
    expect(broken(told(504))).toEqual([]);
    expect(broken(told(500))).toEqual(['refused-status']);
  });

  const committed = (): Story =>
    story().exchange('S', 1, 'a', 1, 'm1').answer('a', 'm1', 'application').application('S', 1, 'm1');

  test('application-foreign: of another sender, twice, or of nobody', () => {
    expect(broken(committed())).toEqual([]);
    expect(broken(committed().application('S', 1, 'm1'))).toEqual(['application-foreign']);
    const other = committed().exchange('T', 1, 'a', 1, 'm2').answer('a', 'm2', 'application');
    expect(broken(other.application('S', 1, 'm2').done('T'))).toEqual(['application-foreign']);
    expect(broken(story().exchange('S', 1, 'a', 1, 'm1').application('S', 1, 'm1'))).toEqual([
      'application-foreign',
    ]);
  });

  test('ack-unbacked: an application acknowledgement instead of the commit', () => {
    const early = story().send('S', 1, 'm1').receive('a', 1, 'm1').answer('a', 'm1', 'application');
    expect(broken(early.ack('S', 1, 'm1'))).toEqual(['ack-unbacked']);
  });

  test('sender-reset: a connection that no descriptor is left for, on which nothing was answered', () => {
    const reset = (): Story => story().send('S', 1, 'm1').close('S', 1, 'gateway', 'ECONNRESET');
    const at = { target: 'gateway', from: 0, until: 5 };
    expect(broken(reset(), STRICT, { disturbances: [{ ...at, kind: 'crowd' }] })).toEqual([]);
    expect(broken(reset(), STRICT, { disturbances: [{ ...at, kind: 'reload' }] })).toEqual(['sender-reset']);
    const served = story().exchange('S', 1, 'a', 1, 'm1').close('S', 1, 'gateway', 'ECONNRESET');
    expect(broken(served, STRICT, { disturbances: [{ ...at, kind: 'crowd' }] })).toEqual(['sender-reset']);
  });

  test('sender-reset: a posting sender’s connection may end so while another process takes over, and only then', () => {
    const reset = (): Story =>
      story().exchange('S', 1, 'a', 1, 'm1').send('S', 1, 'm2').close('S', 1, 'gateway', 'ECONNRESET');
    const handovers = [{ from: 0, until: 10, exit: { code: 0, signal: null }, memory: MEMORY }];
    expect(broken(reset(), { ...STRICT, httpSenders: ['S'] }, { handovers })).toEqual([]);
    expect(broken(reset(), { ...STRICT, httpSenders: ['S'] })).toEqual(['sender-reset']);
  });
});

describe('F125 other requests', () => {
  const request = { t: 1, e: 'request', q: 1, id: 'W-1', sha: 'body' } as const;
  const response = { t: 2, e: 'response', q: 1, status: 200, id: 'W-1', sha: 'body' } as const;
  const done = { t: 3, e: 'done', requests: 1 } as const;
  const found = (...entries: readonly WebClientEntry[]): string[] =>
    check({ senders: {}, nodes: {}, webClients: { W: entries } }, STRICT, GOOD_END).map(({ rule }) => rule);

  test('web-response: another’s, another body, a status that nobody gave, a tunnel with other bytes', () => {
    expect(found(request, response, done)).toEqual([]);
    expect(found(request, { ...response, id: 'W-2' }, done)).toEqual(['web-response']);
    expect(found(request, { ...response, sha: 'other' }, done)).toEqual(['web-response']);
    expect(found(request, { ...response, status: 500 }, done)).toEqual(['web-response']);
    expect(found(request, { ...response, status: 503, id: '' }, done)).toEqual([]);
    const tunnel = { t: 2, e: 'tunnel', q: 1 } as const;
    expect(found(request, { ...response, status: 101, sha: '' }, { ...tunnel, same: true }, done)).toEqual(
      [],
    );
    expect(found(request, { ...tunnel, same: false }, done)).toEqual(['web-response']);
  });

  test('web-unanswered, never-answered: but a response that broke off, and a client that left, are none', () => {
    const lost = { t: 2, e: 'lost', q: 1, how: 'fin' } as const;
    expect(found(request, lost, done)).toEqual(['web-unanswered']);
    expect(found(request, { ...lost, how: 'cut' }, done)).toEqual([]);
    expect(found(request, { t: 2, e: 'left', q: 1, phase: 'head' }, done)).toEqual([]);
    expect(found(request, response)).toEqual(['never-answered']);
  });
});

test('F125 uncaught: what the process says of an error that nobody caught', () => {
  const well = story().exchange('S', 1, 'a', 1, 'm1');
  expect(broken(well, STRICT, { uncaught: ['uncaught: Error: planted'] })).toEqual(['uncaught']);
});

test('F125 disturbances: from the journal, one that has not ended lasts', () => {
  const at = { kind: 'kill', target: 'a' };
  const disturbances = disturbancesOf([
    { t: 1_000, e: 'begin', event: 1, ...at },
    { t: 2_000, e: 'end', event: 1, ...at },
    { t: 9_000, e: 'begin', event: 2, ...at },
  ]);
  const calm = new Calm(disturbances, 1);
  const disturbed = (t: number): boolean => calm.wasDisturbed(['b', 'a'], t, t);
  expect([999, 1_000, 3_000, 3_001, 8_999, 9_000, 1e9].map(disturbed)).toEqual([
    ...[false, true, true, false, false, true, true],
  ]);
  expect(calm.wasDisturbed(['b'], 0, 1e9)).toBe(false);
  expect(calm.wasDisturbed(['a'], 500, 1_500)).toBe(true);
});
