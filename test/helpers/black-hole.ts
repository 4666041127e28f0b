// An address that does not answer a connection attempt at all: neither accepted nor refused, so that only the dialler's
// own deadline ends it. Promises: works where the kernel drops SYNs for a full accept queue (Linux); says so if not.
import { once } from 'node:events';
import net from 'node:net';
import { Worker } from 'node:worker_threads';

const HOST = '127.0.0.1';
/** Linux takes one connection more than the backlog into the accept queue (`sk_acceptq_is_full` is `>`). */
const BACKLOG = 1;
const QUEUE = BACKLOG + 1;

/** A listener whose thread sleeps, so that nothing is ever accepted. */
const SLEEPER = `
const { parentPort, workerData } = require('node:worker_threads');
const server = require('node:net').createServer();
server.listen({ host: workerData.host, port: 0, backlog: workerData.backlog }, () => {
  parentPort.postMessage(server.address().port);
  Atomics.wait(new Int32Array(workerData.flag), 0, 0);
  server.close();
  parentPort.close();
});`;

export interface BlackHole extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** undefined where the kernel does not drop connection attempts. */
export async function startBlackHole(): Promise<BlackHole | undefined> {
  if (process.platform !== 'linux') return undefined;
  const flag = new SharedArrayBuffer(4);
  const worker = new Worker(SLEEPER, { eval: true, workerData: { host: HOST, backlog: BACKLOG, flag } });
  const [port] = (await once(worker, 'message')) as [number];
  const fillers: net.Socket[] = [];
  for (let i = 0; i < QUEUE; i++) {
    const filler = net.connect({ host: HOST, port });
    filler.on('error', () => undefined);
    await once(filler, 'connect');
    fillers.push(filler);
  }
  const close = async (): Promise<void> => {
    const exit = once(worker, 'exit');
    for (const filler of fillers) filler.destroy();
    Atomics.store(new Int32Array(flag), 0, 1);
    Atomics.notify(new Int32Array(flag), 0);
    await worker.terminate();
    await exit;
  };
  return { port, url: `mllp://${HOST}:${port}`, close, [Symbol.asyncDispose]: close };
}
