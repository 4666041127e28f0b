// Where the admin API is, as the config says it now: opens it, opens it elsewhere when the config changes, and waits for a
// port that another process has still. Promises that the old one goes only when the new one is there, that a failure
// changes nothing, and that nothing is opened any more once it is stopped.
import { isDeepStrictEqual } from 'node:util';
import { ServerTls } from '../../certs/server-tls.ts';
import type { AdminConfig } from '../config/config.ts';
import { asGatewayError, causeCode, type GatewayError } from '../errors.ts';
import type { Log } from '../observe/log/log.ts';
import { loggable } from '../observe/log/loggable.ts';
import { Repeats } from '../observe/log/repeats.ts';
import type { OperatorAction } from '../observe/observer.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../platform/time.ts';
import type { Prepared, Reconfigurable } from '../reload/reconfigurable.ts';
import { AdminServer } from './admin-server.ts';
import type { Control } from './control.ts';

export interface AdminContext {
  readonly control: Control;
  readonly log: Log;
  /** Its certificates from now on; undefined: none. */
  readonly secure: (tls: ServerTls | undefined) => void;
  /** Somebody came with a wrong token, logged in, or tried what it may not. */
  readonly onOperator?: (by: string, action: OperatorAction) => void;
}

interface Door {
  readonly config: AdminConfig;
  readonly server: AdminServer;
  readonly tls: ServerTls | undefined;
}

/** How often a port is tried that another process has to leave first. */
const RETRY_MS = 500;
/** Longer than anybody lets a gateway drain; after it the log says that there is no admin API, and a reload tries again. */
const PATIENCE_MS = 3_600_000;

export class AdminListener implements Reconfigurable<AdminConfig | undefined> {
  readonly #around: AdminContext;
  readonly #leaving = new Set<Promise<void>>();
  readonly #repeats = new Repeats();
  #door: Door | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** An attempt that is under way. */
  #attempt: Promise<void> = Promise.resolve();
  #isWaiting = false;
  #stopped = false;

  /** @throws GatewayError GW_ERR_TLS_FILE */
  constructor(config: AdminConfig | undefined, around: AdminContext) {
    this.#around = around;
    this.#door = config && this.#create(config);
    if (this.#door !== undefined) around.secure(this.#door.tls);
  }

  get address(): string | undefined {
    return this.#door?.server.isListening === true ? this.#door.server.address : undefined;
  }

  /** A way to log in, once and soon; undefined: it does not listen. */
  issueCode(): string | undefined {
    return this.address === undefined ? undefined : this.#door?.server.issueCode();
  }

  /** `waitForPort`: another process is about to leave it. @throws GatewayError GW_ERR_LISTEN */
  async start({ waitForPort }: { readonly waitForPort: boolean }): Promise<void> {
    const door = this.#door;
    if (door === undefined) return;
    try {
      await door.server.start();
    } catch (thrown) {
      if (!waitForPort || !isInUse(thrown)) throw thrown;
      this.#around.log.info('the admin API waits for the other process to end');
      this.#isWaiting = true;
      this.#wait(door, monotonicMs() + PATIENCE_MS);
      return;
    }
    this.#sayOpen(door);
  }

  /** @throws GatewayError GW_ERR_TLS_FILE, GW_ERR_LISTEN; then everything is as it was */
  async prepare(config: AdminConfig | undefined): Promise<Prepared> {
    const before = this.#door;
    if (config === undefined) return { ...this.#replaceBy(undefined), rollback: () => {} };
    const isThere = before?.server.isListening === true || this.#isWaiting;
    if (before !== undefined && isThere && isSamePlace(before.config, config)) {
      const commit = (): void => {
        before.server.configure(config);
        this.#door = { ...before, config };
      };
      return { commit, rollback: () => {} };
    }
    const made = this.#create(config);
    await this.#open(made, before);
    return {
      ...this.#replaceBy(made),
      rollback: async () => {
        await made.server.stop();
        if (before !== undefined && isThere) await this.#openAgain(before);
      },
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopWaiting();
    await this.#attempt;
    await Promise.all([this.#door?.server.stop(), ...this.#leaving]);
  }

  async #open(made: Door, before: Door | undefined): Promise<void> {
    try {
      await made.server.start();
      return;
    } catch (thrown) {
      const isOurs = before?.server.isListening === true && before.server.port === made.config.bind.port;
      if (!isOurs || !isInUse(thrown)) throw thrown;
    }
    // It is the old one that has the port, on this address or on another that overlaps: there is none for a moment.
    before.server.closePort();
    try {
      await made.server.start();
    } catch (thrown) {
      await this.#openAgain(before);
      throw thrown;
    }
  }

  async #openAgain({ server }: Door): Promise<void> {
    if (server.isListening || this.#isWaiting || this.#stopped) return;
    try {
      await server.start();
    } catch (thrown) {
      this.#sayFailed(asGatewayError(thrown));
    }
  }

  #replaceBy(door: Door | undefined): Pick<Prepared, 'commit' | 'settle'> {
    const before = this.#door;
    const commit = (): void => {
      this.#stopWaiting();
      this.#door = door;
      this.#around.secure(door?.tls);
    };
    const settle = (): void => {
      if (before !== undefined) this.#leave(before);
      if (door === undefined) return;
      if (this.#stopped) this.#leave(door);
      else this.#sayOpen(door);
    };
    return { commit, settle };
  }

  #leave({ server }: Door): void {
    const { address } = server;
    const left = server.stop().then(() => {
      this.#leaving.delete(left);
      this.#around.log.info({ address }, 'admin API closed');
    });
    this.#leaving.add(left);
  }

  /** One attempt at a time. */
  #wait(door: Door, untilMs: number): void {
    this.#retry = setTimeout(() => {
      this.#attempt = this.#tryOnce(door, untilMs);
    }, RETRY_MS);
    // Nobody stays up for this.
    this.#retry.unref();
  }

  async #tryOnce(door: Door, untilMs: number): Promise<void> {
    try {
      await door.server.start();
    } catch (thrown) {
      if (!this.#isWaiting) return;
      if (isInUse(thrown) && monotonicMs() < untilMs) this.#wait(door, untilMs);
      else {
        this.#isWaiting = false;
        this.#sayFailed(asGatewayError(thrown));
      }
      return;
    }
    // It was stopped, or the config has another place for it, while the port was being opened.
    if (!this.#isWaiting) {
      await door.server.stop();
      return;
    }
    this.#isWaiting = false;
    this.#sayOpen(door);
  }

  #stopWaiting(): void {
    this.#isWaiting = false;
    clearTimeout(this.#retry);
  }

  #create(config: AdminConfig): Door {
    const { control, log, onOperator } = this.#around;
    const tls = config.tls && new ServerTls(config.tls);
    const { token, users, sessions, hosts } = config;
    const server = new AdminServer({ ...config.bind, token, users, sessions, hosts, tls }, control, {
      onRefused: (by) => {
        const tell = (leftOut: number): void =>
          log.warn({ leftOut, address: server.address }, 'admin: more wrong tokens, left out');
        if (this.#repeats.admits('token', tell)) log.warn({ by }, 'admin: a wrong token');
        onOperator?.(by, { kind: 'wrong token' });
      },
      onOperator: (by, action) => {
        const tell = (leftOut: number): void =>
          log.warn({ leftOut, address: server.address }, 'lines were left out: too many alike');
        if (this.#repeats.admits(action.kind, tell)) log.warn({ by }, `admin: ${inWords(action)}`);
        onOperator?.(by, action);
      },
      onFailed: ({ code, message, cause }) => {
        const tell = (leftOut: number): void =>
          log.warn({ code, leftOut, address: server.address }, 'lines were left out: too many alike');
        if (this.#repeats.admits(`failed ${code}`, tell))
          log.error({ code, cause: causeCode(cause) }, `admin: ${message}`);
      },
    });
    return { config, server, tls };
  }

  #sayOpen({ server }: Door): void {
    this.#around.log.info({ address: server.address }, 'admin API listening');
  }

  #sayFailed({ code, message }: GatewayError): void {
    this.#around.log.error({ code }, `there is no admin API: ${message}`);
  }
}

function isSamePlace(one: AdminConfig, other: AdminConfig): boolean {
  return isDeepStrictEqual([one.bind, one.tls], [other.bind, other.tls]);
}

function isInUse(thrown: unknown): boolean {
  return causeCode(asGatewayError(thrown).cause) === 'EADDRINUSE';
}

function inWords(action: OperatorAction): string {
  return action.kind === 'refused' ? `refused: ${loggable(action.what)}` : action.kind;
}
