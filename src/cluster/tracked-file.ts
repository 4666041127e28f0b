// The file that tells keepalived whether the gateway is fit. Promises that whoever reads it finds 0 or 1, and that of two processes
// during a hot restart only the new one writes it.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { quoted } from '../config/source/problem.ts';
import { causeCode, GatewayError } from '../errors.ts';
import { randomUUID } from '../platform/random.ts';

export class TrackedFile {
  readonly #path: string;
  /** Says whose the file is. keepalived knows nothing of it. */
  readonly #ownerPath: string;
  /** Process ids come again, and are the same in two containers. */
  readonly #owner = `${process.pid} ${randomUUID()}`;

  constructor(path: string) {
    this.#path = path;
    this.#ownerPath = `${path}.owner`;
  }

  /** From now on other processes leave it alone. @throws GatewayError GW_ERR_FILE */
  take(isFit: boolean): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      replace(this.#ownerPath, this.#owner);
      this.#write(isFit);
    } catch (thrown) {
      throw failure(this.#path, thrown);
    }
  }

  /** No other process has taken it since. */
  get isOwn(): boolean {
    try {
      return readFileSync(this.#ownerPath, 'utf8') === this.#owner;
    } catch {
      // Somebody has cleared the folder, which takes nothing over.
      return true;
    }
  }

  /** keepalived takes a file that is gone for a gateway that is fit. */
  get isThere(): boolean {
    return existsSync(this.#path);
  }

  /** @throws GatewayError GW_ERR_FILE */
  write(isFit: boolean): void {
    try {
      this.#write(isFit);
    } catch (thrown) {
      throw failure(this.#path, thrown);
    }
  }

  #write(isFit: boolean): void {
    replace(this.#path, isFit ? '0\n' : '1\n');
  }
}

/** Nothing is fsynced: after a power cut the gateway begins anew, and so does the file. */
function replace(path: string, text: string): void {
  const beside = `${path}.${process.pid}.new`;
  try {
    writeFileSync(beside, text, { mode: 0o644 });
    renameSync(beside, path);
  } catch (thrown) {
    rmSync(beside, { force: true });
    throw thrown;
  }
}

function failure(path: string, thrown: unknown): GatewayError {
  const detail = `cluster.track ${quoted(path)} cannot be written (${causeCode(thrown)}): its folder must be the gateway user's`;
  return new GatewayError('GW_ERR_FILE', { detail, cause: thrown });
}
