// Who watches is told of an answered message when its reply has been handed to the socket, and not before.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { BufferBudget } from '../../listeners/accept/buffer-budget.ts';
import { MllpSession } from '../../listeners/mllp/mllp-session.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type Ack, readAck } from '../../src/hl7/ack.ts';
import { SocketTransport } from '../../src/mllp/socket-transport.ts';
import type { Message } from '../../src/relay/message.ts';
import type { Pipeline } from '../../src/relay/pipeline.ts';
import { simpleConfig } from '../helpers/gateway.ts';
import { ackFor, frame, message } from '../helpers/mllp.ts';

interface Fed {
  readonly socket: Duplex;
  readonly accepted: readonly Message[];
  /** What is written, and what those who watch are told. */
  readonly events: readonly string[];
  /** Has the node acknowledge this message. */
  readonly answer: (one: Message) => void;
}

function openSession(): Fed {
  const events: string[] = [];
  const accepted: Message[] = [];
  const socket = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _encoding, done) => {
      events.push(`${bytes.toString('latin1').split('\x1c').length - 1} written`);
      done();
    },
  });
  const { config } = parseConfig(simpleConfig({ nodes: ['mllp://127.0.0.1:1'] }), { env: {} });
  new MllpSession(
    new SocketTransport(socket as unknown as Socket),
    { address: '127.0.0.1', port: 1 },
    config.listeners[0] as ListenerConfig,
    { batch: 'whole', missingControlId: 'refuse', maxBatch: 1000, utf16: 'forward', allowance: undefined },
    { accept: (one: Message) => accepted.push(one), holdsUp: () => false } as unknown as Pipeline,
    new BufferBudget(1024 ** 3),
    {
      onMessage: (one) => events.push(`message ${accepted.indexOf(one)}`),
      onOver: (one, replied) => events.push(`over ${accepted.indexOf(one)} ${replied}`),
      onFault: () => {},
      onFraming: () => {},
      onClosed: () => {},
    },
  );
  const answer = (one: Message): void => {
    const bytes = ackFor(one.payload, 'AA');
    one.answered(readAck(bytes) as Ack, frame(bytes));
  };
  return { socket, accepted, events, answer };
}

it('each once, in the order of the replies; one whose reply has to wait is told at once', async () => {
  const { socket, accepted, events, answer } = openSession();
  const sent = ['A', 'B', 'C'].map((controlId) => message({ controlId }));
  socket.emit('data', Buffer.concat(sent.map(frame)));
  answer(accepted[1] as Message);
  expect(events).toEqual(['message 1']);
  answer(accepted[0] as Message);
  expect(events).toEqual(['message 1']);
  await turn();
  expect(events).toEqual(['message 1', '2 written', 'message 0', 'over 0 true', 'over 1 true']);
  answer(accepted[2] as Message);
  await turn();
  expect(events.slice(5)).toEqual(['1 written', 'message 2', 'over 2 true']);
});

it('a refusal without bytes behind a reply does not make it a delivered one before it is written', async () => {
  const { socket, accepted, events, answer } = openSession();
  socket.emit('data', frame(message({ controlId: 'A' })));
  answer(accepted[0] as Message);
  // A start block in a frame is refused; MSH-15 and MSH-16 say that nothing is to be told.
  socket.emit('data', frame('MSH|^~\\&|A|F|B|G|20260101||ADT^A01|B|P|2.5|||NE|NE\rNTE|1|L|\x0bx\r'));
  expect(events).toEqual([]);
  await turn();
  expect(events).toEqual(['1 written', 'message 0', 'over 0 true']);
});
