// What a listener has that a reload takes out, together with its routes and its pool (F46): it goes by the config that it came
// under, to its end; the one in force has no word for it.
import { describe, expect, test } from 'vitest';
import { file, one, SPLIT, saidIn } from '../faults/batch-room.ts';
import { request } from '../faults/http-room.ts';
import { expectNothingHeld, over, said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { large, small } from '../helpers/parsing-line.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { type RawScript, startRawNode } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { FAULTY_WORKER, Hold } from '../hl7/hold.ts';
import { acks, post } from '../http-hl7/room.ts';
import { closedPools, configOf, type Editable, type EditablePool, pending, poolOf, reload } from './room.ts';

/** An interface with all that belongs to it, named `lab`; `listener`: more keys of its. */
function lab(pool: EditablePool, listener: object = {}, edit: (config: Editable) => void = () => {}): string {
  return configOf([], (config) => {
    config.listeners = { lab: { bind: '127.0.0.1:0', ...listener } };
    config.pools = { lab: pool };
    config.routes = [{ name: 'lab', when: { listener: 'lab' }, to: 'lab' }];
    config.parsing = { inlineLimit: '2KiB', workers: 1 };
    edit(config);
  });
}

/** Another one, and whatever is none of it is rejected. */
const ADT = configOf(['mllp://127.0.0.1:1'], (config) => {
  config.listeners = { adt: { bind: '127.0.0.1:0' } };
  config.routes = [
    { name: 'adt', when: { listener: 'adt' }, to: 'pool' },
    { name: 'nothing else', reject: { code: 'AR', text: 'nothing else' } },
  ];
  config.parsing = { inlineLimit: '2KiB', workers: 1 };
});

async function ended(gw: TestGateway): Promise<void> {
  await until(() => closedPools(gw).includes('lab'));
  expect(gw.log.some(({ msg, listener }) => msg === 'listener closed' && listener === 'lab')).toBe(true);
  await expectNothingHeld(gw);
}

describe('over MLLP', () => {
  test('what waits in its lane is sent, and the connection ends behind it', async () => {
    const hold = gate();
    await using a = await startFaultyNode(answers.after(hold));
    await using gw = await startGateway(lab(poolOf([a.url])));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([small('ONE'), small('TWO'), small('THREE')]);
    await a.received(1);
    await until(() => pending(gw) === 3);
    await reload(gw, ADT);
    // And once more: it is not of the config before this one either.
    await reload(gw, configOf(['mllp://127.0.0.1:2']));
    hold.open();
    expect((await sender.nextAcks(3)).map(said)).toEqual(['AA ONE', 'AA TWO', 'AA THREE']);
    expect(await sender.closed).toMatchObject({ code: undefined });
    expect((await over(gw, 'THREE')).route?.name).toBe('lab');
    await ended(gw);
  });

  test('what waits for a node goes there when it comes', async () => {
    await using a = await startFaultyNode();
    await a.refuse();
    const patient = {
      queue: { timeout: '1h' },
      health: { interval: '50ms', fastInterval: '50ms', fall: 1, rise: 1 },
    };
    await using gw = await startGateway(lab({ ...poolOf([a.url]), ...patient }));
    await using sender = await connectSender(gw.port());
    await sender.send(small('ONE'));
    await until(() => gw.held.queued === 1);
    await reload(gw, ADT);
    await turns();
    expect(sender.ended).toBe(false);
    await a.listen();
    expect(said(await sender.nextAck())).toBe('AA ONE');
    await ended(gw);
  });

  test('the rest of a frame comes, long after its pool has had nothing more', async () => {
    await using a = await startFaultyNode();
    await using gw = await startGateway(lab(poolOf([a.url])));
    await using sender = await connectSender(gw.port());
    const whole = frame(small('ONE'));
    await sender.write(whole.subarray(0, 20));
    await until(() => gw.gateway.heldBytes === 20);
    await reload(gw, ADT);
    // As long as rooms are looked at that may be left.
    const since = performance.now();
    await until(() => performance.now() > since + 250);
    expect(closedPools(gw)).toEqual([]);
    await sender.write(whole.subarray(20));
    expect(said(await sender.nextAck())).toBe('AA ONE');
    await ended(gw);
  });

  test.each([
    ['what is being read', []],
    ['and what waits behind it', [small('BEHIND')]],
  ])('F80 %s is not sent where its sender has reset as well', async (_, behind) => {
    using hold = new Hold();
    await using a = await startRawNode(acks());
    const asking = (config: Editable): void => {
      config.routes.unshift({ name: 'none', when: { 'OBX-5': 'NOBODY', 'MSH-10': 'HELD' }, to: 'lab' });
    };
    const web = { nodes: { a: { url: a.url } }, health: { type: 'none' } };
    await using gw = await startGateway(lab(web, {}, asking), { parseWorker: FAULTY_WORKER });
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([large('HELD', 'FAULT-HOLD'), ...behind]);
    await hold.held(1);
    await until(() => pending(gw) === 1 + behind.length);
    await reload(gw, ADT);
    sender.reset();
    await until(() => gw.log.some(({ msg }) => msg === 'listener closed'));
    // Once for its header, where that is read there too.
    await until(() => {
      hold.letGo();
      return gw.messages.length === 1 + behind.length;
    });
    await ended(gw);
    expect(gw.messages.map(({ outcome }) => outcome?.kind)).toEqual(
      Array(1 + behind.length).fill('abandoned'),
    );
    expect(a.requests.length).toBe(0);
  });

  test('a batch is split to its end', async () => {
    const hold = gate();
    await using a = await startFaultyNode(answers.after(hold));
    await using gw = await startGateway(lab(poolOf([a.url]), SPLIT));
    await using sender = await connectSender(gw.port());
    const ids = Array.from({ length: 150 }, (_, i) => `P${i}`);
    await sender.sendTogether([file(...ids.map((id) => one(id))), small('BEHIND')]);
    await a.received(1);
    await until(() => pending(gw) >= 2);
    await reload(gw, ADT);
    hold.open();
    const [answer, behind] = await sender.nextAcks(2);
    expect(saidIn(answer as Buffer)).toEqual(ids.map((id) => `AA ${id}`));
    expect(said(behind as Buffer)).toBe('AA BEHIND');
    await ended(gw);
  });
});

describe('over HTTP', () => {
  test('a request that waits for a node, and those whose bodies are coming', async () => {
    const hold = gate();
    const script: RawScript = async (connection, { method }) => {
      if (method === 'GET') await hold.opened;
      await connection.answer(method);
    };
    await using a = await startRawNode(script);
    const pool = { nodes: { a: { url: a.url } }, health: { type: 'none' }, connections: { max: 1 } };
    await using gw = await startGateway(lab({ ...pool, queue: { timeout: '1h' } }, { protocol: 'http' }));
    await using holds = await connectClient(gw.port());
    await using waits = await connectClient(gw.port());
    await using comes = await connectClient(gw.port());
    await holds.send(request('GET / HTTP/1.1'));
    await a.arrived(1);
    await waits.send(request('DELETE / HTTP/1.1'));
    await comes.send(request('PUT / HTTP/1.1', ['Content-Length: 8'], 'abcd'));
    await until(() => gw.gateway.httpPools.get('lab')?.queued === 1 && gw.gateway.heldBytes === 4);
    await reload(gw, ADT);
    await comes.send('efgh');
    await turns(20);
    hold.open();
    const responses = [await holds.response(0), await waits.response(0), await comes.response(0)];
    expect(responses.map(({ status, body }) => `${status} ${body.toString()}`)).toEqual([
      '200 GET',
      '200 DELETE',
      '200 PUT',
    ]);
    for (const client of [holds, waits, comes]) await client[Symbol.asyncDispose]();
    await ended(gw);
  });

  test('a message whose body is coming', async () => {
    await using a = await startFaultyNode();
    await using gw = await startGateway(lab(poolOf([a.url]), { protocol: 'http' }));
    await using client = await connectClient(gw.port());
    const whole = post(message({ controlId: 'ONE' }));
    await client.send(whole.subarray(0, -8));
    await until(() => gw.gateway.heldBytes > 0);
    await reload(gw, ADT);
    await client.send(whole.subarray(-8));
    expect((await client.response(0)).status).toBe(200);
    expect(a.controlIds).toEqual(['ONE']);
    await client[Symbol.asyncDispose]();
    await ended(gw);
  });
});
