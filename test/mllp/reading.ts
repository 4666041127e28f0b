// What a FrameReader makes of chunks, as a list that tests compare. Promises: order is kept, bytes are copied.
import { FrameReader, type FrameReaderLimits } from '../../src/mllp/frame-reader.ts';

export const LIMITS: FrameReaderLimits = {
  maxFrameBytes: 4096,
  maxJunkBytes: 64,
  strayEndByte: 'content',
  missingCr: 'refuse',
};

export interface Reading {
  /** `frame:…`, `empty`, or an error's code, in order; bytes as latin1. */
  readonly events: string[];
  readonly reader: FrameReader;
  push(chunk: Buffer | string): void;
  end(): void;
}

export function reading(limits: Partial<FrameReaderLimits> = {}): Reading {
  const events: string[] = [];
  const reader = new FrameReader(
    {
      onFrame: (frame) => events.push(`frame:${frame.toString('latin1')}`),
      onEmptyFrame: () => events.push('empty'),
      onFault: (code, bytes) => {
        // The header can be answered whatever was cut where; a cut-off frame's bytes are for the log only.
        const shown = code === 'GW_ERR_FRAME_START_BLOCK' || code === 'GW_ERR_FRAME_END_BYTE';
        events.push(shown ? `${code}:${bytes.toString('latin1')}` : code);
      },
    },
    { ...LIMITS, ...limits },
  );
  const push = (chunk: Buffer | string): void => {
    reader.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk);
  };
  return { events, reader, push, end: () => reader.end() };
}

/** Everything that comes of these chunks, then of the end of the stream. */
export function read(
  chunks: readonly (Buffer | string)[],
  limits: Partial<FrameReaderLimits> = {},
): string[] {
  const one = reading(limits);
  for (const chunk of chunks) one.push(chunk);
  one.end();
  return one.events;
}
