// One command line, from its arguments to its exit code. Promises to print on the terminal that it is given, and nowhere else.
import { CommanderError } from 'commander';
import { ConfigError, formatProblem } from '../config/source/problem.ts';
import { GatewayError } from '../errors.ts';
import { defineProgram } from './define/program.ts';
import { EXIT, type Perform, type Terminal } from './terminal.ts';

/** Returns the exit code. @throws what is no error of the user's: a defect */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  /** Set by the command that ran; commander's own errors are usage errors. */
  let exitCode: number = EXIT.usage;
  const perform: Perform = async (work) => {
    exitCode = await work();
  };
  const program = defineProgram(terminal, perform, args[0]);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.good : EXIT.usage;
    return report(error, terminal);
  }
  return exitCode;
}

/** One line for what went wrong; a config's problems have a line each. */
function report(error: unknown, terminal: Terminal): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) terminal.err(formatProblem(problem));
    return EXIT.usage;
  }
  if (error instanceof GatewayError && error.code !== 'GW_ERR_INTERNAL') {
    terminal.err(`${error.message} [${error.code}]`);
    // The command was right, and could not do its work.
    const failed = error.code === 'GW_ERR_LISTEN' || error.code.startsWith('GW_ERR_ADMIN_');
    return failed ? EXIT.failed : EXIT.usage;
  }
  throw error;
}
