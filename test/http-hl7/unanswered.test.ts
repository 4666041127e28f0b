// Posted messages whose answer nobody gives, or nobody waits for: pools whose nodes do not acknowledge (F42), and clients
// that go away (F26). A message is delivered once in all of it.
import http2 from 'node:http2';
import { describe, expect, it } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { gate, until } from '../helpers/until.ts';
import {
  acks,
  arrived,
  ask,
  ended,
  expectNothingHeld,
  expectRefusal,
  LONG,
  logged,
  PATIENCE_MS,
  post,
  says,
  toHttp,
  told,
  toMllp,
} from './room.ts';

const X1 = message({ controlId: 'X1' });
const never = { acknowledgement: 'never' };
const byHeader = { acknowledgement: 'by-header' };

describe('F42 acknowledgement: never', LONG, () => {
  it.each(['', 'AL'])(
    'F42 over MLLP, with MSH-15 "%s": 200 without HL7 as soon as it is written',
    async (acceptAck) => {
      await using room = await toMllp({ script: answers.none(), pool: never });
      const body = message({ controlId: 'X1', acceptAck });
      const response = await room.ask(post(body));
      expect(told(response)).toBe('200 nothing');
      expect(value(response, 'content-type')).toBe('application/hl7-v2');
      await room.node.received(1, PATIENCE_MS);
      expect(room.node.messages[0]?.payload.equals(body)).toBe(true);
      expect((await ended(room.gw)).outcome).toMatchObject({ kind: 'unanswered' });
    },
  );

  it.each([200, 202, 204])('F42 over HTTP: a node’s %i, whatever its body', async (status) => {
    await using room = await toHttp({ script: says(status, status === 204 ? '' : 'thanks'), pool: never });
    expect(told(await room.ask(post(X1)))).toBe('200 nothing');
    expect(room.node.requests.length).toBe(1);
  });

  it('F42 over HTTP: not where the node says that it failed', async () => {
    await using room = await toHttp({ script: says(500), pool: never });
    expectRefusal(await room.ask(post(X1)), 502, 'GW_ERR_NODE_STATUS');
  });

  it('F42 an AA of such a node is not passed on', async () => {
    await using room = await toHttp({ pool: never });
    expect(told(await room.ask(post(X1)))).toBe('200 nothing');
  });
});

describe('F42 acknowledgement: by-header', LONG, () => {
  it.each([
    ['NE', '', 'nothing'],
    ['NE', 'NE', 'nothing'],
    ['', '', 'AA X1'],
    ['AL', 'NE', 'AA X1'],
    ['NE', 'AL', 'AA X1'],
  ])('F42 MSH-15 "%s" and MSH-16 "%s": %s', async (acceptAck, applicationAck, expected) => {
    const body = message({ controlId: 'X1', acceptAck, applicationAck });
    await using http = await toHttp({ pool: byHeader });
    expect(told(await http.ask(post(body)))).toBe(`200 ${expected}`);
    await using mllp = await toMllp({
      pool: byHeader,
      script: expected === 'nothing' ? answers.none() : answers.aa(),
    });
    expect(told(await mllp.ask(post(body)))).toBe(`200 ${expected}`);
  });
});

describe('F26 a client that goes away', LONG, () => {
  it('F26 before its answer (reset): delivered once, answered to nobody', async () => {
    const hold = gate();
    await using room = await toHttp({
      script: async (connection, request, index) => {
        await hold.opened;
        await acks()(connection, request, index);
      },
    });
    const client = await room.connect();
    await client.send(post(X1));
    await arrived(room.node, 1);
    client.reset();
    await until(() => room.gw.gateway.listeners[0]?.connections === 0, { deadlineMs: PATIENCE_MS });
    hold.open();
    const exchange = await ended(room.gw);
    expect(exchange.outcome).toMatchObject({ kind: 'answered', ack: { code: 'AA', controlId: 'X1' } });
    expect(await logged(room.gw, 'GW_ERR_REPLY_UNDELIVERED')).toMatchObject({
      source: '127.0.0.1',
      reply: 'AA',
    });
    await expectNothingHeld(room.gw);
    expect(room.node.requests.length).toBe(1);
    expect(room.node.request.body.equals(X1)).toBe(true);
    const other = await room.connect();
    expect(told(await ask(other, post(message({ controlId: 'X2' }))))).toBe('200 AA X2');
  });

  it('F80 while its message waits for a node: not delivered, as it comes again', async () => {
    await using room = await toMllp({
      pool: { queue: { timeout: '30s' }, health: { type: 'none', interval: '50ms' } },
    });
    await room.node.refuse();
    const client = await room.connect();
    await client.send(post(X1));
    await until(() => room.gw.held.queued === 1, { deadlineMs: PATIENCE_MS });
    client.reset();
    await until(() => room.gw.gateway.listeners[0]?.connections === 0, { deadlineMs: PATIENCE_MS });
    expect((await ended(room.gw)).outcome).toMatchObject({ kind: 'abandoned' });
    expect(await logged(room.gw, 'GW_ERR_HTTP_CUT')).toMatchObject({ outcome: 'abandoned', controlId: 'X1' });
    await expectNothingHeld(room.gw);
    await room.node.listen();
    const other = await room.connect();
    expect(told(await ask(other, post(message({ controlId: 'X2' }))))).toBe('200 AA X2');
    expect(room.node.controlIds).toEqual(['X2']);
  });

  it('F26 over HTTP/2, where it resets its stream alone', async () => {
    using folder = createTlsFolder();
    const hold = gate();
    await using room = await toMllp({ tls: folder, script: answers.after(hold) });
    const client = http2.connect(`https://localhost:${room.gw.port()}`, { ca: folder.caPem });
    const fields = { ':method': 'POST', ':path': '/', 'content-type': 'application/hl7-v2' };
    const gone = client.request(fields);
    gone.on('error', () => undefined);
    gone.end(X1);
    await room.node.received(1, PATIENCE_MS);
    gone.close(http2.constants.NGHTTP2_CANCEL);
    const other = client.request(fields);
    other.end(message({ controlId: 'X2' }));
    await until(() => room.gw.held.inFlight === 2, { deadlineMs: PATIENCE_MS });
    hold.open();
    let text = '';
    for await (const chunk of other.setEncoding('latin1')) text += chunk;
    expect(text).toContain('\rMSA|AA|X2\r');
    await logged(room.gw, 'GW_ERR_REPLY_UNDELIVERED');
    expect(room.node.controlIds).toEqual(['X1', 'X2']);
    await expectNothingHeld(room.gw);
    client.close();
  });
});

it('a gateway that stops answers what it has taken, and then ends the connection', LONG, async () => {
  const hold = gate();
  await using room = await toMllp({ script: answers.after(hold) });
  const client = await room.connect();
  await client.send(post(X1));
  await room.node.received(1, PATIENCE_MS);
  const stopped = room.gw.gateway.stop();
  hold.open();
  const response = await client.response(0, PATIENCE_MS);
  expect([told(response), value(response, 'connection')]).toEqual(['200 AA X1', 'close']);
  await client.end(PATIENCE_MS);
  client.finish();
  expect(await stopped).toBe(true);
});

it('no deadline outlives its message', LONG, async () => {
  await using room = await toHttp();
  const client = await room.connect();
  const timers = (): number => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  expect(told(await ask(client, post(X1)))).toBe('200 AA X1');
  const before = timers();
  for (let i = 0; i < 30; i++) expect(told(await ask(client, post(X1)))).toBe('200 AA X1');
  // Node.js's and undici's own come and go.
  await until(() => timers() < before + 15, { deadlineMs: PATIENCE_MS, what: 'no more timers than before' });
});
