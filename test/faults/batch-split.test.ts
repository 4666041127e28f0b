// F24 with `batch: split`: each message of a batch is routed by itself, and its sender gets one answer.
import { describe, expect, it } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { byId, envelopeOf, file, one, partsOf, SPLIT, saidIn } from './batch-room.ts';
import { nakOf, startLine } from './line.ts';

describe('F24 the answer', () => {
  it('is one, in the shape of the batch, and holds each answer of the node byte for byte', async () => {
    await using line = await startLine({ listener: SPLIT });
    const messages = [one('M1'), one('M2'), one('M3')];
    const answer = await line.sender.exchange(file(...messages));
    line.nodeGot(messages.map(frame));
    expect(envelopeOf(answer)).toBe('FHS BHS BTS|3 FTS|1');
    expect(partsOf(answer)).toEqual(line.answered.map((ack) => ack.toString('latin1')));
    const [fhs = '', bhs = ''] = answer.toString('latin1').split('\r');
    expect([fhs.split('|').slice(2, 6), fhs.split('|')[11], bhs.split('|')[11]]).toEqual([
      ['RECVAPP', 'RECVFAC', 'SENDAPP', 'SENDFAC'],
      'F-1',
      'B-1',
    ]);
    expect(line.sender.acks).toHaveLength(1);
    expect(line.gw.codes).toEqual([]);
    await line.goesOn();
  });

  it.each(['\r', '\n', '\r\n'])(
    'to several messages without FHS and BHS has none either (%j)',
    async (end) => {
      await using line = await startLine({ listener: SPLIT });
      const messages = [one('M1'), one('M2')].map((text) => text.replaceAll('\r', end));
      const answer = await line.sender.exchange(messages.join(''));
      line.nodeGot(messages.map(frame));
      expect(answer.toString('latin1')).toBe(line.answered.map((ack) => ack.toString('latin1')).join(''));
    },
  );

  it('to one message is the node’s own, and so is that to a batch without a message', async () => {
    await using line = await startLine({
      listener: SPLIT,
      script: answers.inSequence(answers.aa(), answers.aa({ controlId: 'B-9' })),
    });
    const empty = 'BHS|^~\\&|A|B|C|D|2026||||B-9\rBTS|0\r';
    expect(msaOf(await line.sender.exchange(one('M1')))).toEqual({ code: 'AA', controlId: 'M1' });
    expect((await line.sender.exchange(empty)).toString()).toMatch(/^MSH.+\rMSA\|AA\|B-9\r$/);
    line.nodeGot([frame(one('M1')), frame(empty)]);
  });

  it('waits until every message has an answer', async () => {
    const hold = gate();
    await using line = await startLine({
      listener: SPLIT,
      script: byId({ M3: answers.after(hold) }),
    });
    void line.sender.send(file(one('M1'), one('M2'), one('M3')));
    await line.node.received(3);
    await until(() => line.gw.messages.length === 2);
    await turns();
    expect(line.sender.received).toHaveLength(0);
    hold.open();
    expect(saidIn(await line.sender.nextAck())).toEqual(['AA M1', 'AA M2', 'AA M3']);
    await line.atRest();
  });

  it('keeps its place among the answers of the connection', async () => {
    const hold = gate();
    await using line = await startLine({
      listener: SPLIT,
      script: byId({ M2: answers.after(hold) }),
      pool: { connections: { max: 4, pipelining: 8 } },
    });
    void line.sender.sendTogether([one('BEFORE'), file(one('M1'), one('M2')), one('BEHIND')]);
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'BEFORE' });
    await line.node.received(4);
    expect(line.node.controlIds).toEqual(['BEFORE', 'M1', 'M2', 'BEHIND']);
    await turns();
    expect(line.sender.acks).toHaveLength(1);
    hold.open();
    expect(saidIn(await line.sender.nextAck())).toEqual(['AA M1', 'AA M2']);
    expect(msaOf(await line.sender.nextAck())?.controlId).toBe('BEHIND');
    await line.atRest();
  });

  it('has what a node refused in its place', async () => {
    await using line = await startLine({
      listener: SPLIT,
      script: byId({ M2: answers.ae({ text: 'no' }), M3: answers.ar() }),
    });
    const answer = await line.sender.exchange(file(one('M1'), one('M2'), one('M3')));
    expect(saidIn(answer)).toEqual(['AA M1', 'AE M2', 'AR M3']);
    await line.goesOn();
  });

  it('has the gateway’s own refusal of what no route takes', async () => {
    await using line = await startLine({
      listener: SPLIT,
      routes: [{ when: { 'MSH-9.1': 'ADT' }, to: 'pool' }],
    });
    const answer = await line.sender.exchange(file(one('M1'), one('M2', 'ORU^R01'), one('M3')));
    expect(saidIn(answer)).toEqual(['AA M1', 'AR M2', 'AA M3']);
    expect(nakOf(Buffer.from(partsOf(answer)[1] ?? ''))).toMatchObject({ error: 'GW_ERR_ROUTE_NONE' });
    expect(line.node.controlIds).toEqual(['M1', 'M3']);
    await line.goesOn();
  });
});

it('F24 each message goes where its own header says', async () => {
  await using adt = await startFaultyNode();
  await using lab = await startFaultyNode();
  await using gw = await startGateway(
    JSON.stringify({
      listeners: { in: { bind: '127.0.0.1:0', ...SPLIT } },
      pools: { adt: { nodes: { a: { url: adt.url } } }, lab: { nodes: { a: { url: lab.url } } } },
      routes: [
        { when: { 'MSH-9.1': 'ADT' }, to: 'adt' },
        { when: { 'MSH-9.1': 'ORU' }, to: 'lab' },
      ],
    }),
  );
  await using sender = await connectSender(gw.port());
  const answer = await sender.exchange(
    file(one('A1'), one('L1', 'ORU^R01'), one('A2'), one('L2', 'ORU^R01'), one('A3')),
  );
  expect(adt.controlIds).toEqual(['A1', 'A2', 'A3']);
  expect(lab.controlIds).toEqual(['L1', 'L2']);
  expect(saidIn(answer)).toEqual(['AA A1', 'AA L1', 'AA A2', 'AA L2', 'AA A3']);
});

it('F24 each message must be allowed and be whole by itself', async () => {
  await using line = await startLine({
    listener: { ...SPLIT, allow: [{ source: '127.0.0.1', 'MSH-3': 'SENDAPP' }] },
  });
  const other = message({ controlId: 'M2', app: 'OTHER' }).toString('latin1');
  const nameless = message({ controlId: '' }).toString('latin1');
  const answer = await line.sender.exchange(file(one('M1'), other, nameless, one('M4')));
  expect(saidIn(answer)).toEqual(['AA M1', 'AR M2', 'AR ', 'AA M4']);
  expect(line.gw.codes).toEqual(['GW_ERR_SENDER_NOT_ALLOWED', 'GW_ERR_HEADER_CONTROL_ID']);
  expect(line.node.controlIds).toEqual(['M1', 'M4']);
});

describe('F24 a batch that cannot be split is refused, and nothing of it sent', () => {
  const detail = (line: { log: readonly Record<string, unknown>[] }): unknown =>
    line.log.find(({ code }) => code === 'GW_ERR_BATCH_SPLIT');

  it.each([
    ['more messages than limits.maxBatch', file(one('M1'), one('M2'), one('M3'))],
    ['a segment that belongs to no message', file('NTE|1\r', one('M1'))],
    ['a header that cannot be read', file(one('M1'), 'MSHX\r')],
    ['UTF-16', Buffer.from(file(one('M1')), 'utf16le')],
  ])('%s', async (_, payload) => {
    await using line = await startLine({ listener: { ...SPLIT, limits: { maxBatch: 2 } } });
    const nak = await line.sender.exchange(payload);
    const text = Buffer.from(nak.toString('latin1').replaceAll('\0', ''), 'latin1');
    expect(nakOf(text)).toEqual({ code: 'AR', controlId: 'M1', error: 'GW_ERR_BATCH_SPLIT' });
    expect(text.toString()).toContain('|100^Segment sequence error^HL70357|');
    expect(detail(line.gw)).toBeDefined();
    line.nodeGot([]);
    await line.goesOn();
  });
});

it('F24 the log has a line for each message and one for the batch, linked, and nothing of their content', async () => {
  await using line = await startLine({
    listener: SPLIT,
    routes: [{ when: { 'MSH-9.1': 'ADT' }, to: 'pool' }],
  });
  await line.sender.exchange(file(one('M1'), one('M2', 'ORU^R01')));
  const lines = line.gw.log.filter(({ msg }) => msg === 'message');
  expect(lines).toMatchObject([
    { controlId: 'M2', batch: 'F-1', outcome: 'failed', reply: 'AR', code: 'GW_ERR_ROUTE_NONE' },
    { controlId: 'M1', batch: 'F-1', outcome: 'answered', reply: 'AA' },
    { controlId: 'M1', messages: 2, outcome: 'gathered', reply: 'AR' },
  ]);
  expect(JSON.stringify(line.gw.log)).not.toMatch(/SAMPLE|WARD1/);
  const [second, first, batch] = line.gw.messages;
  expect([first?.batch, second?.batch, batch?.batch]).toMatchObject([
    { serial: batch?.serial, controlId: 'F-1', position: 1, size: 2 },
    { serial: batch?.serial, controlId: 'F-1', position: 2, size: 2 },
    undefined,
  ]);
});
