// The checker finds each violation that is planted, as what it is and nothing else.
import { describe, expect, test } from 'vitest';
import { check } from './checker.ts';
import type { Handover } from './checks/ends.ts';
import { broken, GOOD_END, KEYED, MEMORY, PIPELINED, REFUSES, RESENDS, STRICT } from './checks/planted.ts';
import { Story } from './checks/story.ts';
import type { Rule } from './checks/violation.ts';

const story = (): Story => new Story();

describe('answers to senders', () => {
  test('ack-unbacked: a positive answer that no node gave', () => {
    expect(broken(story().send('S', 1, 'm1').ack('S', 1, 'm1'))).toEqual(['ack-unbacked']);
  });

  test('ack-unbacked: a node gave it only afterwards', () => {
    const early = story().send('S', 1, 'm1').ack('S', 1, 'm1', { bytes: 'ack 1 of a' });
    expect(broken(early.receive('a', 1, 'm1').answer('a', 'm1'))).toEqual(['ack-unbacked']);
  });

  test('ack-unbacked: other bytes than the node’s', () => {
    const changed = story().send('S', 1, 'm1').receive('a', 1, 'm1').answer('a', 'm1');
    expect(broken(changed.ack('S', 1, 'm1', { bytes: 'ack 1 of a ' }))).toEqual(['ack-unbacked']);
  });

  test('ack-unbacked: the node gave it to another message of the same control id', () => {
    const late = story().send('S', 1, 'm1').receive('a', 1, 'm1', 'sha of another').answer('a', 'm1');
    expect(broken(late.ack('S', 1, 'm1'))).toContain('ack-unbacked');
  });

  test('ack-unbacked: one answer of a node for two sendings', () => {
    const twice = story().exchange('S', 1, 'a', 1, 'm1').send('S', 2, 'm1').ack('S', 2, 'm1');
    expect(broken(twice)).toEqual(['ack-unbacked']);
  });

  test('ack-not-outstanding: of a message that was never sent there', () => {
    const stray = story().exchange('S', 1, 'a', 1, 'm1').send('S', 2, 'm2').ack('S', 2, 'm1', { id: 'X-1' });
    expect(broken(stray)).toEqual(['ack-not-outstanding']);
  });

  test('one wrong answer is one violation: what follows is judged by its place', () => {
    const stray = story().send('S', 1, 'm1').ack('S', 1, 'm1', { id: 'X-1' }).exchange('S', 1, 'a', 1, 'm2');
    expect(check(stray.done('S').logs, STRICT, GOOD_END)).toHaveLength(1);
  });

  test('ack-out-of-order: the second message’s comes first', () => {
    const swapped = story().send('S', 1, 'm1').send('S', 1, 'm2').receive('a', 1, 'm1').receive('a', 1, 'm2');
    swapped.answer('a', 'm1').answer('a', 'm2').ack('S', 1, 'm2').ack('S', 1, 'm1');
    expect(broken(swapped, PIPELINED)).toEqual(['ack-out-of-order']);
  });

  test('ack-twice: the same answer once more', () => {
    const twice = story().exchange('S', 1, 'a', 1, 'm1').answer('a', 'm1', 'again').ack('S', 1, 'm1');
    expect(broken(twice)).toEqual(['ack-twice']);
  });

  test('ack-foreign: a refusal that the config does not ask for, or with another code', () => {
    expect(broken(story().send('S', 1, 'm1').ack('S', 1, 'm1', { code: 'AE' }))).toEqual(['ack-foreign']);
    expect(broken(story().send('S', 1, 'm1').ack('S', 1, 'm1', { code: 'AR' }), REFUSES)).toEqual([
      'ack-foreign',
    ]);
  });

  test('answer-noise, answer-overdue, sender-reset', () => {
    expect(broken(story().exchange('S', 1, 'a', 1, 'm1').senderNoise('S', 1))).toEqual(['answer-noise']);
    expect(broken(story().send('S', 1, 'm1').close('S', 1, 'sender', 'patience'))).toEqual([
      'answer-overdue',
    ]);
    expect(broken(story().send('S', 1, 'm1').close('S', 1, 'gateway', 'ECONNRESET'))).toEqual([
      'sender-reset',
    ]);
    expect(broken(story().send('S', 1, 'm1').close('S', 1, 'sender', 'reset'))).toEqual([]);
  });
});

describe('messages to nodes', () => {
  test('not-sent: that nobody sent, that was only begun, that is sent only later', () => {
    expect(broken(story().receive('a', 1, 'm1'))).toEqual(['not-sent']);
    const begun = story().part('S', 1, 'm1').receive('a', 1, 'm1').done('S').logs;
    expect(check(begun, STRICT, GOOD_END)).toEqual([
      { rule: 'not-sent', text: expect.stringContaining('its sender broke off within it') },
    ]);
    expect(broken(story().receive('a', 1, 'm1').send('S', 1, 'm1'))).toEqual(['not-sent']);
  });

  test('altered: other bytes under the same control id', () => {
    expect(broken(story().send('S', 1, 'm1').receive('a', 1, 'm1', 'sha of m1, re-encoded'))).toEqual([
      'altered',
    ]);
  });

  test('duplicate: sent again where the policy is to fail', () => {
    const again = story().send('S', 1, 'm1').receive('a', 1, 'm1').receive('b', 1, 'm1').answer('b', 'm1');
    expect(broken(again.ack('S', 1, 'm1'))).toEqual(['duplicate']);
  });

  test('duplicate: sent again, although the first was answered', () => {
    const negative = story().send('S', 1, 'm1').receive('a', 1, 'm1').answer('a', 'm1', 'right', 'AE');
    negative.receive('b', 1, 'm1').answer('b', 'm1').ack('S', 1, 'm1');
    // That the answer of node a was taken shows by its connection's being used on.
    expect(broken(negative.exchange('S', 1, 'a', 1, 'm2'), RESENDS)).toEqual(['duplicate']);
  });

  test('duplicate: written more often than the policy allows', () => {
    const thrice = story()
      .send('S', 1, 'm1')
      .receive('a', 1, 'm1')
      .receive('b', 1, 'm1')
      .receive('c', 1, 'm1');
    expect(broken(thrice.answer('c', 'm1').ack('S', 1, 'm1'), RESENDS)).toEqual(['duplicate']);
  });

  test('other-node: sent again to another one, where it is to be the same', () => {
    const moved = story().send('S', 1, 'm1').receive('a', 1, 'm1').receive('b', 1, 'm1').answer('b', 'm1');
    moved.ack('S', 1, 'm1');
    expect(broken(moved, { ...RESENDS, onAmbiguous: 'same-node' })).toEqual(['other-node']);
  });

  test('order: the second message first, over two nodes', () => {
    const swapped = story().send('S', 1, 'm1').send('S', 1, 'm2').receive('b', 1, 'm2').receive('a', 1, 'm1');
    swapped.answer('a', 'm1').answer('b', 'm2').ack('S', 1, 'm1').ack('S', 1, 'm2');
    expect(broken(swapped)).toEqual(['order']);
    expect(broken(swapped, REFUSES)).toEqual(['order']);
  });

  test('order: over two connections of a sender', () => {
    const swapped = story().send('S', 1, 'm1').close('S', 1).send('S', 2, 'm1').send('S', 2, 'm2');
    swapped.receive('b', 1, 'm2').answer('b', 'm2').receive('a', 1, 'm1').answer('a', 'm1');
    expect(broken(swapped.ack('S', 2, 'm1').ack('S', 2, 'm2'))).toEqual(['order']);
  });

  test('key-overlap: a message while the one before it is with another node', () => {
    const both = story().send('S', 1, 'm1').send('S', 2, 'm2').receive('a', 1, 'm1').receive('b', 1, 'm2');
    both.answer('a', 'm1').answer('b', 'm2').ack('S', 1, 'm1').ack('S', 2, 'm2');
    expect(broken(both, KEYED)).toEqual(['key-overlap']);
    expect(broken(both)).toEqual([]);
  });

  test('connection-reused: a message behind one that has no answer, or a wrong one', () => {
    const late = story().send('S', 1, 'm1').receive('a', 1, 'm1').close('S', 1).send('S', 2, 'm2');
    expect(broken(late.receive('a', 1, 'm2').close('S', 2))).toEqual(['connection-reused']);
    expect(broken(late.answer('a', 'm1'))).toEqual(['connection-reused']);
    for (const kind of ['wrong', 'garbled'] as const) {
      const wrong = story().send('S', 1, 'm1').receive('a', 1, 'm1').answer('a', 'm1', kind).close('S', 1);
      expect(broken(wrong.exchange('S', 2, 'a', 1, 'm2'))).toEqual(['connection-reused']);
    }
  });

  test('connection-reused: more on their way than the config says', () => {
    const four = story();
    for (const message of ['m1', 'm2', 'm3', 'm4']) four.send('S', 1, message).receive('a', 1, message);
    expect(broken(four.close('S', 1), PIPELINED)).toEqual(['connection-reused']);
  });

  test('node-noise', () => {
    expect(broken(story().exchange('S', 1, 'a', 1, 'm1').nodeNoise('a', 1))).toEqual(['node-noise']);
  });
});

describe('the end', () => {
  const well = (): Story => story().exchange('S', 1, 'a', 1, 'm1');

  test('never-answered: a sender that is not done', () => {
    const found = check(well().logs, STRICT, GOOD_END);
    expect(found).toEqual([{ rule: 'never-answered', text: 'S' }]);
  });

  test('descriptors', () => {
    const descriptors = { before: 20, after: 21, what: ['socket:[1]'] };
    expect(broken(well(), STRICT, { descriptors })).toEqual(['descriptors']);
  });

  test.each(['heapUsed', 'external', 'rss'] as const)('memory: %s', (what) => {
    const after = { ...MEMORY, [what]: MEMORY[what] + 220e6 };
    expect(broken(well(), STRICT, { memory: { before: MEMORY, after } })).toEqual(['memory']);
  });

  test('exit: a signal, a code, a word on stderr, a failure in its log', () => {
    expect(broken(well(), STRICT, { exit: undefined })).toEqual(['exit']);
    expect(broken(well(), STRICT, { exit: { code: 1, signal: null } })).toEqual(['exit']);
    expect(broken(well(), STRICT, { stderr: 'TypeError' })).toEqual(['exit']);
    expect(broken(well(), STRICT, { failures: ['GW_ERR_INTERNAL'] })).toEqual(['exit']);
  });

  test('exit, memory: of a process that another one took over from', () => {
    const handover = { from: 0, until: 1, exit: { code: 0, signal: null }, memory: MEMORY };
    const brokenBy = (over: Partial<Handover>): Rule[] =>
      broken(well(), STRICT, { handovers: [handover, { ...handover, ...over }] });
    expect(brokenBy({})).toEqual([]);
    expect(brokenBy({ exit: { code: 1, signal: null } })).toEqual(['exit']);
    expect(brokenBy({ exit: undefined })).toEqual(['exit']);
    expect(brokenBy({ memory: { ...MEMORY, rss: MEMORY.rss + 220e6 } })).toEqual(['memory']);
  });

  test('reload', () => {
    expect(broken(well(), STRICT, { reloads: ['unknown key: it is wrong, and was taken up'] })).toEqual([
      'reload',
    ]);
  });
});
