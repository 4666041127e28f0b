// What the checker's own tests judge a story by: four sets of promises, and an ending at which nothing is wrong.
// Promises: a story is judged as the logs of a real campaign are.

import { check } from '../checker.ts';
import type { Promises } from '../profiles.ts';
import type { Ending } from './ends.ts';
import type { Story } from './story.ts';
import type { Rule } from './violation.ts';

export const STRICT: Promises = {
  pipelining: 1,
  onAmbiguous: 'fail',
  attempts: 1,
  refusals: [],
  ordering: 'connection',
};
export const RESENDS: Promises = { ...STRICT, onAmbiguous: 'other-node', attempts: 2 };
export const PIPELINED: Promises = { ...STRICT, pipelining: 3 };
export const KEYED: Promises = { ...STRICT, ordering: 'key' };
export const REFUSES: Promises = { ...STRICT, refusals: ['AE'] };

export const MEMORY = { rss: 100e6, heapUsed: 20e6, external: 5e6 };
export const GOOD_END: Ending = {
  descriptors: { before: 20, after: 20, what: [] },
  memory: { before: MEMORY, after: MEMORY },
  exit: { code: 0, signal: null },
  handovers: [],
  stderr: '',
  failures: [],
  uncaught: [],
  reloads: [],
  disturbances: [],
};

/** The rules broken, once each. */
export function broken(story: Story, promises: Promises = STRICT, ending: Partial<Ending> = {}): Rule[] {
  const found = check(story.done('S').logs, promises, { ...GOOD_END, ...ending });
  return [...new Set(found.map(({ rule }) => rule))];
}
