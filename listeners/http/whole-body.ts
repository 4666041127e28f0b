// Reads a request's body whole, up to a limit and a deadline: a message, or a body small enough to be sent twice.
import { IncomingMessage } from 'node:http';
import { GatewayError } from '../../src/errors.ts';
import { FrameParts } from '../../src/mllp/frame-parts.ts';
import { PartialMessage, type SourceBudget } from '../buffer-budget.ts';
import { FrameClock } from '../frame-clock.ts';
import { type Incoming, isWhole } from './client-request.ts';

export interface WholeBodyLimits {
  readonly maxBytes: number;
  /** From now to the last byte; the time that it is made to wait does not count. */
  readonly timeoutMs: number;
  /** What stands in the result before and behind the body. */
  readonly before: Buffer;
  readonly behind: Buffer;
  readonly source: SourceBudget;
}

/** Calls `done` once: with the bytes, which the caller then holds in the budget, or with what went wrong. */
export function readWhole(
  incoming: Incoming,
  length: number | undefined,
  limits: WholeBodyLimits,
  done: (result: Buffer | GatewayError) => void,
): void {
  const { maxBytes, before, behind, source } = limits;
  if ((length ?? 0) > maxBytes) {
    done(new GatewayError('GW_ERR_FRAME_TOO_LARGE'));
    return;
  }
  // Of a request that was answered before its end, because what came of it made no sense, Node.js tells no 'close'.
  const socket = incoming instanceof IncomingMessage ? incoming.socket : undefined;
  const around = before.length + behind.length;
  const parts = new FrameParts((length ?? maxBytes) + around);
  const clock = new FrameClock(() => finish(new GatewayError('GW_ERR_HTTP_TIMEOUT')));
  const goOn = (): void => {
    if (bytes === 0 && !source.hasRoom) {
      source.onRoom(goOn);
      return;
    }
    clock.resume();
    incoming.resume();
  };
  const part = new PartialMessage(source, goOn);
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      finish(new GatewayError('GW_ERR_FRAME_TOO_LARGE'));
      return;
    }
    parts.add(chunk);
    part.grow(bytes, length ?? maxBytes);
    if (!part.waits) return;
    incoming.pause();
    clock.pause();
  };
  const onEnd = (): void => finish(isWhole(incoming) ? undefined : new GatewayError('GW_ERR_HTTP_CUT'));
  const onClose = (): void => finish(new GatewayError('GW_ERR_HTTP_CUT'));

  function finish(error: GatewayError | undefined): void {
    clock.stop();
    source.forget(goOn);
    incoming.off('data', onData).off('end', onEnd).off('close', onClose);
    socket?.off('close', onClose);
    part.end();
    if (error === undefined) {
      const whole = parts.join(behind);
      source.hold(whole.length);
      done(whole);
    } else done(error);
  }

  if (before.length > 0) parts.add(before);
  clock.start(limits.timeoutMs);
  incoming.on('data', onData).once('end', onEnd).once('close', onClose);
  socket?.once('close', onClose);
  if (!source.hasRoom) {
    incoming.pause();
    clock.pause();
  }
  goOn();
}
