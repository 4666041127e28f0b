// The help of each command: exit codes, and examples that the command line takes.
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { COMMAND_GROUPS, defineProgram } from '../../src/cli/define/program.ts';

const terminal = { out: (): void => {}, err: (): void => {} };

/** Parses, and does not do what was asked for. */
function program(): { command: Command; asked: () => number } {
  let asked = 0;
  const command = defineProgram(terminal, async () => {
    asked++;
  });
  const silent = (one: Command): void => {
    one.configureOutput({ writeOut: () => {}, writeErr: () => {} });
    for (const child of one.commands) silent(child);
  };
  silent(command);
  return { command, asked: () => asked };
}

function everyCommand(of: Command, before: readonly string[] = []): [name: string, command: Command][] {
  const path = [...before, of.name()];
  return [[path.join(' '), of], ...of.commands.flatMap((child) => everyCommand(child, path))];
}

function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  return help;
}

/** The lines of a section, without their indent. */
function section(help: string, heading: string): string[] {
  const lines = help.split('\n');
  const from = lines.indexOf(heading) + 1;
  if (from === 0) return [];
  const end = lines.findIndex((line, i) => i >= from && !line.startsWith('  '));
  return lines.slice(from, end < 0 ? undefined : end).map((line) => line.slice(2));
}

const names = everyCommand(program().command).map(([name]) => name);

/** As a shell has it, where a redirection is none of the arguments. */
function words(example: string): string[] {
  const plain = example.replace(/ < \S+$/, '');
  return [...plain.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => {
    return single ?? double ?? bare ?? '';
  });
}

test('there are all of them', () => {
  expect(names.length).toBeGreaterThan(25);
});

test.each(names)('%s: its help has exit codes, and examples that are taken', async (name) => {
  const found = everyCommand(program().command).find(([one]) => one === name)?.[1] as Command;
  const help = helpOf(found);
  const codes = section(help, 'Exit codes:');
  expect(codes.length).toBeGreaterThan(1);
  for (const line of codes) expect(line).toMatch(/^[012] {2}\S/);
  const examples = section(help, 'Examples:');
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) {
    expect(example.startsWith('hl7-gateway ')).toBe(true);
    const { command, asked } = program();
    const args = words(example).slice(1);
    if (args.includes('--help')) {
      await expect(command.parseAsync(args, { from: 'user' })).rejects.toMatchObject({ exitCode: 0 });
      continue;
    }
    await command.parseAsync(args, { from: 'user' });
    expect({ example, asked: asked() }).toEqual({ example, asked: 1 });
    // Of the command itself, or of one below it.
    expect(`hl7-gateway ${args.join(' ')}`.startsWith(name)).toBe(true);
  }
});

test('F112 no help shows a duration or a size in another form than it is taken', () => {
  for (const [, command] of everyCommand(program().command)) {
    const help = helpOf(command).replace(/\n {4,}/g, ' ');
    for (const [, kind, shown] of help.matchAll(/<(duration|size)>[^\n]*?\(default: ([^)]*)\)/g))
      expect(shown, `${command.name()} <${kind}>`).toMatch(
        kind === 'size' ? /^\d+(KiB|MiB|GiB)$/ : /^(0|\d+(ms|s|m|h))\b/,
      );
  }
});

test.each(COMMAND_GROUPS)('%o defines %o, and those alone when one of them is asked for', (_, commands) => {
  for (const first of commands) {
    const program = defineProgram(terminal, async () => {}, first);
    expect(program.commands.map((command) => command.name())).toEqual(commands);
  }
});

test.each(['', '--help', 'help', 'runs'])('all commands are there behind %j', (first) => {
  const all = COMMAND_GROUPS.flatMap(([, commands]) => commands);
  expect(defineProgram(terminal, async () => {}, first).commands.map((command) => command.name())).toEqual(
    all,
  );
});
