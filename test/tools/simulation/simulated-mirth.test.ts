// The port of a simulated node follows what its REST API says: open when a real one's channel would listen, and not before.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MirthState } from '../../../src/tools/simulation/api/mirth-state.ts';
import { FIRST_USER, RestApi } from '../../../src/tools/simulation/api/rest-api.ts';
import { SimulatedApi } from '../../../src/tools/simulation/api/simulated-api.ts';
import { MIRTH_DEFAULTS, MIRTH_HTTP_DEFAULTS } from '../../../src/tools/simulation/mirth-defaults.ts';
import { SimulatedHttpNode } from '../../../src/tools/simulation/simulated-http-node.ts';
import { SimulatedMirth, type SimulatedMirthOptions } from '../../../src/tools/simulation/simulated-mirth.ts';
import { SimulatedNode } from '../../../src/tools/simulation/simulated-node.ts';
import { message, msaOf } from '../../helpers/mllp.ts';
import { connectSender } from '../../helpers/sender.ts';
import { until } from '../../helpers/until.ts';

const HTTP = (): SimulatedHttpNode => new SimulatedHttpNode({ ...MIRTH_HTTP_DEFAULTS });
const at = (status: number) => [{ status, forMs: undefined }];

async function open(
  status: number,
  {
    data = new SimulatedNode(MIRTH_DEFAULTS),
    ...options
  }: Partial<SimulatedMirthOptions> & {
    data?: SimulatedNode | SimulatedHttpNode;
  } = {},
) {
  const state = new MirthState({ phases: at(status), channels: [['ADT', 'STARTED']] });
  const api = new SimulatedApi({ host: '127.0.0.1', port: 0 }, new RestApi(state, () => FIRST_USER, false));
  const settled: boolean[] = [];
  const mirth = new SimulatedMirth(data, api, state, {
    keepOpen: false,
    onSettled: (isOpen) => settled.push(isOpen),
    ...options,
  });
  await mirth.start();
  onTestFinished(() => mirth.stop());
  return { state, mirth, data, settled };
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe.each([
  ['mllp', () => new SimulatedNode(MIRTH_DEFAULTS)],
  ['http', HTTP],
])('%s', (_, create) => {
  test('closed in 2 and 3, open in 0, closed while the channel is stopped; always the same port', async () => {
    const { state, data, settled, mirth } = await open(2, { data: create() });
    const { port } = data;
    expect(port).toBeGreaterThan(0);
    expect([mirth.isOpen, await accepts(port)]).toEqual([false, false]);
    state.run(at(3));
    await until(() => settled.length === 1);
    expect(await accepts(port)).toBe(false);
    for (const turn of [0, 1, 2]) {
      state.run(at(0));
      await until(() => settled.at(-1) === true);
      expect([turn, await accepts(port), data.port]).toEqual([turn, true, port]);
      state.setChannel('ADT', 'STOPPED');
      await until(() => settled.at(-1) === false);
      expect(await accepts(port)).toBe(false);
      state.setChannel('ADT', 'STARTED');
      await until(() => settled.at(-1) === true);
      state.run(at(1));
      await until(() => settled.at(-1) === false);
    }
  });

  test('it stops also while it is closed, and a change after that opens nothing', async () => {
    const { state, data, mirth, settled } = await open(2, { data: create() });
    await mirth.stop();
    state.run(at(0));
    await mirth.stop();
    expect([settled, await accepts(data.port)]).toEqual([[], false]);
  });
});

test('changes in one moment end as the last one says', async () => {
  const { state, data, settled } = await open(0);
  for (const status of [2, 0, 3, 0, 1]) state.run(at(status));
  await until(() => settled.length === 5);
  expect([settled.at(-1), await accepts(data.port)]).toEqual([false, false]);
});

test('with keepOpen the port stays open whatever the API says', async () => {
  const { state, data, settled } = await open(2, { keepOpen: true });
  state.setChannel('ADT', 'STOPPED');
  await until(() => settled.length === 1);
  expect([settled, await accepts(data.port)]).toEqual([[true], true]);
});

test('a channel that is stopped answers the message in work, and none behind it', async () => {
  const data = new SimulatedNode({ ...MIRTH_DEFAULTS, delayMs: 50 });
  const { state } = await open(0, { data });
  await using sender = await connectSender(data.port);
  await using idle = await connectSender(data.port);
  void sender.sendTogether([message({ controlId: 'IN-WORK' }), message({ controlId: 'BEHIND' })]);
  await until(() => data.messages === 1);
  state.setChannel('ADT', 'STOPPED');
  expect((await idle.closed).hadError).toBe(false);
  expect((await sender.closed).hadError).toBe(false);
  expect(sender.acks.map((ack) => msaOf(ack)?.controlId)).toEqual(['IN-WORK']);
  expect(data.messages).toBe(1);
});

test('a sender that has closed its side gets the answer that it waits for', async () => {
  const { data } = await open(0);
  await using sender = await connectSender(data.port, { allowHalfOpen: true });
  void sender.send(message({ controlId: 'LAST' }));
  await sender.end();
  expect(msaOf(await sender.nextAck())?.controlId).toBe('LAST');
});

test('a port that another has taken meanwhile is told of', async () => {
  const { state, data, mirth } = await open(2);
  const other = net.createServer().listen(data.port, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  state.run(at(0));
  await expect(mirth.failed).rejects.toMatchObject({ code: 'GW_ERR_LISTEN' });
});
