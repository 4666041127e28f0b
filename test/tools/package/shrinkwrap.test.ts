// npm-shrinkwrap.json: what it keeps of the lock file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shrinkwrapText } from '../../../src/tools/package/shrinkwrap.ts';
import { ROOT } from '../../helpers/product-files.ts';

const read = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));

test('each dependency in the version of the lock file, and no development package', () => {
  const lock = read('package-lock.json');
  const own = read('package.json');
  const made = JSON.parse(shrinkwrapText(lock));
  for (const name of Object.keys({ ...own.dependencies, ...own.optionalDependencies }))
    expect(made.packages[`node_modules/${name}`]).toEqual(lock.packages[`node_modules/${name}`]);
  const development = Object.keys(lock.packages).filter((path) => lock.packages[path].dev === true);
  expect(development).toContain('node_modules/vitest');
  for (const path of development) expect(made.packages[path]).toBeUndefined();
  expect(made.packages[''].devDependencies).toBeUndefined();
  expect(Object.values(made.packages).some((entry) => (entry as { dev?: boolean }).dev)).toBe(false);
});
