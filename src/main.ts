// The command line: what a process prints on, and its exit code.
import { paintOn } from './cli/colors.ts';
import { runCommandLine } from './cli/command-line.ts';
import { EXIT, type Terminal } from './cli/terminal.ts';

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

/** Nothing is left that could end the command: that is no success. */
function onNothingLeft(): void {
  process.exitCode = EXIT.failed;
}

process.once('beforeExit', onNothingLeft);
// Not awaited: the package is CommonJS.
void runCommandLine(process.argv.slice(2), terminal).then((code) => {
  process.off('beforeExit', onNothingLeft);
  process.exitCode = code;
});
