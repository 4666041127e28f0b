// The package's version, read from package.json: beside `src` in a checkout, above `dist` in a package.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

function readVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    const file = join(import.meta.dirname, up);
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  return 'unknown';
}

export const version = readVersion();
