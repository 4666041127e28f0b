// The package's bin on a Node.js that is too old: one line, whatever that one cannot read of the rest.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMAND } from '../helpers/product-command.ts';

/** Of the distribution: Debian 12 has 18. Another one can be named. */
const OLD = process.env.HL7_GATEWAY_TEST_OLD_NODE ?? '/usr/bin/node';

function isOld(): boolean {
  if (!existsSync(OLD)) return false;
  const { stdout } = spawnSync(OLD, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)/.exec(stdout)?.[1]) < 24;
}

test.skipIf(!isOld())('a Node.js of the machine that is too old (skipped where there is none)', () => {
  const { status, stdout, stderr } = spawnSync(OLD, [COMMAND, '--version'], { encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^hl7-gateway needs Node\.js 24 or later; this is v\d+\.\S+ \(.*\)\n$/);
  expect(status).toBe(1);
});

test('what it reads before has nothing of later than ES2018, which Node.js 12 reads', () => {
  const main = readFileSync(COMMAND, 'utf8');
  const before = [main];
  // What is required at once; a name in a getter, or in a function, is read after the question.
  for (const [, file = ''] of main.matchAll(/^(?:const|let|var) \w+ = require\("(\.[^"]+)"\);$/gm))
    before.push(readFileSync(join(dirname(COMMAND), file), 'utf8'));
  // Names of files have digests in them, which may look like anything.
  for (const text of before)
    expect(text.replaceAll(/"\.\/[^"\s]+"/g, '""')).not.toMatch(
      /\?\?|\?\.[^\d]|\|\|=|&&=|^\s*(static )?#\w+|\bawait import\b|\d_\d|catch\s*\{\s*static/m,
    );
});
