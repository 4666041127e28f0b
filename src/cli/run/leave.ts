// The end of the process, whatever its threads wait for. process.exit() joins the threads that look up names and use files,
// and one that waits for a name server, a pipe nobody reads or a disk that is gone would keep the process for minutes.

/** What waits for such a thread (process.getActiveResourcesInfo). */
const IN_THREADS = /^(FS|GetAddrInfo|GetNameInfo|FileHandle|DirHandle)/;

/** Ends it with this exit code. What is to be written has to be written before. */
export function leave(code: number): never {
  if (process.getActiveResourcesInfo().some((name) => IN_THREADS.test(name))) replaceBy(code);
  process.exit(code);
}

/** Another image takes the place of this one, which ends its threads without joining them, and exits with the code. */
function replaceBy(code: number): void {
  try {
    process.execve?.(process.execPath, [process.execPath, '--eval', `process.exit(${code})`], {});
  } catch {
    // There is no file of that name any more, or no memory for it.
  }
  // Without execve (Node.js 24 on some systems), or where it failed: a supervisor sees a signal instead of the code.
  process.kill(process.pid, 'SIGKILL');
}
