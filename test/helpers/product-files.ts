// The product's source files, for tests that read them; and where tests keep what later runs use again.
import { mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

export const PRODUCT_FOLDERS = ['src', 'listeners', 'routing', 'certs'] as const;

/** Paths below the project's root. */
export function productFiles(): string[] {
  return PRODUCT_FOLDERS.flatMap((top) =>
    readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(top, name)),
  );
}

/** Nobody misses what is in it. Packages are found from there. */
export function cacheFolder(): string {
  const folder = join(realpathSync(join(ROOT, 'node_modules')), '.cache');
  mkdirSync(folder, { recursive: true });
  return folder;
}
