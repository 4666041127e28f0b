// Reads the config file as it is now and has the gateway go by it. One reload at a time, and what is wrong with one changes
// nothing.
import { readFileSync } from 'node:fs';
import { ConfigError, formatProblem, includesOf, type LoadedWhole, parseWhole } from '../../config/load.ts';
import { filesFor } from '../../config/source/includes.ts';
import { asGatewayError, GatewayError } from '../../errors.ts';
import type { Gateway } from '../../gateway.ts';
import type { Log } from '../../observe/log/log.ts';
import { wallMs } from '../../platform/time.ts';
import type { By, ConfigFileReport, ReloadReport } from '../control.ts';

/** The config in force, and how the last reload went. */
export interface LoadedConfig {
  /** As the file had it. */
  readonly text: string;
  readonly loadedAt: Date;
  /** Why the last reload failed; undefined after one that worked. */
  readonly error: string | undefined;
}

export class ConfigReload {
  readonly #gateway: () => Gateway;
  readonly #log: Log;
  #includes: readonly string[];
  #loaded: LoadedConfig;
  #reloading: Promise<unknown> = Promise.resolve();

  /** `text`: of the config that the gateway was made with, with what its file includes. */
  constructor(gateway: () => Gateway, text: string, includes: readonly string[], log: Log) {
    this.#gateway = gateway;
    this.#log = log;
    this.#includes = includes;
    this.#loaded = { text, loadedAt: new Date(wallMs()), error: undefined };
  }

  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  /** The files that a reload reads, as they are named now: the config file, and what it included when it was read last. */
  get files(): readonly string[] {
    const { file } = this.#gateway().config;
    return file === undefined ? [] : [file, ...filesFor(this.#includes)];
  }

  /**
   * The file as it is now, read as a reload would read it; what is in force stays, and so do the files that are watched. `show`: a
   * config's text as people may see it.
   *
   * @throws GatewayError
   */
  compare(show: (text: string) => string): ConfigFileReport {
    const { file } = this.#gateway().config;
    if (file === undefined) throw noFile();
    try {
      const { text, warnings } = parseWhole(readConfigText(file), { file, env: process.env });
      const isInForce = text === this.#loaded.text;
      return { file, text: show(text), isInForce, errors: [], warnings: warnings.map(formatProblem) };
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      const { problems, warnings } = thrown;
      return {
        file,
        isInForce: false,
        errors: problems.map(formatProblem),
        warnings: warnings.map(formatProblem),
      };
    }
  }

  /** @throws GatewayError; then the old config stays in force */
  reload(by: By): Promise<ReloadReport> {
    // Two at once would each open the same things anew, and the text in force could be the other one's.
    const reloaded = this.#reloading.then(() => this.#reload(by));
    this.#reloading = reloaded.catch(() => {});
    return reloaded;
  }

  #read(file: string): LoadedWhole {
    const text = readConfigText(file);
    const options = { file, env: process.env };
    try {
      const read = parseWhole(text, options);
      this.#includes = read.includes;
      return read;
    } catch (thrown) {
      // A file that was wrong or missing may be mended without a change to the one that includes it.
      this.#includes = includesOf(text, options);
      throw thrown;
    }
  }

  async #reload(by: By): Promise<ReloadReport> {
    const gateway = this.#gateway();
    const { file } = gateway.config;
    this.#log.info({ by, file }, 'reload');
    let wanted: LoadedWhole | undefined;
    try {
      if (file === undefined) throw noFile();
      wanted = this.#read(file);
      const { config, warnings, text } = wanted;
      for (const warning of warnings) this.#log.warn({ by }, formatProblem(warning));
      const changed = await gateway.reload(config, by);
      this.#loaded = { text, loadedAt: new Date(wallMs()), error: undefined };
      return { changed, atNextStart: gateway.atNextStart, warnings: warnings.map(formatProblem) };
    } catch (thrown) {
      const error = reloadError(thrown);
      const { code, message } = error;
      if (wanted !== undefined && gateway.config === wanted.config) {
        // A defect: some part of the gateway stays behind.
        this.#loaded = { text: wanted.text, loadedAt: new Date(wallMs()), error: message };
        this.#log.error({ by, code }, `${message}; the rest of the new config is in force`);
      } else {
        this.#loaded = { ...this.#loaded, error: message };
        this.#log.error({ by, code }, `${message}; the old config stays in force`);
      }
      // Of certificate files each is taken or kept for itself, as by the watch.
      gateway.reloadCertificates();
      gateway.observers.onOperator(by, { kind: 'reload', error, changed: [] });
      throw error;
    }
  }
}

function noFile(): GatewayError {
  return new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the config has no file' });
}

function readConfigText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new GatewayError('GW_ERR_FILE', { detail: 'the config file', cause });
  }
}

function reloadError(thrown: unknown): GatewayError {
  if (!(thrown instanceof ConfigError)) return asGatewayError(thrown);
  return new GatewayError('GW_ERR_CONFIG', { detail: thrown.problems.map(formatProblem).join('; ') });
}
