// F48: while a large frame comes in, it is read in small portions, so that the event loop has time for others.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { BufferBudget } from '../../listeners/accept/buffer-budget.ts';
import { MllpSession } from '../../listeners/mllp/mllp-session.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { SocketTransport } from '../../src/mllp/socket-transport.ts';
import type { Pipeline } from '../../src/relay/pipeline.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { simpleConfig, startGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** A session on a socket that the test feeds. */
function startSession(): Socket {
  const socket = new Duplex({ read: () => {}, write: (_bytes, _encoding, done) => done() });
  const { config } = parseConfig(simpleConfig({ nodes: ['mllp://127.0.0.1:1'] }), { env: {} });
  const fed = socket as unknown as Socket;
  new MllpSession(
    new SocketTransport(fed),
    { address: '127.0.0.1', port: 1 },
    config.listeners[0] as ListenerConfig,
    { batch: 'whole', missingControlId: 'refuse', maxBatch: 1000, utf16: 'forward', allowance: undefined },
    { accept: () => {}, holdsUp: () => false } as unknown as Pipeline,
    new BufferBudget(GIB),
    { onMessage: () => {}, onOver: () => {}, onFault: () => {}, onFraming: () => {}, onClosed: () => {} },
  );
  return fed;
}

it('F48 of a large frame one turn of the event loop reads 64 KiB, then the others have theirs', async () => {
  const socket = startSession();
  const paused: boolean[] = [];
  const read = (bytes: Buffer): void => {
    socket.emit('data', bytes);
    paused.push(socket.isPaused());
  };
  read(Buffer.from('\x0bMSH|^~\\&|A|F\rNTE|1|L|'));
  // As far as one read goes it may be a small frame as well as a large one.
  read(Buffer.alloc(64 * KIB, 'x'));
  expect(paused).toEqual([false, true]);
  for (let i = 0; i < 5; i++) {
    await turn();
    expect(socket.isPaused()).toBe(false);
    read(Buffer.alloc(40 * KIB, 'x'));
    read(Buffer.alloc(40 * KIB, 'x'));
    expect(paused.slice(-2)).toEqual([false, true]);
  }
  await turn();
  read(Buffer.from('\r\x1c\r'));
  expect(socket.isPaused()).toBe(false);
});

it('F48 many small frames are read on', async () => {
  const socket = startSession();
  for (let i = 0; i < 50; i++) {
    socket.emit('data', frame(message({ size: 2 * KIB })));
    expect(socket.isPaused()).toBe(false);
  }
});

it('F48 a large frame comes whole though its reading was put off again and again, and so does what follows it', async () => {
  await using node = await startFaultyNode();
  await using gw = await startGateway({ nodes: [node.url] });
  await using sender = await connectSender(gw.port(), { allowHalfOpen: true });
  const sent = [
    message({ size: 5 * MIB }),
    message({ size: 200 * KIB }),
    message({ size: 3 * MIB }),
    message(),
  ];
  await sender.sendTogether(sent);
  await sender.end();
  await sender.nextAcks(4, 15_000);
  expect(node.messages.map(({ payload }, i) => payload.equals(sent[i] as Buffer))).toEqual(
    Array(4).fill(true),
  );
  expect(await sender.closed).toEqual({ hadError: false, code: undefined });
});
