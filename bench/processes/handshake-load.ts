// Senders that connect, shake hands and close, over and over, a process of its own.
// Promises: each handshake is checked to be a full one, or a resumed one, as ordered; the next begins when a connection
// has closed on both sides.
import { once } from 'node:events';
import tls from 'node:tls';
import { CLIENT } from '../tls-files.ts';

export interface HandshakeOrder {
  readonly port: number;
  readonly caPem: string;
  /** Handshakes at once. */
  readonly connections: number;
  readonly resume: boolean;
}

export interface HandshakeReport {
  readonly done: number;
  readonly failed: number;
  readonly firstFailure: string;
}

let done = 0;
let failed = 0;
let firstFailure = '';
let stopping = false;
let open = 0;
let options: tls.ConnectionOptions = {};

function shake(resume: boolean): void {
  if (stopping) return;
  open++;
  const socket = tls.connect(options, () => {
    if (socket.isSessionReused() === resume) done++;
    else fail(new Error(resume ? 'the session was not resumed' : 'the session was resumed'));
    socket.end();
  });
  socket.on('error', fail);
  // The tickets that TLS 1.3 sends after the handshake are read like anything else.
  socket.resume();
  socket.on('close', () => {
    open--;
    shake(resume);
  });
}

function fail(error: Error): void {
  failed++;
  firstFailure ||= error.message;
}

/** A session of the listener, which is what a ticket is kept in. */
async function session(): Promise<Buffer> {
  const socket = tls.connect(options);
  const [ticket] = (await once(socket, 'session')) as [Buffer];
  socket.end();
  await once(socket.resume(), 'close');
  return ticket;
}

async function start({ port, caPem, connections, resume }: HandshakeOrder): Promise<void> {
  done = 0;
  failed = 0;
  firstFailure = '';
  stopping = false;
  // One context for all, or reading the authority would be most of a client's work.
  const secureContext = tls.createSecureContext({ ...CLIENT, ca: caPem });
  options = { ...CLIENT, port, secureContext };
  if (resume) options = { ...options, session: await session() };
  for (let i = 0; i < connections; i++) shake(resume);
}

/** Begins no more, and waits for those in progress, for a second at most. */
async function stop(): Promise<void> {
  stopping = true;
  const end = performance.now() + 1_000;
  while (open > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  if (open > 0) fail(new Error(`${open} connections were not closed`));
}

process.on('message', async (order: { do: 'start' | 'report' | 'stop'; load?: HandshakeOrder }) => {
  if (order.do === 'start' && order.load !== undefined) await start(order.load);
  if (order.do === 'stop') await stop();
  const report: HandshakeReport = { done, failed, firstFailure };
  process.send?.(report);
});
process.once('disconnect', () => process.exit());
