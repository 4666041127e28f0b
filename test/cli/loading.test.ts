// What a command line loads: `--help`, and what is typed wrongly, are answered without a single command; a command loads what it
// needs. Modules are counted, not milliseconds: those depend on the machine.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { folderWith } from '../config/config-folder.ts';
import { fixture } from './command-line.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Prints what was loaded when the process ends, on a descriptor of its own. */
const HOOK = `
import { registerHooks } from 'node:module';
import { writeSync } from 'node:fs';
registerHooks({ load: (url, context, next) => {
  if (url.startsWith('file:')) writeSync(3, url + '\\n');
  return next(url, context);
} });
`;

interface Loaded {
  readonly code: number | null;
  readonly packages: readonly string[];
  /** Of this project, from its root. */
  readonly files: readonly string[];
}

function loadedBy(...args: readonly string[]): Loaded {
  const hook = `${folderWith({ 'hook.mjs': HOOK })}/hook.mjs`;
  const { status, output } = spawnSync(process.execPath, ['--import', hook, 'src/main.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  const urls = (output[3] ?? '').split('\n').filter((url) => url !== '' && !url.endsWith('/hook.mjs'));
  const packages = urls.map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]);
  const files = urls
    .filter((_, i) => packages[i] === undefined)
    .map((url) => fileURLToPath(url).slice(ROOT.length));
  return {
    code: status,
    packages: [...new Set(packages)].filter((name) => name !== undefined).sort(),
    files,
  };
}

/** Beside the definitions: what arguments are checked by, and what errors are. */
const FOR_ARGUMENTS = [
  'src/main.ts',
  'src/errors.ts',
  'src/version.ts',
  'src/config/formats.ts',
  'src/config/source/problem.ts',
  'src/tools/simulation/api/mirth-state.ts',
  'src/tools/simulation/mirth-defaults.ts',
  'src/tools/replay/default-jobs.ts',
  'src/cli/colors.ts',
  'src/cli/command-line.ts',
  'src/cli/defaults.ts',
  'src/cli/terminal.ts',
  'src/cli/usage.ts',
  'certs/files/read-bytes.ts',
  'certs/x509/key-kinds.ts',
];

test.each<[number, string[]]>([
  [0, ['--help']],
  [0, ['--version']],
  [0, ['help', 'status']],
  [0, ['run', '--help']],
  [0, ['certs', 'issue', '--help']],
  [2, ['wat']],
  [2, ['send', 'x', '--to', 'mllp://127.0.0.1:1', '--timeout', '20']],
])('exit code %i, %j: no command is loaded', (code, args) => {
  const loaded = loadedBy(...args);
  expect({ code: loaded.code, packages: loaded.packages }).toEqual({
    code,
    packages: ['commander', 'ipaddr.js'],
  });
  const others = loaded.files.filter((file) => !file.startsWith('src/cli/define/'));
  expect(others.filter((file) => !FOR_ARGUMENTS.includes(file))).toEqual([]);
});

const NEVER = ['node-forge', 'convict', 'yaml', 'pino', 'piscina', 'hl7-standard', '@opentelemetry/api'];

test.each<[string[], string[]]>([
  [['show', fixture('ack-aa.hl7')], ['hl7-standard']],
  // Nothing listens on port 1: what is needed to ask has been loaded by then.
  [['send', fixture('ack-aa.hl7'), '--to', 'mllp://127.0.0.1:1', '--timeout', '5s'], []],
  [['send', fixture('ack-aa.hl7'), '--to', 'http://127.0.0.1:1', '--timeout', '5s'], ['undici']],
  [['status', '--admin', 'http://127.0.0.1:1'], ['undici']],
  [['ready', '--admin', 'http://127.0.0.1:1'], ['undici']],
  [['drain', 'a/b', '--admin', 'http://127.0.0.1:1'], ['undici']],
])('%j loads %j, and nothing else that is large', (args, needed) => {
  const { packages, files } = loadedBy(...args);
  expect(packages).toEqual(['commander', ...needed, 'ipaddr.js'].sort());
  expect(packages.filter((name) => NEVER.includes(name) && !needed.includes(name))).toEqual([]);
  expect(files).not.toContain('src/gateway.ts');
  expect(files).not.toContain('src/config/load.ts');
});

test('a simulated node is none of the gateway', () => {
  // Its address is refused once the command is there.
  const { code, packages, files } = loadedBy('node', '--listen', 'wat');
  expect(code).toBe(2);
  expect(files).toContain('src/cli/node/node.ts');
  expect(files).not.toContain('src/gateway.ts');
  for (const one of ['convict', 'yaml', 'piscina', '@opentelemetry/api', 'undici'])
    expect(packages).not.toContain(one);
});
