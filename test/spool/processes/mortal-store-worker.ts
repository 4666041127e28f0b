// The store's own thread, which ends on a message with the ordering key `die`, and does nothing for half a second on `hang`.
import { parentPort } from 'node:worker_threads';
import type { ToThread } from '../../../src/spool/store/store-protocol.ts';

const HANG_MS = 500;

parentPort?.on('message', (message: ToThread) => {
  const keys =
    message.kind === 'requests'
      ? message.requests.map(({ request }) => (request.op === 'put' ? request.row.orderingKey : ''))
      : [];
  if (keys.includes('die')) process.exit(1);
  if (keys.includes('hang')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HANG_MS);
});

// After the listener above, which is to be told first.
await import('../../../src/spool/store/store-worker.ts');
