// The thread that a spool's database is open in. All requests that have come while a transaction ran go into the next one.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { FromThread, StoreThreadOptions, ToThread } from './store-protocol.ts';
import { StoreThread } from './store-thread.ts';

/** Of one transaction: what comes later waits for the next, so that nobody waits long for others' bytes. */
const MOST_REQUESTS = 2_000;
const MOST_BYTES = 16 * 1024 * 1024;

const port = parentPort;
if (port !== null) {
  const thread = new StoreThread(workerData as StoreThreadOptions, (message: FromThread) => {
    port.postMessage(message);
    if (message.kind === 'closed') port.close();
  });
  port.on('message', (first: ToThread) => {
    let [requests, bytes] = [0, 0];
    for (let message: ToThread | undefined = first; message !== undefined; ) {
      thread.receive(message);
      if (message.kind === 'requests') {
        requests += message.requests.length;
        bytes += message.bytes.byteLength;
      }
      if (requests >= MOST_REQUESTS || bytes >= MOST_BYTES) break;
      message = receiveMessageOnPort(port)?.message as ToThread | undefined;
    }
    thread.work();
  });
  thread.start();
}
