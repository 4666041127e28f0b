// What becomes of a message that comes by MLLP, as a whole tree of spans in the collector's eyes.
import { describe, expect, it } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { startCollector } from '../helpers/otlp-collector.ts';
import { connectSender } from '../helpers/sender.ts';
import { startTraced } from './room.ts';

describe('a message that a node takes', () => {
  it('has a root, the steps of the line, and one attempt', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url] });
    await using sender = await connectSender(gw.port());
    await sender.exchange(message({ controlId: 'T-1' }));
    const trace = await collector.trace();
    expect(trace.tree).toEqual([
      'server mllp receive',
      '  internal parse',
      '  internal route',
      '  client forward a [connect write ack]',
      '  internal reply',
    ]);
    expect(trace.root.attributes['hl7.message.control_id']).toBe('T-1');
  });
});
