// Reads a request's body whole, up to a limit and a deadline: a message, or a body small enough to be sent twice. Its content
// codings are undone as it comes; limits and memory are those of what comes out.
import { IncomingMessage } from 'node:http';
import type { Coding } from '../../../src/config/config.ts';
import { GatewayError } from '../../../src/errors.ts';
import { FrameParts } from '../../../src/mllp/frame-parts.ts';
import { PartialMessage, type SourceBudget } from '../../accept/buffer-budget.ts';
import { FrameClock } from '../../mllp/frame-clock.ts';
import { type Incoming, isWhole } from '../client-request.ts';
import { ContentDecoder, maxDecodedBytes } from '../content-decoder.ts';
import { offSocketClose, onSocketClose } from '../socket-close.ts';

export interface WholeBodyLimits {
  readonly maxBytes: number;
  /** From now to the last byte; the time that it is made to wait does not count. */
  readonly timeoutMs: number;
  /** What stands in the result before and behind the body. */
  readonly before: Buffer;
  readonly behind: Buffer;
  readonly source: SourceBudget;
  /** To be undone, in the order in which they were applied. */
  readonly codings?: readonly Coding[];
}

/** Calls `done` once: with the bytes, which the caller then holds in the budget, or with what went wrong. */
export function readWholeBody(
  incoming: Incoming,
  length: number | undefined,
  limits: WholeBodyLimits,
  done: (result: Buffer | GatewayError) => void,
): void {
  const { maxBytes, before, behind, source, codings = [] } = limits;
  // What is compressed and too large as it is becomes no smaller.
  if ((length ?? 0) > maxBytes) {
    done(new GatewayError('GW_ERR_FRAME_TOO_LARGE'));
    return;
  }
  const isCoded = codings.length > 0;
  const growsTo = isCoded ? maxDecodedBytes(length, maxBytes) : (length ?? maxBytes);
  // Of a request that was answered before its end, because what came of it made no sense, Node.js tells no 'close'.
  const socket = incoming instanceof IncomingMessage ? incoming.socket : undefined;
  const around = before.length + behind.length;
  const parts = new FrameParts(growsTo + around);
  const clock = new FrameClock(() => finish(new GatewayError('GW_ERR_HTTP_TIMEOUT')));
  const decoder = isCoded
    ? new ContentDecoder(codings, maxBytes, source, {
        onData: (bytes) => add(bytes),
        onEnd: () => finish(undefined),
        onError: (error) => finish(error),
        onDrain: () => {
          decoderIsFull = false;
          if (!part.waits) incoming.resume();
        },
      })
    : undefined;
  const goOn = (): void => {
    if (bytes === 0 && !source.hasRoom) {
      source.onRoom(goOn);
      return;
    }
    clock.resume();
    decoder?.resume();
    if (!decoderIsFull) incoming.resume();
  };
  const part = new PartialMessage(source, goOn);
  let bytes = 0;
  let encodedBytes = 0;
  let decoderIsFull = false;
  const onData = (chunk: Buffer): void => {
    if (decoder === undefined) {
      add(chunk);
      return;
    }
    encodedBytes += chunk.length;
    if (encodedBytes > maxBytes) finish(new GatewayError('GW_ERR_FRAME_TOO_LARGE'));
    else if (!decoder.write(chunk)) {
      decoderIsFull = true;
      incoming.pause();
    }
  };
  const onEnd = (): void => {
    // Behind its end a body has gone nowhere, whatever becomes of its client while it is decoded.
    stopListening();
    if (!isWhole(incoming)) finish(new GatewayError('GW_ERR_HTTP_CUT'));
    else if (decoder === undefined) finish(undefined);
    else decoder.end();
  };
  const onClose = (): void => finish(new GatewayError('GW_ERR_HTTP_CUT'));

  function add(chunk: Buffer): void {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      finish(new GatewayError('GW_ERR_FRAME_TOO_LARGE'));
      return;
    }
    parts.add(chunk);
    part.grow(bytes, growsTo);
    if (!part.waits) return;
    incoming.pause();
    decoder?.pause();
    clock.pause();
  }

  function stopListening(): void {
    incoming.off('data', onData).off('end', onEnd).off('close', onClose);
    if (socket !== undefined) offSocketClose(socket, onClose);
  }

  function finish(error: GatewayError | undefined): void {
    clock.stop();
    source.forget(goOn);
    stopListening();
    decoder?.close();
    part.end();
    if (error === undefined) {
      const whole = parts.join(behind);
      source.hold(whole.length);
      done(whole);
    } else done(error);
  }

  if (before.length > 0) parts.add(before);
  clock.start(limits.timeoutMs);
  // Each is taken off when it has been called: `once` would wrap it for that.
  incoming.on('data', onData).on('end', onEnd).on('close', onClose);
  if (socket !== undefined) onSocketClose(socket, onClose);
  if (!source.hasRoom) {
    incoming.pause();
    clock.pause();
  }
  goOn();
}
