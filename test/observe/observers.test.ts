// Observers of a running gateway: what they are told of a message, and what one that fails does to the messages: nothing.
import { expect, test } from 'vitest';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { createLog } from '../../src/observe/log/log.ts';
import type { Observer } from '../../src/observe/observer.ts';
import { said } from '../helpers/expect-relay.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

/** Fails at everything, with a patient's name in its words. */
class Broken implements Required<Observer> {
  readonly #events: string[];

  constructor(events: string[]) {
    this.#events = events;
  }

  onMessage = (): void => this.#fail('onMessage');
  onReply = (): void => this.#fail('onReply');
  onRequest = (): void => this.#fail('onRequest');
  onCarried = (): void => this.#fail('onCarried');
  onConnection = (): void => this.#fail('onConnection');
  onFault = (): void => this.#fail('onFault');
  onFraming = (): void => this.#fail('onFraming');
  onOperator = (): void => this.#fail('onOperator');

  #fail(event: string): never {
    this.#events.push(event);
    throw new Error('MUSTERFRAU^ERIKA');
  }
}

test('an observer that fails: messages, faults and operators go on, and the log says where it failed', async () => {
  await using node = await startFaultyNode();
  const events: string[] = [];
  const after: string[] = [];
  const observer: Observer = {
    onMessage: () => void after.push('onMessage'),
    onReply: (_, isDelivered) => void after.push(`onReply ${isDelivered}`),
    onFault: ({ error }) => void after.push(`onFault ${error.code}`),
    onOperator: (by, { kind }) => void after.push(`onOperator ${by} ${kind}`),
  };
  await using gw = await startGateway({ nodes: [node.url] }, { observers: [new Broken(events), observer] });
  await using sender = await connectSender(gw.port());
  expect(said(await sender.exchange(message({ controlId: 'C-1' })))).toBe('AA C-1');
  await until(() => after.length === 2);
  await using other = await connectSender(gw.port());
  await other.write('no frame at all '.repeat(1_000));
  await other.closed;
  await until(() => after.length === 3);
  const control = new GatewayControl(() => gw.gateway, '', createLog({ level: 'silent', format: 'json' }));
  control.drain('pool', 'a', '10.0.0.9');
  expect(after).toEqual([
    'onMessage',
    'onReply true',
    'onFault GW_ERR_FRAME_NO_START',
    'onOperator 10.0.0.9 node state',
  ]);
  expect(events).toEqual(['onMessage', 'onReply', 'onFault', 'onOperator']);
  const lines = gw.log.filter(({ observer }) => observer === 'Broken');
  expect(lines.map(({ level, event, code }) => [level, event, code])).toEqual(
    events.map((event) => ['error', event, 'GW_ERR_INTERNAL']),
  );
  expect(lines[0]?.stack).toEqual(
    expect.arrayContaining(['Error', expect.stringMatching(/observers\.test\.ts/)]),
  );
  expect(JSON.stringify(gw.log)).not.toContain('MUSTERFRAU');
});

test('an observer that fails for each message does not fill the log', async () => {
  await using node = await startFaultyNode();
  const events: string[] = [];
  await using gw = await startGateway({ nodes: [node.url] }, { observers: [new Broken(events)] });
  await using sender = await connectSender(gw.port());
  const count = 150;
  for (let i = 0; i < count; i++) await sender.send(message());
  await sender.nextAcks(count, 20_000);
  await until(() => events.length === 2 * count);
  const said100 = (name: string): number =>
    gw.log.filter(({ observer, event }) => observer === 'Broken' && event === name).length;
  expect([said100('onMessage'), said100('onReply')]).toEqual([100, 100]);
});
