// Work on whole messages that are large: validation, splitting, UTF-8. In the parse pool it comes to what it comes to on the
// event loop, and what is behind it keeps its place.
import { describe, expect, it } from 'vitest';
import { file, one, partsOf, SPLIT, saidIn } from '../faults/batch-room.ts';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { FAULTY_WORKER, Hold } from '../hl7/hold.ts';

const MODES = ['auto', 'never', 'always'];
const large = (id: string, segment: string): Buffer =>
  message({ controlId: id, segments: [segment], size: 4096 });
/** Of the messages in a batch. */
const sized = (id: string, text = ''): string =>
  message({ controlId: id, type: 'ADT^A01', segments: [`NTE|1||${text}`], size: 3000 }).toString('latin1');

async function start(options: { offload?: string; listener?: object; validate?: object; workers?: number }) {
  const node = await startFaultyNode();
  const gw = await startGateway(
    {
      nodes: [node.url],
      ...(options.listener && { listener: { ...options.listener } }),
      routes: [{ name: 'all', to: 'pool', ...(options.validate && { validate: options.validate }) }],
      parsing: { offload: options.offload ?? 'auto', inlineLimit: '2KiB', workers: options.workers ?? 1 },
    },
    { parseWorker: FAULTY_WORKER },
  );
  return { node, gw, [Symbol.asyncDispose]: () => gw[Symbol.asyncDispose]().then(() => node.close()) };
}

describe.each(MODES)('offload: %s', (offload) => {
  it('validates', async () => {
    const validate = { segments: ['PV1'], tables: { 'PID-8': ['F', 'M'] } };
    await using line = await start({ offload, validate });
    await using sender = await connectSender(line.gw.port());
    const good = message({ controlId: 'V1', segments: ['PID|1|||||||F', 'PV1|1|I'], size: 4096 });
    expect(said(await sender.exchange(good))).toBe('AA V1');
    const nak = await sender.exchange(large('V2', 'PID|1|||||||PLANTED'));
    expect(said(nak)).toBe('AE V2');
    expect(nak.toString('latin1').match(/\rERR[^\r]*/g)).toHaveLength(2);
    expect(nak.toString('latin1')).not.toContain('PLANTED');
    expect(line.node.controlIds).toEqual(['V1']);
    expect(line.gw.gateway.parsing.stats.offloaded).toBe(offload === 'never' ? 0 : 2);
    await expectNothingHeld(line.gw);
  });

  it('splits', async () => {
    await using line = await start({ offload, listener: SPLIT });
    await using sender = await connectSender(line.gw.port());
    const answer = await sender.exchange(file(sized('M1'), sized('M2'), sized('M3')));
    expect(saidIn(answer)).toEqual(['AA M1', 'AA M2', 'AA M3']);
    expect(partsOf(answer)).toHaveLength(3);
    expect(said(await sender.exchange(sized('ALONE')))).toBe('AA ALONE');
    expect(said(await sender.exchange(`${file(sized('M4'))}ZZZ|1\r`))).toBe('AR M4');
    expect(line.gw.codes).toEqual(['GW_ERR_BATCH_SPLIT']);
    expect(line.node.controlIds).toEqual(['M1', 'M2', 'M3', 'ALONE']);
    // The parts need their header only.
    const ways = { auto: 3, never: 0, always: 6 }[offload];
    expect(line.gw.gateway.parsing.stats.offloaded).toBe(ways);
    await expectNothingHeld(line.gw);
  });
});

describe('order', () => {
  it('a message does not overtake the many of a batch before it', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { ...SPLIT, limits: { maxPending: 1_000 } },
      pool: { connections: { max: 4, pipelining: 200 } },
    });
    await using sender = await connectSender(gw.port());
    const ids = Array.from({ length: 250 }, (_, i) => `M${i}`);
    const batch = frame(file(...ids.map((id) => one(id))));
    const behind = frame(one('BEHIND'));
    await sender.write(Buffer.concat([batch, behind]));
    // All has been read, and a hundred messages of the batch are under way.
    const parts = ids.slice(0, 100).reduce((sum, id) => sum + frame(one(id)).length, 0);
    await until(() => gw.held.bytes === batch.length + behind.length + parts, { what: 'all being read' });
    hold.open();
    expect(saidIn(await sender.nextAck())).toHaveLength(250);
    expect(said(await sender.nextAck())).toBe('AA BEHIND');
    expect(node.controlIds).toEqual([...ids, 'BEHIND']);
    await expectNothingHeld(gw);
  });

  it('nor a large one in the batch that is still being read', async () => {
    using hold = new Hold();
    await using line = await start({ listener: SPLIT, validate: { segments: ['NTE'] }, workers: 2 });
    await using sender = await connectSender(line.gw.port());
    const batch = file(one('M1'), sized('M2', 'FAULT-HOLD'), one('M3'));
    await sender.sendTogether([
      Buffer.from(batch, 'latin1'),
      message({ controlId: 'BEHIND', segments: ['NTE|1'] }),
    ]);
    // Its header is read, then it is split; what is held then is the validation of M2.
    for (const task of [1, 2]) {
      await hold.held(task);
      hold.letGo();
    }
    await hold.held(3);
    await turns(5);
    expect(line.node.controlIds).toEqual([]);
    hold.letGo();
    const answer = await sender.nextAck();
    expect(saidIn(answer)).toEqual(['AE M1', 'AA M2', 'AE M3']);
    expect(said(await sender.nextAck())).toBe('AA BEHIND');
    expect(line.node.controlIds).toEqual(['M2', 'BEHIND']);
    await expectNothingHeld(line.gw);
  });

  it('the messages of a large batch count as that many: more is not taken until it is answered', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { ...SPLIT, limits: { maxPending: 3 } },
      pool: { connections: { max: 4, pipelining: 8 } },
      parsing: { inlineLimit: '2KiB' },
    });
    await using sender = await connectSender(gw.port());
    await sender.send(file(sized('M1'), sized('M2'), sized('M3')));
    await node.received(3);
    const held = gw.held.bytes;
    await sender.send(one('BEHIND'));
    await turns(20);
    expect([gw.held.bytes, node.controlIds]).toEqual([held, ['M1', 'M2', 'M3']]);
    hold.open();
    expect(saidIn(await sender.nextAck())).toHaveLength(3);
    expect(said(await sender.nextAck())).toBe('AA BEHIND');
    await expectNothingHeld(gw);
  });

  it('a batch that fails lets those behind it go on', async () => {
    await using node = await startFaultyNode(answers.close());
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { ...SPLIT, onUnavailable: 'AE', onRejected: 'close' },
      pool: { retry: { attempts: 1 } },
    });
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([Buffer.from(file(one('M1'), one('M2')), 'latin1'), one('BEHIND')]);
    expect(await sender.nextAck()).toBeDefined();
    expect(said(await sender.nextAck())).toBe('AE BEHIND');
    await expectNothingHeld(gw);
  });
});
