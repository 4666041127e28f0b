// Completion and the man page as shells and man read them: made from the command line's own tree.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defineProgram } from '../../../src/cli/define/program.ts';
import { bashCompletion, zshCompletion } from '../../../src/tools/package/completion.ts';
import { manPage } from '../../../src/tools/package/man-page.ts';

const program = defineProgram({ out: () => {}, err: () => {} }, async () => {});

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0;

function fileOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'shell-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'made');
  writeFileSync(file, text);
  return file;
}

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const script = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hl7_gateway; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['-c', script, fileOf(bashCompletion(program)), 'hl7-gateway', ...words];
  return execFileSync('bash', args, { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
}

test('bash: commands, those below one, and options', () => {
  expect(offered('')).toEqual(expect.arrayContaining(['run', 'check', 'certs', '--version']));
  // Hidden from the help.
  expect(offered('')).not.toContain('worker');
  expect(offered('ch')).toEqual(['check']);
  expect(offered('certs', 'in')).toEqual(expect.arrayContaining(['init', 'inspect']));
  expect(offered('run', '--')).toEqual(expect.arrayContaining(['--config', '--replace']));
});

test('bash: after an option that takes a file, files', () => {
  expect(offered('run', '-c', '')).toEqual([]);
  expect(offered('run', '--config', '')).toEqual([]);
});

test.skipIf(!has('zsh'))('zsh takes it (skipped where there is no zsh)', () => {
  execFileSync('zsh', ['-n', fileOf(zshCompletion(program))]);
});

test('zsh: every command with its description, quoted for the shell', () => {
  const text = zshCompletion(program);
  for (const one of program.commands.filter((command) => command.name() !== 'worker'))
    expect(text).toContain(`'${one.name()}:`);
  // An apostrophe in a description ends no word.
  execFileSync('bash', ['-c', `list=(${/\('init:.*?\) ;;/s.exec(text)?.[0].slice(1, -4) ?? "'"})`]);
});

test('the man page has each command, and man finds nothing wrong', () => {
  const page = manPage(program, '1.2.3', '2026-01-02');
  expect(page).toMatch(/^\.TH HL7-GATEWAY 1 "2026-01-02" "hl7-gateway 1\.2\.3"\n/);
  for (const path of ['run', 'certs init', 'replay']) expect(page).toContain(`.SS "${path}`);
  expect(page).not.toContain('.SS "worker');
  if (!has('groff')) return;
  const { stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', fileOf(page)], { encoding: 'utf8' });
  expect(stderr).toBe('');
});
