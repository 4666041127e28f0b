// The files that the values of a key name: absolute paths, each of them checked to be a file that can be read (F78).
// Promises only that: what is in them is read when the gateway starts.
import { resolve } from 'node:path';
import { fileTrouble, readableByOthers, relativeHint } from './files.ts';
import { quoted } from './problem.ts';
import type { ReadContext, Scalar } from './value.ts';

export function namedFiles(
  scalars: readonly Scalar[],
  key: string,
  { problems, folder, isElsewhere }: ReadContext,
  /** Of a file that no other user should read: what it is to the reader of a warning. */
  secret?: 'the private key' | 'the private key in',
): readonly string[] {
  return scalars.map(({ text, written, place }) => {
    const path = resolve(folder, text);
    if (isElsewhere) return path;
    const name = quoted(written ?? text);
    const trouble = fileTrouble(path);
    if (trouble !== undefined) {
      problems.error(place, key, `the file ${name} ${trouble}${relativeHint(text, trouble)}`);
    } else if (secret !== undefined && readableByOthers(path)) {
      problems.warn(place, key, `every user of this machine can read ${secret} ${name}; chmod o-r`);
    }
    return path;
  });
}
