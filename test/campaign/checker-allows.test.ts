// The checker takes for no violation what may happen, and what the config allows.
import { describe, expect, test } from 'vitest';
import { check } from './checker.ts';
import type { Handover } from './checks/ends.ts';
import { broken, GOOD_END, KEYED, MEMORY, PIPELINED, REFUSES, RESENDS, STRICT } from './checks/planted.ts';
import { Story } from './checks/story.ts';

const story = (): Story => new Story();

describe('nothing is wrong with', () => {
  test('messages that are answered in turn, over two nodes', () => {
    const well = story().exchange('S', 1, 'a', 1, 'm1', 'm2').exchange('S', 1, 'b', 1, 'm3');
    expect(check(well.done('S').logs, STRICT, GOOD_END)).toEqual([]);
  });

  test('messages that follow each other before the first is answered', () => {
    const well = story().send('S', 1, 'm1').send('S', 1, 'm2').receive('a', 1, 'm1').receive('a', 1, 'm2');
    well.answer('a', 'm1').answer('a', 'm2').ack('S', 1, 'm1').ack('S', 1, 'm2');
    expect(broken(well, PIPELINED)).toEqual([]);
  });

  test('a negative answer of a node, and the message sent again for it', () => {
    const well = story().send('S', 1, 'm1').receive('a', 1, 'm1').answer('a', 'm1', 'right', 'AE');
    well.ack('S', 1, 'm1', { code: 'AE' });
    expect(broken(well.exchange('S', 1, 'a', 1, 'm2').exchange('S', 1, 'a', 1, 'm1'))).toEqual([]);
  });

  test('an answer that the gateway makes because the config says so', () => {
    const well = story().send('S', 1, 'm1').ack('S', 1, 'm1', { code: 'AE' });
    expect(broken(well, REFUSES)).toEqual([]);
  });

  test('a message that its sender sent again, because the gateway closed', () => {
    const well = story().send('S', 1, 'm1').receive('a', 1, 'm1').close('S', 1);
    expect(broken(well.exchange('S', 2, 'b', 1, 'm1'))).toEqual([]);
  });

  test('a message without an answer that the policy allows to be sent again', () => {
    const well = story().send('S', 1, 'm1').receive('a', 1, 'm1').receive('b', 1, 'm1').answer('b', 'm1');
    expect(broken(well.ack('S', 1, 'm1'), RESENDS)).toEqual([]);
  });

  test('a message that its sender sent again, got by another node, where the gateway keeps to the same', () => {
    const well = story()
      .send('S', 1, 'm1')
      .receive('a', 1, 'm1')
      .close('S', 1)
      .exchange('S', 2, 'b', 1, 'm1');
    expect(broken(well, { ...RESENDS, onAmbiguous: 'same-node' })).toEqual([]);
  });

  test('a message that a stopped node reads late, when it and the next have gone another way', () => {
    const well = story().send('S', 1, 'm1').close('S', 1).exchange('S', 2, 'b', 1, 'm1', 'm2');
    expect(broken(well.receive('a', 1, 'm1').answer('a', 'm1'))).toEqual([]);
  });

  test('a message that only a stopped node got, and read when its sender had been refused it and sent the next', () => {
    const well = story().send('S', 1, 'm1').ack('S', 1, 'm1', { code: 'AE' }).exchange('S', 1, 'b', 1, 'm2');
    expect(broken(well.receive('a', 1, 'm1').answer('a', 'm1'), REFUSES)).toEqual([]);
  });

  test('a message that was refused, and sent again on the same connection behind others', () => {
    const well = story()
      .send('S', 1, 'm1')
      .send('S', 1, 'm2')
      .ack('S', 1, 'm1', { code: 'AE' })
      .send('S', 1, 'm1');
    well.receive('a', 1, 'm2').answer('a', 'm2').ack('S', 1, 'm2');
    expect(broken(well.receive('a', 1, 'm1').answer('a', 'm1').ack('S', 1, 'm1'), REFUSES)).toEqual([]);
  });

  test('a message of a key while another one, given up on, is read by the node that was stopped', () => {
    const well = story().send('S', 1, 'm1').close('S', 1).send('S', 2, 'm1').receive('a', 1, 'm1');
    well
      .receive('b', 1, 'm1')
      .answer('b', 'm1')
      .ack('S', 2, 'm1')
      .answer('a', 'm1')
      .exchange('S', 2, 'b', 1, 'm2');
    expect(broken(well, KEYED)).toEqual([]);
  });

  test('messages that were on their way behind one whose answer was wrong', () => {
    const well = story().send('S', 1, 'm1').send('S', 1, 'm2').send('S', 1, 'm3').receive('a', 1, 'm1');
    well
      .answer('a', 'm1', 'wrong')
      .receive('a', 1, 'm2')
      .receive('a', 1, 'm3')
      .answer('a', 'm2')
      .answer('a', 'm3');
    expect(broken(well.close('S', 1), PIPELINED)).toEqual([]);
  });

  test('a control id that comes round again with another message', () => {
    const well = story().exchange('S', 1, 'a', 1, 'm1').send('S', 1, 'm1', 'sha of another');
    well.receive('a', 1, 'm1', 'sha of another').answer('a', 'm1').ack('S', 1, 'm1');
    expect(broken(well)).toEqual([]);
  });
});

describe('while another process takes over', () => {
  const handover = (from: number): { handovers: Handover[] } => ({
    handovers: [{ from, until: from + 10, exit: { code: 0, signal: null }, memory: MEMORY }],
  });
  const LATER = 1_000;

  test('a connection may be reset on which nothing was answered, and no other', () => {
    const queued = (): Story => story().send('S', 1, 'm1').close('S', 1, 'gateway', 'ECONNRESET');
    expect(broken(queued(), STRICT, handover(0))).toEqual([]);
    expect(broken(queued(), STRICT, handover(LATER))).toEqual(['sender-reset']);
    const served = story()
      .exchange('S', 1, 'a', 1, 'm1')
      .send('S', 1, 'm2')
      .close('S', 1, 'gateway', 'ECONNRESET');
    expect(broken(served, STRICT, handover(0))).toEqual(['sender-reset']);
  });

  test('a key may have a message with each of the two', () => {
    const both = (): Story =>
      story()
        .send('S', 1, 'm1')
        .send('S', 2, 'm2')
        .receive('a', 1, 'm1')
        .receive('b', 1, 'm2')
        .answer('a', 'm1')
        .answer('b', 'm2')
        .ack('S', 1, 'm1')
        .ack('S', 2, 'm2');
    expect(broken(both(), KEYED, handover(0))).toEqual([]);
    expect(broken(both(), KEYED, handover(LATER))).toEqual(['key-overlap']);
  });
});
