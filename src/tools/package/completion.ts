// Completion for bash and zsh as static files, made from the command line's own tree, so that no command starts while somebody types.
import type { Command } from 'commander';

/** A command as it is typed, with the words that may follow it. */
interface Completed {
  /** `certs init`; empty: the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly description: string }[];
  /** Options whose value is a word of a list. */
  readonly choices: readonly (readonly [flag: string, choices: readonly string[]])[];
  /** Options that take a value. */
  readonly valued: readonly string[];
}

export function bashCompletion(program: Command): string {
  const all = completedOf(program, []);
  const name = program.name();
  const table = all.map(
    ({ path, words }) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`,
  );
  const values = all.flatMap(({ path, choices }) =>
    choices.map(([flag, list]) => `    '${path} ${flag}') words='${list.join(' ')}' ;;`),
  );
  const valued = all.map(({ path, valued }) => `    '${path}') valued=' ${valued.join(' ')} ' ;;`);
  return `# bash completion for ${name}. Made by \`npm run package\`.
_${shellName(name)}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path= word words= valued= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${path:+$path }\${COMP_WORDS[i]}
    case $word in
    ${paths(all)}) path=$word ;;
    *) break ;;
    esac
  done
  case "$path $prev" in
${values.length > 0 ? values.join('\n') : "    '') ;;"}
  esac
  if [ -z "$words" ]; then
    case $path in
${valued.join('\n')}
    esac
    case $valued in *" $prev "*) return ;; esac
    case $path in
${table.join('\n')}
    esac
  fi
  # What is no option and no command is a file: readline's default.
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -o bashdefault -F _${shellName(name)} ${name}
`;
}

export function zshCompletion(program: Command): string {
  const all = completedOf(program, []);
  const name = program.name();
  const table = all.map(
    ({ path, words }) =>
      `    '${path}') list=(${words.map(({ word, description }) => quoted(`${word.replaceAll(':', '\\:')}:${description}`)).join(' ')}) ;;`,
  );
  return `#compdef ${name}
# zsh completion for ${name}. Made by \`npm run package\`.
local path= word i
local -a list
for ((i = 2; i < CURRENT; i++)); do
  word=\${path:+$path }\${words[i]}
  case $word in
  ${paths(all)}) path=$word ;;
  *) break ;;
  esac
done
case $path in
${table.join('\n')}
esac
_describe '${name}' list
[[ $PREFIX == -* ]] || _files
`;
}

function completedOf(command: Command, before: readonly string[]): readonly Completed[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter((one) => one.name() !== 'help');
  const options = help.visibleOptions(command);
  const flags = options.map((one) => ({ word: one.long ?? one.short ?? '', description: one.description }));
  const own: Completed = {
    path: before.join(' '),
    words: [...commands.map((one) => ({ word: one.name(), description: one.description() })), ...flags],
    choices: options.flatMap(({ long, argChoices }) =>
      long !== undefined && argChoices !== undefined && argChoices !== null
        ? [[long, argChoices] as const]
        : [],
    ),
    valued: options
      .filter(({ required }) => required)
      .flatMap(({ short, long }) => [short, long])
      .filter((flag) => flag !== undefined),
  };
  return [own, ...commands.flatMap((one) => completedOf(one, [...before, one.name()]))];
}

/** As a pattern of `case`. */
function paths(all: readonly Completed[]): string {
  return all.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join('|');
}

function shellName(name: string): string {
  return name.replaceAll('-', '_');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
