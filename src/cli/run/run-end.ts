// What ends a running gateway: a signal, or an error that nobody caught. Promises that the end comes in time whatever
// hangs, and that a second signal ends it at once.
import { setTimeout } from 'node:timers/promises';
import { causeCode } from '../../errors.ts';
import type { Log } from '../../observe/log/log.ts';
import { stackOf } from '../../observe/log/stack.ts';
import { EXIT } from '../terminal.ts';

/** `main process`: it says so, or is gone. */
export type EndReason = 'SIGTERM' | 'SIGINT' | 'uncaught' | 'main process';

/** What is left beside messages (traces, metrics, audit) has so long when the drain has used up `shutdown.timeout`. */
const LAST_MS = 600;
/** So long for the last lines of the log: a reader that is there needs none of it. */
const FLUSH_MS = 100;

export interface EndHooks {
  /** SIGHUP. */
  onReload(): void;
  /** SIGUSR1, on which Node.js would open a debugger on a port for whoever may send it. */
  onUpgrade(): void;
  /** SIGUSR2. */
  onRotate(): void;
  /** An error that nobody caught: the process is not to be trusted any more. */
  onDefect(): void;
}

/** Resolves to the first reason for the end, which may have come at any time since this was called. */
export function untilEnd(
  log: Log,
  { onReload, onUpgrade, onRotate, onDefect }: EndHooks,
): Promise<EndReason> {
  return new Promise((resolve) => {
    let ending = false;
    const end = (reason: EndReason): void => {
      ending = true;
      resolve(reason);
    };
    const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
      if (ending) leave(signal === 'SIGINT' ? 130 : 143);
      end(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    process.on('SIGHUP', onReload);
    process.on('SIGUSR2', onRotate);
    process.on('SIGUSR1', onUpgrade);
    // Rejections that nobody handles come here too.
    process.on('uncaughtException', (thrown, origin) => {
      logUncaught(log, thrown, origin);
      onDefect();
      if (!ending) end('uncaught');
    });
  });
}

/**
 * The same for a process that another one tells to end. A terminal's Ctrl-C and a supervisor's signal come to both: they are the other
 * one's to act on.
 */
export function untilTold(log: Log, told: Promise<unknown>): Promise<EndReason> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.on(signal, () => {});
    process.on('uncaughtException', (thrown, origin) => {
      logUncaught(log, thrown, origin);
      resolve('uncaught');
    });
    void told.then(() => resolve('main process'));
  });
}

export interface Work {
  /** Of messages: resolves to whether none was cut off. */
  drain(): Promise<boolean>;
  /** Of what is told to others about it. */
  close(): Promise<unknown>;
}

/** Ends the process when the work is done, or when its time is over. */
export async function endProcess(reason: EndReason, timeoutMs: number, work: Work, log: Log): Promise<never> {
  let clean = false;
  const done = async (): Promise<void> => {
    clean = await work.drain();
    await work.close();
  };
  const inTime = await within(
    timeoutMs + LAST_MS,
    done().catch((thrown: unknown) => {
      clean = false;
      logUncaught(log, thrown, 'shutdown');
    }),
  );
  if (!inTime) log.warn({ clean }, 'shutdown: not all that is open could be closed in time');
  await within(FLUSH_MS, new Promise<void>((resolve) => log.flush(() => resolve())));
  return leave(clean && reason !== 'uncaught' ? EXIT.good : EXIT.failed);
}

async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), setTimeout(ms, false)]);
}

/** What waits for such a thread (process.getActiveResourcesInfo). */
const IN_THREADS = /^(FS|GetAddrInfo|GetNameInfo|FileHandle|DirHandle)/;

/**
 * Ends the process with this exit code, whatever its threads wait for. What is to be written has to be written before.
 * process.exit() joins the threads that look up names and use files, and one that waits for a name server, a pipe nobody reads
 * or a disk that is gone would keep the process for minutes.
 */
function leave(code: number): never {
  if (process.getActiveResourcesInfo().some((name) => IN_THREADS.test(name))) replaceBy(code);
  process.exit(code);
}

/** Another image takes the place of this one, which ends its threads without joining them, and exits with the code. */
function replaceBy(code: number): void {
  try {
    // The package brings a library that the runtime needs: without its path the exit code would be the loader's 127.
    const { LD_LIBRARY_PATH: libraries } = process.env;
    const env = libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries };
    process.execve?.(process.execPath, [process.execPath, '--eval', `process.exit(${code})`], env);
  } catch {
    // There is no file of that name any more, or no memory for it.
  }
  // Without execve (Node.js 24 on some systems), or where it failed: a supervisor sees a signal instead of the code.
  process.kill(process.pid, 'SIGKILL');
}

/** Where the process ends in disorder there may be one for each connection. */
const MOST_LOGGED = 20;

let count = 0;

/** Where it came from, and nothing of what it says. `origin`: `uncaughtException`, `unhandledRejection`, or what the process was about. */
function logUncaught(log: Log, thrown: unknown, origin: string): void {
  count++;
  if (count > MOST_LOGGED) return;
  const left = count === MOST_LOGGED ? { last: true } : {};
  log.fatal(
    { code: 'GW_ERR_INTERNAL', origin, cause: causeCode(thrown), stack: stackOf(thrown), ...left },
    'uncaught error: this is a defect in the gateway, which ends',
  );
}
