// Why a config file cannot be read, and which one may have been meant.
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { suggestion } from './closest.ts';
import { fileTrouble } from './files.ts';
import { ConfigError, quoted } from './problem.ts';

/** What is looked through for a name that is close. */
const MAX_NAMES = 1000;

/** `trouble` as `readText` has it. */
export function configFileError(path: string, trouble: string): ConfigError {
  const message = `the config file ${trouble}${hintFor(path, trouble)}`;
  return new ConfigError([{ file: path, line: 0, column: 0, key: '', message }], []);
}

function hintFor(path: string, trouble: string): string {
  if (trouble === 'is a directory, not a file') {
    const inside = join(path, 'gateway.yaml');
    return fileTrouble(inside) === undefined ? `; did you mean ${quoted(inside)}?` : '';
  }
  return trouble === 'does not exist' ? suggestion(basename(path), configsIn(dirname(path))) : '';
}

function configsIn(folder: string): string[] {
  try {
    const names = readdirSync(folder);
    return names.length > MAX_NAMES ? [] : names.filter((name) => /\.(ya?ml|json)$/.test(name));
  } catch {
    return [];
  }
}
