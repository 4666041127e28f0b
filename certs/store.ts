// Everything of TLS that is read from files: who uses it, taking up new files while it is in use, and what ends when.
// A file that is not usable never replaces one that is, and is looked at again until it can be used or is replaced.
import { asGatewayError, type GatewayError } from '../src/errors.ts';
import { wallMs } from '../src/platform/time.ts';
import type { Certificate } from './certificate.ts';
import { ExpiryWatch, type OnExpiry } from './expiry-watch.ts';
import { FileWatch } from './file-watch.ts';

/** A listener's or a node's TLS. */
export interface TlsUser {
  readonly files: readonly string[];
  readonly certificates: readonly Certificate[];
  /** @throws GatewayError GW_ERR_TLS_FILE; then everything stays as it was */
  reload(): void;
}

/** `where`: the place in the config that names the files. */
export interface StoreWatcher {
  onLoaded(where: string): void;
  /** What was in use stays in use. Not called again for the same reason, unless a reload was asked for. */
  onKept(where: string, error: GatewayError): void;
  readonly onExpiry: OnExpiry;
}

export class CertificateStore {
  readonly #watcher: StoreWatcher;
  readonly #secured = new Map<string, TlsUser>();
  /** Those whose last reload failed, and why. */
  readonly #failed = new Map<string, string>();
  readonly #files: FileWatch;
  readonly #expiry: ExpiryWatch;
  #isWatching = false;

  constructor(watcher: StoreWatcher) {
    this.#watcher = watcher;
    const files = (): string[] => [...this.#secured.values()].flatMap((secured) => secured.files);
    this.#files = new FileWatch(files, {
      onChange: () => void this.reload(),
      // What failed may have been half of a replacement, or a permission that no time stamp of the contents shows.
      onStill: () => this.#retry(),
    });
    this.#expiry = new ExpiryWatch(() => this.certificates, watcher.onExpiry);
  }

  add(where: string, secured: TlsUser): void {
    this.#secured.set(where, secured);
  }

  /** `secured`: unless another has taken its place. */
  remove(where: string, secured?: TlsUser): void {
    if (secured !== undefined && this.#secured.get(where) !== secured) return;
    this.#secured.delete(where);
    this.#failed.delete(where);
  }

  get certificates(): readonly Certificate[] {
    return [...this.#secured.values()].flatMap((secured) => secured.certificates);
  }

  /** The same, each with the place in the config that names its file. */
  get placed(): readonly (Certificate & { readonly where: string })[] {
    return [...this.#secured].flatMap(([where, { certificates }]) =>
      certificates.map((certificate) => ({ where, ...certificate })),
    );
  }

  start({ watchFiles }: { readonly watchFiles: boolean }): void {
    this.#expiry.start();
    this.watchFiles(watchFiles);
  }

  /** From now on, or no more. Also where there are none yet: a reload of the config may bring some. */
  watchFiles(wanted: boolean): void {
    if (wanted === this.#isWatching) return;
    this.#isWatching = wanted;
    if (wanted) this.#files.start();
    else this.#files.stop();
  }

  stop(): void {
    this.watchFiles(false);
    this.#expiry.stop();
  }

  /** Reads all files anew, each user's for itself. Returns whether all were taken. */
  reload(): boolean {
    this.#failed.clear();
    for (const where of this.#secured.keys()) this.#take(where);
    this.#expiry.check(new Date(wallMs()));
    return this.#failed.size === 0;
  }

  #retry(): void {
    if (this.#failed.size === 0) return;
    for (const where of [...this.#failed.keys()]) this.#take(where);
    this.#expiry.check(new Date(wallMs()));
  }

  #take(where: string): void {
    try {
      this.#secured.get(where)?.reload();
      this.#failed.delete(where);
      this.#watcher.onLoaded(where);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      const before = this.#failed.get(where);
      this.#failed.set(where, error.message);
      if (before !== error.message) this.#watcher.onKept(where, error);
    }
  }
}
