// The tree that the .deb and the tarball have: the bundle, its data, the runtime and what only the machine can load, in one folder
// that runs wherever it is put.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { registryPackage } from './registry-package.ts';

export type Architecture = 'amd64' | 'arm64';

/** Debian's name, npm's, and the folder of Debian's libraries. */
export const MACHINES: Readonly<Record<Architecture, { readonly npm: string; readonly libraries: string }>> =
  {
    amd64: { npm: 'x64', libraries: '/usr/lib/x86_64-linux-gnu' },
    arm64: { npm: 'arm64', libraries: '/usr/lib/aarch64-linux-gnu' },
  };

/** What is beside the bundle; package.json is where the version is read from. */
const DATA = ['package.json', 'LICENSE', 'fixtures', 'schema'];

/** The runtime wants it, and a bare Debian lacks it. */
const ATOMIC = 'libatomic.so.1';

/** Of koffi: its own compiled code comes in a package for each machine, so the sources and the pages stay out. */
const KOFFI = /\/koffi(\/src(\/koffi(\/src)?)?|\/lib(\/native)?)?$|(package\.json|\.c?js|LICENSE\.txt)$/;

const START = `#!/bin/sh
# Starts the gateway with the runtime beside it, wherever this folder is.
here=$(dirname "$(readlink -f "$0")")
[ ! -e "$here/../lib/${ATOMIC}" ] || export LD_LIBRARY_PATH="$here/../lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
: "\${HL7_GATEWAY_COMMAND:=$here/hl7-gateway}"
export HL7_GATEWAY_COMMAND
exec "$here/node" --expose-gc "$here/../dist/main.js" "$@"
`;

export interface LaidOut {
  /** Of all that runs, so that two builds of one version are told apart. */
  readonly digest: string;
  /** Whether the library is inside that a bare machine lacks. */
  readonly hasAtomic: boolean;
  readonly nodeVersion: string;
}

/** `root`: the repository; `dist`: what was built of it. `cache`: where packages from the registry are kept. */
export function layOut(
  root: string,
  dist: string,
  target: string,
  architecture: Architecture,
  cache: string,
): LaidOut {
  const { npm, libraries } = MACHINES[architecture];
  for (const folder of ['bin', 'lib', 'node_modules/@koromix'])
    mkdirSync(join(target, folder), { recursive: true });
  for (const name of DATA) cpSync(join(root, name), join(target, name), { recursive: true });
  cpSync(dist, join(target, 'dist'), { recursive: true, filter: isRun });
  writeFileSync(join(target, 'bin/hl7-gateway'), START, { mode: 0o755 });

  const runtime = registryPackage(root, `node-linux-${npm}`, versionOf(root, 'node'), cache);
  copyFileSync(join(runtime, 'bin/node'), join(target, 'bin/node'));
  copyFileSync(join(runtime, 'LICENSE'), join(target, 'LICENSE.node'));
  chmodSync(join(target, 'bin/node'), 0o755);
  strip(join(target, 'bin/node'));

  const atomic = join(libraries, ATOMIC);
  const hasAtomic = existsSync(atomic);
  if (hasAtomic) copyFileSync(atomic, join(target, 'lib', ATOMIC));

  const koffi = join(root, 'node_modules/koffi');
  cpSync(koffi, join(target, 'node_modules/koffi'), {
    recursive: true,
    filter: (path) => KOFFI.test(path),
  });
  const native = `@koromix/koffi-linux-${npm}`;
  cpSync(
    registryPackage(root, native, versionOf(root, 'koffi'), cache),
    join(target, 'node_modules', native),
    {
      recursive: true,
      filter: (path) => !path.includes('/musl_'),
    },
  );
  return { digest: digestOf(target), hasAtomic, nodeVersion: versionOf(root, 'node') };
}

/** Maps are for who develops it, types too: the npm package has them. */
function isRun(path: string): boolean {
  return !path.endsWith('.map') && !/\/dist\/(types|\.compile-cache)(\/|$)/.test(path);
}

function versionOf(root: string, name: string): string {
  const text = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Symbols of the runtime are a fifth of it. A foreign machine's code is left as it is where `strip` does not know it. */
function strip(file: string): void {
  try {
    execFileSync('strip', ['--strip-unneeded', file], { stdio: 'ignore' });
  } catch {
    // It is larger, and runs as well.
  }
}

function digestOf(folder: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  for (const file of files.map(({ parentPath, name }) => join(parentPath, name)).toSorted())
    hash.update(`${file.slice(folder.length)}\n`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}
