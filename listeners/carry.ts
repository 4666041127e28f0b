// Bytes from one connection to another, as they come. Promises back-pressure (what `to` does not take is not read from `from`), that
// the end of one side goes on as such behind all that was said, and that what broke off never looks like an end.
import type { Socket } from 'node:net';
import { closeGracefully } from '../src/mllp/graceful-close.ts';
import { spend } from './http/spent-buffers.ts';

export interface CarryWatcher {
  /** So many were handed on. */
  onBytes(bytes: number): void;
  /** `from` has said its last. */
  onEnd(): void;
  /** `from` is closed. */
  onClosed(): void;
  /** `from` was closed within what it had to say: whoever listens on `to` must not take it for all. */
  breakOff(to: Socket): void;
}

/** Nobody else may read `from`. Both sockets have somebody who listens to their errors. */
export function carry(from: Socket, to: Socket, watcher: CarryWatcher): void {
  const leave = (): void => {
    watcher.onClosed();
    if (!from.readableEnded) watcher.breakOff(to);
    else closeGracefully(to);
  };
  if (from.closed) {
    leave();
    return;
  }
  from.on('data', (chunk: Buffer) => {
    const { length } = chunk;
    spend(length);
    watcher.onBytes(length);
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  const onReadEnd = (): void => {
    to.end();
    watcher.onEnd();
  };
  // F102: it may have ended its side before `to` was there.
  if (from.readableEnded) onReadEnd();
  else from.once('end', onReadEnd);
  from.once('close', leave);
  if (to.writableNeedDrain) from.pause();
  else from.resume();
}
