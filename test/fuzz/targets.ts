// Every fuzzer that there is.
import { mllpSender } from './mllp/sender-target.ts';
import type { Target } from './target.ts';

export const TARGETS: readonly Target[] = [mllpSender];
