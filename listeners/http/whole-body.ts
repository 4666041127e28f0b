// Reads a request's body whole, up to a limit and a deadline: a message, or a body small enough to be sent twice.
import { IncomingMessage } from 'node:http';
import { GatewayError } from '../../src/errors.ts';
import type { BufferBudget } from '../buffer-budget.ts';
import { type Incoming, isWhole } from './client-request.ts';

export interface WholeBodyLimits {
  readonly maxBytes: number;
  /** From now to the last byte; for one that was made to wait, from then. To wait for so long is an end, too. */
  readonly timeoutMs: number;
  /** Room in the result before and behind the body. */
  readonly before: number;
  readonly behind: number;
  readonly budget: BufferBudget;
  /** With it the body may go on where the budget is spent, if it is its turn; to be given back with the bytes. */
  readonly favour?: object;
}

/** Calls `done` once: with the bytes, which the caller then holds in the budget, or with what went wrong. */
export function readWhole(
  incoming: Incoming,
  length: number | undefined,
  limits: WholeBodyLimits,
  done: (result: Buffer | GatewayError) => void,
): void {
  const { maxBytes, before, behind, budget, favour } = limits;
  if ((length ?? 0) > maxBytes) {
    done(new GatewayError('GW_ERR_FRAME_TOO_LARGE'));
    return;
  }
  // Of a request that was answered before its end, because what came of it made no sense, Node.js tells no 'close'.
  const socket = incoming instanceof IncomingMessage ? incoming.socket : undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let waits = false;
  const timer = setTimeout(() => {
    const detail = waits ? 'limits.maxBuffered was spent' : undefined;
    finish(new GatewayError('GW_ERR_HTTP_TIMEOUT', { detail }));
  }, limits.timeoutMs);
  const wake = (): void => {
    const waited = waits;
    waits = budget.isSpent && (favour === undefined || !budget.favours(favour));
    if (waits) {
      budget.onRoom(wake);
      return;
    }
    // The time that it was made to wait is not the client's.
    if (waited) timer.refresh();
    incoming.resume();
  };
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      bytes -= chunk.length;
      finish(new GatewayError('GW_ERR_FRAME_TOO_LARGE'));
      return;
    }
    chunks.push(chunk);
    budget.hold(chunk.length);
    // Waiting makes no room where all of it is there.
    if (!budget.isSpent || bytes === length) return;
    incoming.pause();
    wake();
  };
  const onEnd = (): void => finish(isWhole(incoming) ? undefined : new GatewayError('GW_ERR_HTTP_CUT'));
  const onClose = (): void => finish(new GatewayError('GW_ERR_HTTP_CUT'));

  function finish(error: GatewayError | undefined): void {
    clearTimeout(timer);
    budget.forget(wake);
    incoming.off('data', onData).off('end', onEnd).off('close', onClose);
    socket?.off('close', onClose);
    if (error !== undefined) {
      budget.hold(-bytes);
      if (favour !== undefined) budget.unfavour(favour);
      done(error);
      return;
    }
    const whole = Buffer.allocUnsafe(before + bytes + behind);
    let at = before;
    for (const chunk of chunks) at += chunk.copy(whole, at);
    budget.hold(before + behind);
    done(whole);
  }

  incoming.on('data', onData).once('end', onEnd).once('close', onClose);
  socket?.once('close', onClose);
  incoming.resume();
}
