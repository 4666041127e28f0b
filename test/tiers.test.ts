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
  write('test/a/no-test.ts', `import net from 'node:net';`);
  expect(testFilesByTier(root)).toEqual({
    unit: ['test/a/pure.test.ts'],
    socket: [
      'test/a/mock.test.ts',
      'test/a/sender.test.ts',
      'test/a/timers.test.ts',
      'test/a/worker.test.ts',
    ],
    e2e: ['test/a/child.test.ts', 'test/a/later.test.ts'],
  });
});
