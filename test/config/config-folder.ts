// A folder with a config and the files it names, gone after the test; and what loading it comes to.
// Promises nothing about the files' contents: the config part checks only that they can be read.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ConfigError, formatProblem, type Problem, parseConfig } from '../../src/config/load.ts';
import type { Environment } from '../../src/config/source/interpolate.ts';
import { cacheFolder } from '../helpers/product-files.ts';

/** Writes `files` (path → text) into a new folder; returns its path. A `key` or `token` in the name, or `.p12`, makes it private. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  write(files, folder);
  return folder;
}

/** The same for those who only read it: made once, and kept for other tests and later runs, as removing it takes longer than most of them. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const digest = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 24);
  const folder = join(cacheFolder(), `config-${digest}`);
  if (existsSync(folder)) return folder;
  const made = mkdtempSync(join(cacheFolder(), 'making-'));
  write(files, made);
  try {
    renameSync(made, folder);
  } catch (thrown) {
    rmSync(made, { recursive: true, force: true });
    // Another test has made it meanwhile.
    if (!existsSync(folder)) throw thrown;
  }
  return folder;
}

function write(files: Readonly<Record<string, string>>, folder: string): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, /key|token|\.p12$/.test(name) ? 0o600 : 0o644);
  }
}

export interface Outcome {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** The lines that a config's problems print as, without its folder. */
export function outcome(text: string, folder: string, env: Environment = {}): Outcome {
  const file = join(folder, 'gateway.yaml');
  const lines = (problems: readonly Problem[]): string[] => {
    return problems.map((problem) => formatProblem(problem).replace(`${folder}/`, ''));
  };
  try {
    return { errors: [], warnings: lines(parseConfig(text, { file, env }).warnings) };
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return { errors: lines(thrown.problems), warnings: lines(thrown.warnings) };
  }
}

/** Every file that the examples in these tests and in the docs name. */
export const TLS_FILES = {
  'certs/vip.crt.pem': '',
  'certs/vip.key.pem': '',
  'certs/ca.crt.pem': '',
  'certs/senders-ca.crt.pem': '',
  'certs/mirth-ca.crt.pem': '',
  'certs/gateway.crt.pem': '',
  'certs/gateway.key.pem': '',
  'certs/lab.p12': '',
  'certs/senders.crl.pem': '',
  'secrets/vip-key.pass': 'of the key\n',
  'secrets/lab-p12.pass': 'of the p12\n',
  'secrets/lab-user.hash': `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}\n`,
} as const;

/** A good config, with room for one more thing in each part. */
export function config(parts: {
  listener?: string;
  pool?: string;
  node?: string;
  routes?: string;
  top?: string;
}): string {
  const { listener = '', pool = '', node = '', routes = '- to: p', top = '' } = parts;
  return [
    'listeners:', // line 1
    `  l: { bind: ":1", ${listener} }`, // 2
    'pools:', // 3
    '  p:', // 4
    `    nodes: { a: { url: "mllp://h:1", ${node} } }`, // 5
    `    ${pool}`, // 6
    'routes:', // 7
    `  ${routes}`, // 8
    top, // 9
  ].join('\n');
}

/** The same over HTTP; what `listener` adds starts at column 36 of line 2. */
export function webConfig(parts: Parameters<typeof config>[0]): string {
  const listener = `protocol: http, ${parts.listener ?? ''}`;
  return config({ ...parts, listener }).replace('"mllp://h:1"', '"http://h:1"');
}
