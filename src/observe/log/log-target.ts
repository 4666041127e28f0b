// Standard output as a place for log lines. Promises that a write to a pipe, a socket or a terminal never waits for whoever
// reads there, and that a write to a file is done by another thread.
import { constants, fstatSync, openSync, type Stats, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

export interface LogTarget {
  /** True: `write` waits for nobody, and fails with EAGAIN instead. False: it may take as long as a disk takes. */
  readonly isPrompt: boolean;
  /** Returns how many bytes were taken. @throws ErrnoException */
  writeNow(bytes: Buffer): number;
  /** The same in another thread. */
  write(bytes: Buffer, done: (error: NodeJS.ErrnoException | null, taken: number) => void): void;
}

const STDOUT = 1;

export function standardOutput(): LogTarget {
  const { fd, isPrompt } = descriptor();
  return {
    isPrompt,
    writeNow: (bytes) => writeSync(fd, bytes),
    write: (bytes, done) => write(fd, bytes, 0, bytes.length, null, done),
  };
}

function descriptor(): { readonly fd: number; readonly isPrompt: boolean } {
  const stats = statOf(STDOUT);
  if (stats?.isFIFO() === true || stats?.isSocket() === true) {
    // Node.js makes a pipe or a socket non-blocking when its stream is made, and there is no other way to ask for that.
    void process.stdout;
    return { fd: STDOUT, isPrompt: true };
  }
  if (!isatty(STDOUT)) return { fd: STDOUT, isPrompt: false };
  try {
    // A terminal can be stopped (Ctrl-S). One that is opened again has flags of its own, and others' stay as they are.
    const fd = openSync(
      `/proc/self/fd/${STDOUT}`,
      constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    return { fd, isPrompt: true };
  } catch {
    return { fd: STDOUT, isPrompt: false };
  }
}

function statOf(fd: number): Stats | undefined {
  try {
    return fstatSync(fd);
  } catch {
    return undefined;
  }
}
