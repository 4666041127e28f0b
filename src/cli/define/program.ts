// The command line: each command's arguments and help. Promises to load none of the commands themselves: `--help`, and what
// is typed wrongly, are answered before anything else is read, and a command loads what it needs when it is called.
import { Command } from 'commander';
import { version } from '../../version.ts';
import type { Perform, Terminal } from '../terminal.ts';
import { defineAdmin } from './admin.ts';
import { showDefaultsAsTaken } from './arguments.ts';
import { defineCerts } from './certs.ts';
import { defineCluster } from './cluster.ts';
import { defineGateway } from './gateway.ts';
import { withHelp } from './help.ts';
import { defineImport } from './import.ts';
import { defineInit } from './init.ts';
import { defineMessages } from './messages.ts';
import { defineNode } from './node.ts';
import { definePassword } from './password.ts';
import { defineRecord } from './record.ts';
import { defineReplay } from './replay.ts';
import { defineSpool } from './spool.ts';
import { defineTop } from './top.ts';

type Define = (program: Command, terminal: Terminal, perform: Perform) => void;

/** By the commands that each defines. */
export const COMMAND_GROUPS: readonly (readonly [define: Define, commands: readonly string[]])[] = [
  [defineGateway, ['run', 'worker', 'demo', 'check']],
  [defineInit, ['init']],
  [defineMessages, ['route', 'send', 'show']],
  [defineNode, ['node']],
  [defineImport, ['import']],
  [definePassword, ['password']],
  [defineAdmin, ['status', 'drain', 'maintenance', 'ready', 'weight', 'reload', 'rotate']],
  [defineTop, ['top']],
  [defineSpool, ['spool']],
  [defineCluster, ['keepalived', 'transparent']],
  [defineReplay, ['replay']],
  [defineRecord, ['record']],
  [defineCerts, ['certs']],
];

/** `first`: what the command line begins with. Where that is a command, those of other groups are left out, which nobody asks for then. */
export function defineProgram(terminal: Terminal, perform: Perform, first = ''): Command {
  const program = new Command('hl7-gateway')
    .description('A Layer 7 gateway that understands HL7 v2, in front of Mirth Connect nodes')
    .version(version)
    .exitOverride()
    // Each text ends its line. Commands that are defined from here on print alike.
    .configureOutput({
      writeOut: (text) => terminal.out(text.replace(/\n$/, '')),
      writeErr: (text) => terminal.err(text.replace(/\n$/, '')),
    })
    .showHelpAfterError('(--help shows what there is)');
  withHelp(program, {
    exit: { 0: 'good', 1: 'the work failed', 2: 'called wrongly, or a bad config' },
    examples: ['demo', 'check -c gateway.yaml', 'run -c gateway.yaml', 'send --help'],
  });
  const asked = COMMAND_GROUPS.filter(([, commands]) => commands.includes(first));
  for (const [define] of asked.length > 0 ? asked : COMMAND_GROUPS) define(program, terminal, perform);
  showDefaultsAsTaken(program);
  return program;
}
