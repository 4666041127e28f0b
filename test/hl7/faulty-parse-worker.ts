// A parse worker that does what a message tells it to: `FAULT-EXIT`, `-LOOP`, `-MEMORY`, `-THROW`, `-LATER`, `-HOLD`
// among its first bytes. All else it does as the real one.
import { BroadcastChannel } from 'node:worker_threads';
import type { ParseTask } from '../../src/hl7/parse-tasks/table.ts';
import parse, { type ParseReply } from '../../src/hl7/parse-worker.ts';
import { bytesOf } from '../../src/hl7/shared-bytes.ts';
import { HOLD_CHANNEL } from './hold.ts';

const LOOKED_AT_BYTES = 64 * 1024;

function firstBytes({ input }: ParseTask): Buffer {
  const bytes = 'payload' in input ? input.payload : input.bytes;
  return bytes instanceof ArrayBuffer ? Buffer.from(bytes) : bytesOf(bytes);
}

/** Resolves when the test lets go of it. */
async function held(): Promise<void> {
  const channel = new BroadcastChannel(HOLD_CHANNEL);
  await new Promise<void>((resolve) => {
    channel.onmessage = ({ data }: { data: unknown }) => {
      if (data === 'go') resolve();
    };
    channel.postMessage('held');
  });
  channel.close();
}

// biome-ignore lint/style/noDefaultExport: piscina calls what a worker's file exports by default.
export default async function faulty(task: ParseTask): Promise<ParseReply> {
  const text = firstBytes(task).toString('latin1', 0, LOOKED_AT_BYTES);
  switch (/FAULT-([A-Z]+)/.exec(text)?.[1]) {
    case 'EXIT':
      return process.exit(3);
    case 'LOOP':
      for (;;);
    case 'MEMORY': {
      // 2 GiB of numbers, 8 MiB at a time.
      const held: number[][] = [];
      for (let i = 0; i < 256; i++) held.push(new Array<number>(2 ** 20).fill(i + 0.5));
      return { output: held.length };
    }
    case 'LATER':
      setImmediate(() => {
        throw new Error('DOE^JANE');
      });
      return new Promise(() => {});
    case 'THROW':
      // A task that throws: what the real worker makes of it.
      return parse({ kind: 'fields', input: Object.create(null) });
    case 'HOLD':
      await held();
  }
  return parse(task);
}
