// What runs in each thread of the parse pool: one task at a time. A task that throws costs its own message an error
// and nothing more; of what was thrown only a code crosses, because its text could hold a part of the message.
import { causeCode } from '../errors.ts';
import { type ParseTask, perform } from './parse-tasks/table.ts';

export type ParseReply = { readonly output: unknown } | { readonly failed: string };

// biome-ignore lint/style/noDefaultExport: piscina calls what a worker's file exports by default.
export default async function parse(task: ParseTask): Promise<ParseReply> {
  try {
    return { output: await perform(task) };
  } catch (thrown) {
    return { failed: causeCode(thrown) };
  }
}
