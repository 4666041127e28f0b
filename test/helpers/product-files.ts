// The product's source files, for tests that read them.
import { readdirSync } from 'node:fs';
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
