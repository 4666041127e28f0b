// A new process that takes over from this one (hot restart) because it was asked to by a signal: after an upgrade, what is on disk
// is the new version. Promises that there is one at a time, and that one that fails changes nothing.
import { type ChildProcess, spawn } from 'node:child_process';
import { causeCode } from '../../errors.ts';
import type { Log } from '../../observe/log/log.ts';

/** The package's start script names itself: what it starts may be of another version by now. */
const COMMAND = 'HL7_GATEWAY_COMMAND';

export class Successor {
  readonly #log: Log;
  #child: ChildProcess | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Undefined: there is none that runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** `file`: the config. `variables`: added to the environment of this process. */
  start(file: string, variables: NodeJS.ProcessEnv): void {
    if (this.#child !== undefined) {
      this.#log.info({ pid: this.#child.pid }, 'a new process is about to take over already');
      return;
    }
    const command = process.env[COMMAND];
    const [program, before] =
      command === undefined
        ? [process.execPath, [...process.execArgv, process.argv[1] ?? '']]
        : [command, []];
    const args = [...before, 'run', '-c', file, '--replace', String(process.pid)];
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...variables } });
    this.#child = child;
    const onEnd = (reason: object): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#log.error(reason, 'the new process did not take over; this one goes on');
    };
    child.once('error', (error) => onEnd({ code: causeCode(error) }));
    child.once('exit', (exitCode, signal) => onEnd({ exitCode, signal }));
    // It outlives this process.
    child.unref();
    this.#log.info({ pid: child.pid }, 'a new process is started, which takes over');
  }
}
