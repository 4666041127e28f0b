// Notices that files have been replaced, whatever way it was done: written in place, renamed over, or a symbolic link
// turned to another folder (as Kubernetes does with secrets, which file system events miss).
import { statSync } from 'node:fs';
import { clearInterval, setInterval } from '../src/platform/time.ts';

/** A new certificate is in use within this time; asking costs a system call a file. */
const INTERVAL_MS = 2_000;

export interface FileWatcher {
  /** Files have changed, and have then been left alone for an interval. */
  onChange(): void;
  /** Nothing has changed since the last look. */
  onStill?(): void;
}

export class FileWatch {
  readonly #files: () => readonly string[];
  readonly #watcher: FileWatcher;
  #seen = '';
  #pending = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(files: () => readonly string[], watcher: FileWatcher) {
    this.#files = files;
    this.#watcher = watcher;
  }

  start(intervalMs = INTERVAL_MS): void {
    this.#seen = this.#look();
    this.#timer = setInterval(() => this.check(), intervalMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Acts when a change has settled: a certificate and its key are rarely replaced in the same instant. */
  check(): void {
    const now = this.#look();
    if (now !== this.#seen) {
      this.#seen = now;
      this.#pending = true;
      return;
    }
    if (!this.#pending) {
      this.#watcher.onStill?.();
      return;
    }
    this.#pending = false;
    this.#watcher.onChange();
  }

  #look(): string {
    return this.#files()
      .map((file) => {
        try {
          // The time of the status, too: `cp -p` over a file of the same size leaves nothing else that differs.
          const { dev, ino, size, mtimeMs, ctimeMs } = statSync(file);
          return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
        } catch {
          return 'missing';
        }
      })
      .join(' ');
  }
}
