// hl7-gateway(1), made from the command line's own tree: what `--help` says of each command, in one page.
import type { Command } from 'commander';

/** `date`: of the release, as YYYY-MM-DD. */
export function manPage(program: Command, version: string, date: string): string {
  const name = program.name();
  return [
    `.TH ${name.toUpperCase()} 1 "${date}" "${name} ${version}"`,
    '.SH NAME',
    `${text(name)} \\- ${text(program.description())}`,
    '.SH SYNOPSIS',
    `.B ${text(name)}`,
    '.I COMMAND',
    '[\\fIoptions\\fR]',
    '.SH COMMANDS',
    ...commandsOf(program, []),
    '.SH EXIT STATUS',
    '.TP\n.B 0\nGood.',
    '.TP\n.B 1\nThe work failed.',
    '.TP\n.B 2\nCalled wrongly, or a bad config.',
    '.SH FILES',
    '.TP\n.I /etc/hl7\\-gateway/gateway.yaml\nThe config of the service.',
    '.TP\n.I /usr/share/doc/hl7\\-gateway/\nThe documentation, with every key of the config.',
    '',
  ].join('\n');
}

function commandsOf(command: Command, before: readonly string[]): readonly string[] {
  const help = command.createHelp();
  return help.visibleCommands(command).flatMap((one) => {
    if (one.name() === 'help') return [];
    const path = [...before, one.name()];
    const values = one.registeredArguments.map((argument) => help.argumentTerm(argument)).join(' ');
    const options = help
      .visibleOptions(one)
      .flatMap((option) => ['.TP', `.B ${text(option.flags)}`, line(help.optionDescription(option))]);
    const own = [
      `.SS "${text([...path, values].join(' ').trim())}"`,
      line(help.commandDescription(one) || one.description()),
    ];
    return [...own, ...options, ...commandsOf(one, path)];
  });
}

/** A hyphen of a command or an option is one that can be pasted. What is not ASCII is named: groff reads bytes. */
function text(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replace(
      /\P{ASCII}/gu,
      (one) => `\\[u${one.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`,
    );
}

/** A line that begins with a dot or an apostrophe would be a request to groff. */
function line(plain: string): string {
  const shown = text(plain);
  return /^[.']/.test(shown) ? `\\&${shown}` : shown;
}
