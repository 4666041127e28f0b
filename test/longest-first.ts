// The order of test files: those that take longest start first, so that none of them runs by itself at the end.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of half a minute and more, as a fresh clone has no durations of a run before. The first takes longest. */
const LONG = [
  'test/campaign/campaign.long.test.ts',
  'test/fuzz/mutants.long.test.ts',
  'test/e2e/testssl.long.test.ts',
  'test/fuzz/fuzz.long.test.ts',
  'test/fuzz/found.long.test.ts',
  'test/faults/refusals.test.ts',
  'test/faults/process-end.test.ts',
  'test/e2e/http-slow-clients.long.test.ts',
  'test/faults/node-answer.test.ts',
];

export class LongestFirst extends BaseSequencer {
  /** vitest starts the files of a group in this order. Those of a project stay together, as only they share a process. */
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.findIndex((file) => moduleId.endsWith(`/${file}`));
      return at === -1 ? LONG.length : at;
    };
    const group = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    const isolated = ({ project }: TestSpecification): number => (project.config.isolate ? 0 : 1);
    // Stable: what is equal keeps the order by last duration, or by size. Files with a process of their own come first.
    return (await super.sort(specs)).sort(
      (a, b) => group(a) - group(b) || isolated(a) - isolated(b) || rank(a) - rank(b),
    );
  }
}
