// F90 and F91: table 0155 whole, by header; what the gateway's own refusals are in each mode.
import { describe, expect, test } from 'vitest';
import { expectNothingHeld, over, said, startPair } from '../helpers/expect-relay.ts';
import { answers, type Script } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { nakOf, startLine } from './line.ts';

const MODES = ['AL', 'NE', 'ER', 'SU', ''] as const;
const PAIRS = MODES.flatMap((acceptAck) => MODES.map((applicationAck) => ({ acceptAck, applicationAck })));
const SHORT = { timeouts: { ack: '10s', silence: '60ms' } };

/** Table 0155: is success told, is an error? */
const tellsSuccess = (mode: string): boolean => mode === 'AL' || mode === 'SU';
const tellsError = (mode: string): boolean => mode === 'AL' || mode === 'ER';

/** A node that does exactly what table 0155 says, in one answer: a commit if that is asked for. */
function exactly(isGood: boolean): Script {
  return async (exchange) => {
    const [accept = '', application = ''] =
      exchange.payload.toString('latin1').split('\r')[0]?.split('|').slice(14) ?? [];
    const tells = isGood ? tellsSuccess : tellsError;
    if (tells(accept)) await (isGood ? answers.ca() : answers.ce())(exchange);
    else if (tells(application) || (accept === '' && application === ''))
      await (isGood ? answers.aa() : answers.ae())(exchange);
  };
}

describe('table 0155', () => {
  test.each(PAIRS)(
    'F90 MSH-15 "$acceptAck", MSH-16 "$applicationAck", success: told, or silence',
    async (modes) => {
      await using line = await startLine({ script: exactly(true), pool: SHORT });
      void line.sender.send(message({ controlId: 'X1', ...modes }));
      const { outcome } = await over(line.gw, 'X1');
      const isOriginal = modes.acceptAck === '' && modes.applicationAck === '';
      const isTold = isOriginal || tellsSuccess(modes.acceptAck) || tellsSuccess(modes.applicationAck);
      expect(outcome?.kind).toBe(isTold ? 'answered' : 'unanswered');
      await line.atRest();
      await turns(10);
      const code = tellsSuccess(modes.acceptAck) ? 'CA' : 'AA';
      expect(line.sender.acks.map(said)).toEqual(isTold ? [`${code} X1`] : []);
      expect(line.sender.ended).toBe(false);
      expect(line.gw.codes).toEqual([]);
    },
  );

  test.each(
    PAIRS.filter(({ acceptAck, applicationAck }) => tellsError(acceptAck) || tellsError(applicationAck)),
  )('F90 MSH-15 "$acceptAck", MSH-16 "$applicationAck", error: it passes', async (modes) => {
    await using line = await startLine({ script: exactly(false), pool: SHORT });
    const code = tellsError(modes.acceptAck) ? 'CE' : 'AE';
    expect(said(await line.sender.exchange(message({ controlId: 'X1', ...modes })))).toBe(`${code} X1`);
  });

  test('F90 an error that comes behind the silence still reaches its sender, and is no other message’s', async () => {
    const hold = gate();
    await using line = await startLine({
      script: answers.detached(hold, answers.ae()),
      pool: { ...SHORT, connections: { max: 1 } },
    });
    await using other = await connectSender(line.gw.port());
    await line.sender.send(message({ controlId: 'X1', acceptAck: 'ER', applicationAck: 'NE' }));
    await over(line.gw, 'X1');
    void other.send(message({ controlId: 'X2' }));
    await line.node.received(2);
    hold.open();
    expect(said(await line.sender.nextAck())).toBe('AE X1');
    expect(said(await other.nextAck())).toBe('AE X2');
    expect(line.node.connections.total).toBe(1);
  });

  test('F90 an AA that comes behind the silence is what was known: nobody is told, the connection serves on', async () => {
    const hold = gate();
    await using line = await startLine({
      script: answers.detached(hold),
      pool: { ...SHORT, connections: { max: 1 } },
    });
    await line.sender.send(message({ controlId: 'X1', acceptAck: 'ER', applicationAck: 'NE' }));
    await over(line.gw, 'X1');
    hold.open();
    expect(said(await line.sender.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
    expect(line.sender.acks.length).toBe(1);
    expect(line.node.connections.total).toBe(1);
    expect(line.gw.log.some(({ level }) => level === 'warn')).toBe(false);
  });

  test('F90 pipelined: an answer further back says that silence before it was success', async () => {
    const script = answers.by(({ controlId }) => (controlId === 'LAST' ? answers.aa() : answers.none()));
    await using line = await startLine({
      script,
      pool: { connections: { max: 1, pipelining: 4 }, timeouts: { ack: '10s', silence: '8s' } },
    });
    const silent = ['X1', 'X2'].map((controlId) =>
      message({ controlId, acceptAck: 'ER', applicationAck: 'ER' }),
    );
    void line.sender.sendTogether([...silent, message({ controlId: 'LAST' })]);
    expect(said(await line.sender.nextAck())).toBe('AA LAST');
    expect(line.gw.messages.map(({ outcome }) => outcome?.kind)).toEqual([
      'unanswered',
      'unanswered',
      'answered',
    ]);
  });

  test('F90 a node that closes instead: ambiguous, as ever', async () => {
    await using line = await startLine({ script: answers.close(), pool: SHORT });
    void line.sender.send(message({ controlId: 'X1', acceptAck: 'ER', applicationAck: 'NE' }));
    await line.sender.closed;
    expect((await over(line.gw, 'X1')).outcome).toMatchObject({ kind: 'failed', ambiguous: true });
  });

  test.each(['always', 'by-header', 'never'])('F90 %s: NE and NE hold up nobody', async (acknowledgement) => {
    await using line = await startLine({
      script: answers.by(({ controlId }) => (controlId === 'LAST' ? answers.aa() : answers.none())),
      pool: { acknowledgement, connections: { max: 1 }, timeouts: { ack: '1h', silence: '50ms' } },
    });
    const silent = ['X1', 'X2'].map((controlId) =>
      message({ controlId, acceptAck: 'NE', applicationAck: 'NE' }),
    );
    void line.sender.sendTogether([...silent, message({ controlId: 'LAST' })]);
    await line.node.received(3);
    expect((await over(line.gw, 'X2')).outcome?.kind).toBe('unanswered');
    expect(line.sender.ended).toBe(false);
  });

  test.each([
    ['AA', 0],
    ['AE', 1],
  ])('F90 NE and NE to a node that answers all: %s is not passed on', async (code, warnings) => {
    await using line = await startLine({ script: answers.code(code), pool: { connections: { max: 1 } } });
    void line.sender.send(message({ controlId: 'X1', acceptAck: 'NE', applicationAck: 'NE' }));
    await over(line.gw, 'X1');
    expect(said(await line.sender.exchange(message({ controlId: 'X2' })))).toBe(`${code} X2`);
    expect(line.sender.acks.length).toBe(1);
    expect(
      line.gw.log.filter(({ reason }) => reason === 'it is a refusal, and its sender wants no answer').length,
    ).toBe(warnings);
    expect(line.node.connections.total).toBe(1);
    await expectNothingHeld(line.gw);
  });
});

describe('a refusal of the gateway’s own', () => {
  /** What it says for a configured AE or AR; undefined: nothing. */
  const expected = (accept: string, application: string): string | undefined => {
    if (accept === 'AL' || accept === 'ER') return 'C';
    if (accept !== '') return undefined;
    return application === 'NE' || application === 'SU' ? undefined : 'A';
  };

  test.each(PAIRS.flatMap((modes) => ['AR', 'CE'].map((onRejected) => ({ ...modes, onRejected }))))(
    'F91 onRejected $onRejected, MSH-15 "$acceptAck", MSH-16 "$applicationAck"',
    async ({ onRejected, ...modes }) => {
      await using line = await startLine({
        listener: { onRejected },
        routes: [{ when: { 'MSH-9.1': 'ORU' }, to: 'pool' }],
      });
      void line.sender.send(message({ controlId: 'X1', ...modes }));
      const { replyCode } = await over(line.gw, 'X1');
      const level = expected(modes.acceptAck, modes.applicationAck);
      expect(replyCode).toBe(level === undefined ? 'none' : `${level}${onRejected.charAt(1)}`);
      // The connection goes on in each case.
      const next = await line.sender.exchange(message({ controlId: 'X2', type: 'ORU^R01' }));
      const acks = level === undefined ? ['AA X2'] : [`${replyCode} X1`, 'AA X2'];
      if (level !== undefined) await line.sender.nextAck();
      expect(line.sender.acks.map(said)).toEqual(acks);
      expect(next.length).toBeGreaterThan(0);
    },
  );

  test.each(['ACK', 'ACK^A01', 'ACK^A01^ACK'])('F91 %s is never answered', async (type) => {
    await using line = await startLine({ routes: [{ when: { 'MSH-9.1': 'ORU' }, to: 'pool' }] });
    void line.sender.send(message({ controlId: 'X1', type, segments: ['MSA|AA|T0'] }));
    expect((await over(line.gw, 'X1')).replyCode).toBe('none');
    void line.sender.send(message({ controlId: '', type, segments: ['MSA|AA|T0'] }));
    await until(() => line.gw.messages.length === 2);
    expect(said(await line.sender.exchange(message({ controlId: 'X2', type: 'ORU^R01' })))).toBe('AA X2');
    expect(line.sender.acks.length).toBe(1);
  });

  test('F91 nor is one missed that no node answers', async () => {
    await using line = await startLine({ script: answers.none(), pool: SHORT });
    void line.sender.send(message({ controlId: 'X1', type: 'ACK^A01', segments: ['MSA|AA|T0'] }));
    expect((await over(line.gw, 'X1')).outcome?.kind).toBe('unanswered');
    expect(line.sender.ended).toBe(false);
  });

  test.each([
    [{ 'MSH-11': { not: 'P' } }, undefined, '202', '11'],
    [{ 'MSH-11.1': 'T' }, undefined, '202', '11'],
    [{ 'MSH-12': '2.5.1' }, undefined, '203', '12'],
    [{ 'MSH-9.2': 'A01' }, undefined, '201', '9'],
    [{ 'MSH-9.1': 'ADT' }, undefined, '200', '9'],
    [{ 'MSH-3': 'SENDAPP' }, undefined, '207', ''],
    [{ 'MSH-3': 'SENDAPP' }, 203, '203', '12'],
    [{ 'MSH-11': 'T' }, '204', '204', ''],
  ])('F91 a route that rejects %j, condition %s: ERR-3 is %s', async (when, condition, code, field) => {
    const reject = { code: 'AR', ...(condition === undefined ? {} : { condition }) };
    await using line = await startLine({ routes: [{ when, reject }, { to: 'pool' }] });
    const ack = await line.sender.exchange(message({ controlId: 'X1', processingId: 'T' }));
    expect(nakOf(ack)).toMatchObject({ code: 'AR', error: 'GW_ERR_ROUTE_REJECTED' });
    const err = ack
      .toString()
      .split('\r')
      .find((segment) => segment.startsWith('ERR'))
      ?.split('|');
    expect([err?.[3]?.split('^')[0], err?.[2]]).toEqual([code, field === '' ? '' : `MSH^1^${field}`]);
  });
});

test('F90 with two nodes: silence on one is not asked of the other', async () => {
  await using pair = await startPair(answers.none(), SHORT);
  void pair.sender.send(message({ controlId: 'X1', acceptAck: 'ER', applicationAck: 'NE' }));
  expect((await over(pair.gw, 'X1')).attempts.length).toBe(1);
  expect(pair.b.messages.length).toBe(0);
});
