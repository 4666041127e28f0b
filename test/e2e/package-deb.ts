// A .deb of the sources as they are, made in seconds.
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { COMMAND } from '../helpers/product-command.ts';
import { ROOT } from '../helpers/product-files.ts';

/** The file's name in that folder. */
export async function makeDebian(out: string, version: string): Promise<string> {
  const make = join(ROOT, 'src/tools/package/make.ts');
  const args = [
    make,
    '--fast',
    '--arch',
    'amd64',
    '--out',
    out,
    '--version',
    version,
    '--dist',
    dirname(COMMAND),
  ];
  await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  return `hl7-gateway_${version}_amd64.deb`;
}
