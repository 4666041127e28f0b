// One end of an MLLP connection that judges for itself what comes: a health check, and a scenario's sender, who is to see what
// the gateway's own matching of answers would keep from them. Promises frames whole, each once, and one end.
import type { Socket } from 'node:net';
import { payloadOf } from './frame.ts';
import { type FrameFault, FrameReader } from './frame-reader.ts';

export interface ReadLimits {
  readonly maxFrameBytes: number;
  readonly maxJunkBytes: number;
}

export interface PayloadSink {
  /** A view into the buffer that was read: it holds until this returns. */
  onPayload(payload: Buffer): void;
  onEmptyFrame(): void;
  onFault(code: FrameFault): void;
  /** The peer has ended its side, or the connection is gone. */
  onEnd(): void;
}

/** Attaches to the socket; the result stops the reading. */
export function readFrames(socket: Socket, limits: ReadLimits, sink: PayloadSink): () => void {
  const reader = new FrameReader(
    {
      onFrame: (framed) => sink.onPayload(payloadOf(framed)),
      onEmptyFrame: () => sink.onEmptyFrame(),
      onFault: (code) => sink.onFault(code),
    },
    { ...limits, strayEndByte: 'content', missingCr: 'refuse' },
  );
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    sink.onEnd();
  };
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.on('error', () => {});
  socket.on('end', end).on('close', end);
  return () => reader.stop();
}
