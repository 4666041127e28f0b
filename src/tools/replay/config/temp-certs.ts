// Certificates and secrets for replay, in a folder of their own for as long as the process runs; made when they are first
// asked for. Promises that no key is left behind when the process exits; signals are the caller’s to hear.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, createAuthority, type Issued } from '../../../../certs/authority.ts';

export interface PairFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Longer than any run; shorter than anybody would want to keep them. */
const DAYS = 40;

/** A probe message, where a health check names one that cannot be read. */
const PROBE = 'MSH|^~\\&|REPLAY|REPLAY|PROBE|PROBE|{time}||ADT^A04|{id}|P|2.5.1\r';

export class TempCerts {
  #folder: string | undefined;
  #authority: Authority | undefined;
  readonly #files = new Map<string, string>();
  readonly #onExit = (): void => this.remove();

  get caFile(): string {
    return this.#once('ca.crt.pem', () => this.#ca.certPem);
  }

  /** For servers of this machine, by name and address. */
  get server(): PairFiles {
    const names = { dns: ['localhost'], ip: ['127.0.0.1'] };
    return this.#pair('server', () =>
      this.#ca.issue({ commonName: 'replay', ...names, usage: 'both', key: 'ec-p256' }),
    );
  }

  client(commonName: string, dns: readonly string[]): PairFiles {
    const name = `client-${Buffer.from(JSON.stringify([commonName, dns]))
      .toString('base64url')
      .slice(0, 200)}`;
    return this.#pair(name, () => this.#ca.issue({ commonName, dns, usage: 'client', key: 'ec-p256' }));
  }

  /** Stands in for a file with a password or a token. */
  get secretFile(): string {
    return this.#once('secret', () => 'throw-away-secret-of-replay');
  }

  get probeFile(): string {
    return this.#once('probe.hl7', () => PROBE);
  }

  /** Is it one of these? */
  has(file: string): boolean {
    return this.#folder !== undefined && file.startsWith(this.#folder);
  }

  /** Undefined: nothing has been asked for. */
  get folder(): string | undefined {
    return this.#folder;
  }

  remove(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    process.off('exit', this.#onExit);
    this.#folder = undefined;
    this.#files.clear();
  }

  get #ca(): Authority {
    this.#authority ??= createAuthority({ commonName: 'hl7-gateway replay', days: DAYS, key: 'ec-p256' });
    return this.#authority;
  }

  #pair(name: string, issue: () => Issued): PairFiles {
    let issued: Issued | undefined;
    const once = (): Issued => {
      issued ??= issue();
      return issued;
    };
    // The certificate first: its key is that of the same call.
    const known = this.#files.get(`${name}.crt.pem`);
    const certFile = known ?? this.#once(`${name}.crt.pem`, () => once().certPem);
    return { certFile, keyFile: this.#once(`${name}.key.pem`, () => once().keyPem) };
  }

  #once(name: string, content: () => string): string {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    if (this.#folder === undefined) {
      this.#folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-replay-'));
      process.once('exit', this.#onExit);
    }
    const file = join(this.#folder, name);
    writeFileSync(file, content(), { mode: 0o600 });
    this.#files.set(name, file);
    return file;
  }
}
