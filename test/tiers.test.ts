import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { testFilesByTier } from './tiers.ts';

const root = mkdtempSync(join(tmpdir(), 'hl7-gateway-tiers-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string): void {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

it('a test file belongs to the tier of what it and its helpers reach for', () => {
  write('src/server.ts', `import net from 'node:net';`);
  write('test/helpers/child.ts', `import { spawn } from 'node:child_process';`);
  write('test/helpers/sender.ts', `import {\n  connect,\n} from 'node:net';\nimport './sender.ts';`);
  write('test/a/pure.test.ts', `import { expect } from 'vitest';\nimport { x } from '../../src/server.ts';`);
  write('test/a/sender.test.ts', `import { s } from '../helpers/sender.ts';`);
  write(
    'test/a/child.test.ts',
    `import { s } from '../helpers/sender.ts';\nimport { c } from '../helpers/child.ts';`,
  );
  write('test/a/later.test.ts', `const { spawn } = await import('node:child_process');`);
  write('test/a/mock.test.ts', `import { vi } from 'vitest';\nvi.mock('node:fs');`);
  write('test/a/timers.test.ts', `import { vi } from 'vitest';\nbeforeEach(() => vi.useFakeTimers());`);
  write('test/a/worker.test.ts', `import { Worker } from 'node:worker_threads';`);
  write('test/a/all.long.test.ts', `import { c } from '../helpers/child.ts';`);
  write('test/a/no-test.ts', `import net from 'node:net';`);
  expect(testFilesByTier(root)).toEqual({
    unit: { together: ['test/a/pure.test.ts'], alone: [] },
    socket: {
      together: ['test/a/sender.test.ts', 'test/a/worker.test.ts'],
      alone: ['test/a/mock.test.ts', 'test/a/timers.test.ts'],
    },
    e2e: { together: ['test/a/child.test.ts', 'test/a/later.test.ts'], alone: [] },
    long: { together: [], alone: ['test/a/all.long.test.ts'] },
  });
});

it('a test file has a process of its own where it or a helper changes or measures the whole process', () => {
  rmSync(join(root, 'test'), { recursive: true });
  const net = `import net from 'node:net';\n`;
  write('test/helpers/heap.ts', `import { setFlagsFromString } from 'node:v8';\nsetFlagsFromString('--x');`);
  write('test/a/spy.test.ts', `${net}vi.spyOn(performance, 'now');`);
  write('test/a/heap.test.ts', `${net}import { usedBytes } from '../helpers/heap.ts';`);
  write(
    'test/a/signal.test.ts',
    `import { spawn } from 'node:child_process';\nprocess.once('SIGTERM', end);`,
  );
  write('test/a/set.test.ts', `${net}process.env.TOKEN = 'x';`);
  write('test/a/read.test.ts', `${net}if (process.env.TOKEN === 'x') process.exit();`);
  expect(testFilesByTier(root)).toEqual({
    unit: { together: [], alone: [] },
    socket: {
      together: ['test/a/read.test.ts'],
      alone: ['test/a/heap.test.ts', 'test/a/set.test.ts', 'test/a/spy.test.ts'],
    },
    e2e: { together: [], alone: ['test/a/signal.test.ts'] },
    long: { together: [], alone: [] },
  });
});
