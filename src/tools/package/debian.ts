// The .deb: the tree below /usr/lib, and what Debian wants around it. Promises a package that installs without a network.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Architecture } from './lay-out.ts';

export interface DebianPackage {
  readonly architecture: Architecture;
  readonly version: string;
  /** Names the folder that a gateway of this build runs from. */
  readonly release: string;
  /** Whether the package has the runtime's library inside. */
  readonly hasAtomic: boolean;
  /** Below the package's root: path and text. */
  readonly made: Readonly<Record<string, string>>;
}

/** Documentation as the repository has it: links between pages work. */
const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'docs',
  'deploy',
  'examples',
];

/** Lays out the rest around `stage`/usr/lib/hl7-gateway/package, and builds it. */
export function buildDebian(
  root: string,
  stage: string,
  file: string,
  wanted: DebianPackage,
  fast: boolean,
): void {
  const { architecture, version, release, hasAtomic, made } = wanted;
  const debian = join(root, 'deploy/debian');
  const copy = (from: string, to: string, mode = 0o644): void => {
    mkdirSync(dirname(join(stage, to)), { recursive: true });
    cpSync(join(root, from), join(stage, to), { recursive: true });
    if (statSync(join(stage, to)).isFile()) chmodSync(join(stage, to), mode);
  };
  const write = (to: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(stage, to)), { recursive: true });
    writeFileSync(join(stage, to), text, { mode });
  };
  write('usr/bin/hl7-gateway', startScript(release), 0o755);
  copy('deploy/debian/gateway.yaml', 'etc/hl7-gateway/gateway.yaml', 0o640);
  copy('deploy/debian/logrotate', 'etc/logrotate.d/hl7-gateway');
  for (const unit of ['hl7-gateway.service', 'hl7-gateway@.service'])
    copy(`deploy/systemd/${unit}`, `lib/systemd/system/${unit}`);
  for (const name of DOCUMENTS) copy(name, `usr/share/doc/hl7-gateway/${name}`);
  copy('deploy/debian/copyright', 'usr/share/doc/hl7-gateway/copyright');
  mkdirSync(join(stage, 'usr/share/hl7-gateway'), { recursive: true });
  symlinkSync(
    '/usr/lib/hl7-gateway/package/schema/gateway.schema.json',
    join(stage, 'usr/share/hl7-gateway/gateway.schema.json'),
  );
  for (const [path, text] of Object.entries(made)) write(path, text);

  const installedKib = Math.ceil(bytesBelow(stage) / 1024);
  write(
    'DEBIAN/control',
    [
      'Package: hl7-gateway',
      `Version: ${version}`,
      `Architecture: ${architecture}`,
      'Section: net',
      'Priority: optional',
      'Maintainer: hl7-gateway maintainers <maintainers@hl7-gateway.example>',
      `Installed-Size: ${installedKib}`,
      `Depends: passwd, libc6 (>= 2.28), libstdc++6${hasAtomic ? '' : ', libatomic1'}`,
      'Suggests: logrotate, bash-completion, keepalived',
      'Description: Layer 7 gateway that understands HL7 v2',
      ' Routes each message by its content to a pool of Mirth Connect nodes, over MLLP and HTTP, and',
      ' acknowledges nothing that no node has acknowledged. The Node.js runtime is inside.',
      '',
    ].join('\n'),
  );
  write('DEBIAN/conffiles', '/etc/hl7-gateway/gateway.yaml\n/etc/logrotate.d/hl7-gateway\n');
  for (const script of ['postinst', 'prerm', 'postrm']) {
    const text = readFileSync(join(debian, script), 'utf8').replaceAll('@RELEASE@', release);
    write(`DEBIAN/${script}`, text, 0o755);
  }
  const compression = fast ? ['-Zgzip', '-z1'] : ['-Zxz', '-z6'];
  execFileSync('dpkg-deb', ['--root-owner-group', ...compression, '--build', stage, file], {
    stdio: 'ignore',
  });
}

/** From the links of this build where they have been made: what is loaded later is then of the same build. */
function startScript(release: string): string {
  return `#!/bin/sh
export HL7_GATEWAY_COMMAND=/usr/bin/hl7-gateway
lib=/usr/lib/hl7-gateway
[ ! -x "$lib/releases/${release}/bin/node" ] || exec "$lib/releases/${release}/bin/hl7-gateway" "$@"
exec "$lib/package/bin/hl7-gateway" "$@"
`;
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
