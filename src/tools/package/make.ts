// `npm run package`: a .deb and a tarball for each architecture, the npm package, a bill of materials and the checksums of all, in
// the folder `packages`. It runs after `npm run build`.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { defineProgram } from '../../cli/define/program.ts';
import { version as ownVersion } from '../../version.ts';
import { bashCompletion, zshCompletion } from './completion.ts';
import { buildDebian } from './debian.ts';
import { type Architecture, layOut, MACHINES } from './lay-out.ts';
import { manPage } from './man-page.ts';
import { billOfMaterials } from './sbom.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: Object.keys(MACHINES).join() },
    out: { type: 'string', default: join(ROOT, 'packages') },
    // The bundle, where it is not the one that `npm run build` makes.
    dist: { type: 'string', default: join(ROOT, 'dist') },
    // Another version than package.json's, to try an upgrade.
    version: { type: 'string', default: ownVersion },
    // Larger files in a few seconds, and only the .deb.
    fast: { type: 'boolean', default: false },
  },
});

/** Of the last change: the same sources give the same bytes. */
const changedAt = Number(
  process.env.SOURCE_DATE_EPOCH ??
    execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' }),
);
process.env.SOURCE_DATE_EPOCH = String(changedAt);
// Files have the modes of a package, whoever builds it.
process.umask(0o022);

const out = resolve(values.out);
const cache = join(ROOT, 'node_modules/.cache/packages');
mkdirSync(cache, { recursive: true });
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const program = defineProgram({ out: () => {}, err: () => {} }, async () => {});
const date = new Date(changedAt * 1000).toISOString().slice(0, 10);
const completion = { bash: bashCompletion(program), zsh: zshCompletion(program) };
const page = manPage(program, values.version, date);

let nodeVersion = '';
for (const architecture of values.arch.split(',') as Architecture[]) {
  const work = mkdtempSync(join(tmpdir(), 'hl7-gateway-package-'));
  try {
    const stage = join(work, 'deb');
    const tree = join(stage, 'usr/lib/hl7-gateway/package');
    mkdirSync(tree, { recursive: true });
    const laidOut = layOut(ROOT, resolve(values.dist), tree, architecture, cache);
    ({ nodeVersion } = laidOut);
    if (values.version !== ownVersion) setVersion(join(tree, 'package.json'), values.version);
    if (!values.fast) buildTarball(tree, work, architecture);
    const wanted = {
      architecture,
      version: values.version,
      release: `${values.version}-${laidOut.digest}`,
      hasAtomic: laidOut.hasAtomic,
      made: {
        'usr/share/man/man1/hl7-gateway.1': page,
        'usr/share/bash-completion/completions/hl7-gateway': completion.bash,
        'usr/share/zsh/vendor-completions/_hl7-gateway': completion.zsh,
      },
    };
    buildDebian(
      ROOT,
      stage,
      join(out, `hl7-gateway_${values.version}_${architecture}.deb`),
      wanted,
      values.fast,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (!values.fast) {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', out], { cwd: ROOT, stdio: 'ignore' });
  const runtime = [
    { name: 'node', version: nodeVersion, purl: `pkg:generic/node@${nodeVersion}` },
    { name: 'libatomic1', version: 'as of the machine that built the package' },
  ];
  writeFileSync(join(out, `hl7-gateway-${values.version}.cdx.json`), billOfMaterials(ROOT, runtime));
}
const files = readdirSync(out).toSorted();
writeFileSync(join(out, 'SHA256SUMS'), files.map((name) => `${sha256(join(out, name))}  ${name}\n`).join(''));
for (const name of [...files, 'SHA256SUMS']) console.log(join(out, name));

/** One folder, named by its version, that runs wherever it is unpacked. */
function buildTarball(tree: string, work: string, architecture: Architecture): void {
  const name = `hl7-gateway-${values.version}-linux-${MACHINES[architecture].npm}`;
  const folder = join(work, name);
  cpSync(tree, folder, { recursive: true });
  for (const one of [
    'README.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'CONTRIBUTING.md',
    'docs',
    'deploy',
    'examples',
  ])
    cpSync(join(ROOT, one), join(folder, one), { recursive: true });
  mkdirSync(join(folder, 'share'));
  writeFileSync(join(folder, 'share/hl7-gateway.1'), page);
  writeFileSync(join(folder, 'share/hl7-gateway.bash'), completion.bash);
  writeFileSync(join(folder, 'share/_hl7-gateway'), completion.zsh);
  const steady = ['--sort=name', `--mtime=@${changedAt}`, '--owner=0', '--group=0', '--numeric-owner'];
  execFileSync('tar', [...steady, '-cJf', join(out, `${name}.tar.xz`), '-C', work, name], {
    env: { ...process.env, XZ_OPT: '-6 -T0' },
  });
  rmSync(folder, { recursive: true, force: true });
}

function setVersion(file: string, version: string): void {
  const own = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, `${JSON.stringify({ ...own, version }, null, 2)}\n`);
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
