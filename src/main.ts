// The command line: runs what was asked for, and says what an error means for the exit code.
import { CommanderError } from 'commander';
import { paintOn } from './cli/colors.ts';
import { defineProgram } from './cli/define/program.ts';
import { EXIT, type Terminal } from './cli/terminal.ts';
import { ConfigError, formatProblem } from './config/source/problem.ts';
import { GatewayError } from './errors.ts';

/** `… | head -1` closes the pipe: whoever reads has read enough. The rest of the work is not done, so it is no success. */
function onOutputClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.failed);
}

const terminal: Terminal = {
  out: (line) => {
    // Not before there is a line: touching stdout makes a pipe non-blocking, and `run` has its log write there itself.
    if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', onOutputClosed);
    process.stdout.write(`${line}\n`);
  },
  err: (line) => void process.stderr.write(`${line}\n`),
  get columns() {
    return process.stdout.isTTY === true ? process.stdout.columns : undefined;
  },
  get paint() {
    return paintOn(process.stdout, process.env);
  },
};

/** Set by the command that ran; commander's own errors are usage errors. */
let exitCode: number = EXIT.usage;

const program = defineProgram(terminal, async (work) => {
  exitCode = await work();
});

/** One line for what went wrong; a config's problems have a line each. */
function report(error: unknown): number {
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

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? EXIT.good : EXIT.usage;
  else exitCode = report(error);
}
process.exitCode = exitCode;
