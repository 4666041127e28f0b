// Vitest runs this once before the tests that start processes: what they start is a bundle of the sources as they are.
import { currentBundle } from './bundle.ts';
import { COMMAND_VARIABLE } from './product-command.ts';

export async function setup(): Promise<void> {
  process.env[COMMAND_VARIABLE] = await currentBundle();
}
