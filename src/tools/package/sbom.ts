// The package's bill of materials (CycloneDX 1.5): what npm says of the production dependencies, and the runtime that is beside them.
import { execFileSync } from 'node:child_process';

interface Bom {
  readonly components: readonly object[];
}

export interface RuntimePart {
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
}

export function billOfMaterials(root: string, runtime: readonly RuntimePart[]): string {
  const args = ['sbom', '--omit', 'dev', '--package-lock-only', '--sbom-format', 'cyclonedx'];
  const text = execFileSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const bom = JSON.parse(text) as Bom;
  const parts = runtime.map(({ name, version, purl }) => ({
    type: 'platform',
    'bom-ref': `${name}@${version}`,
    name,
    version,
    ...(purl === undefined ? {} : { purl }),
  }));
  return `${JSON.stringify({ ...bom, components: [...bom.components, ...parts] }, null, 2)}\n`;
}
