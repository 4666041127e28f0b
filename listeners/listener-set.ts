// All listeners of a config: opened together, replaced by a reload, and drained when the config has them no more. Promises
// that a listener that stays as it was keeps its port and its connections.
import { isDeepStrictEqual } from 'node:util';
import { ServerTls } from '../certs/server-tls.ts';
import type { CertificateStore } from '../certs/store.ts';
import type { GatewayConfig, ListenerConfig } from '../src/config/config.ts';
import { asGatewayError } from '../src/errors.ts';
import type { Log } from '../src/observe/log/log.ts';
import { clearTimeout, setTimeout } from '../src/platform/time.ts';
import type { Prepared, Reconfigurable } from '../src/reload/reconfigurable.ts';
import { hasSameBinding } from './accept/same-binding.ts';
import type { Listener } from './listener.ts';

export interface ListenerSetOptions {
  /** `tls` exactly where the config has it. */
  readonly create: (config: ListenerConfig, tls: ServerTls | undefined) => Listener;
  readonly store: CertificateStore;
  readonly log: Log;
  /** Another process opens the ports, and says so. */
  readonly isBehindOther?: boolean;
  /** One listens. */
  readonly onStarted?: (listener: Listener) => void;
}

/** A listener with its certificates. */
interface Entry {
  readonly listener: Listener;
  readonly tls: ServerTls | undefined;
}

export class ListenerSet implements Reconfigurable<GatewayConfig> {
  readonly #options: ListenerSetOptions;
  #entries: readonly Entry[];
  /** Those that a reload took out or replaced, until their last connection has ended. */
  readonly #leaving = new Set<Listener>();
  /** Between a reload's commit and its end: those that may bring messages still that go by an earlier config. */
  #old: readonly Listener[] = [];

  /** @throws GatewayError GW_ERR_TLS_FILE */
  constructor({ listeners }: GatewayConfig, options: ListenerSetOptions) {
    this.#options = options;
    this.#entries = listeners.map((config) => this.#create(config));
    for (const entry of this.#entries) this.#register(entry);
  }

  /** Of the config in force, in its order. */
  get all(): readonly Listener[] {
    return this.#entries.map(({ listener }) => listener);
  }

  /** To be asked later: has any of the listeners that are gone since the last reload, or before it, connections still? */
  oldOnes(): () => boolean {
    const old = this.#old;
    return () => old.some((listener) => this.#leaving.has(listener));
  }

  /** Opens every one. @throws GatewayError GW_ERR_LISTEN; then `stop` closes those that are open */
  async start(): Promise<void> {
    for (const { listener } of this.#entries) await this.#open(listener);
  }

  /** Opens those that are new. @throws GatewayError GW_ERR_TLS_FILE, GW_ERR_LISTEN; then all are as they were */
  async prepare(config: GatewayConfig): Promise<Prepared> {
    const change = new ListenerChange();
    const rollback = async (): Promise<void> => {
      for (const { listener } of change.made) listener.stop();
      for (const listener of change.closed) await this.#openAgain(listener);
    };
    try {
      await this.#openAll(config, change);
    } catch (thrown) {
      await rollback();
      throw thrown;
    }
    return {
      rollback,
      commit: () => this.#commit(config, change),
      settle: () => this.#settle(config, change),
    };
  }

  /** Takes no new connection, and ends each at a message boundary; resolves when the last has ended. */
  async drain(): Promise<void> {
    await Promise.all([...this.all, ...this.#leaving].map((listener) => listener.drain()));
  }

  /** Ends at once whatever is left. */
  stop(): void {
    for (const listener of [...this.all, ...this.#leaving]) listener.stop();
  }

  async #openAll({ listeners }: GatewayConfig, change: ListenerChange): Promise<void> {
    /** On the port of one that is there: it has to leave first. */
    const takenOver: (readonly [holder: Listener, entry: Entry])[] = [];
    for (const config of listeners) {
      const old = this.#entries.find(({ listener: { name } }) => name === config.name);
      if (old !== undefined && hasSameBinding(old.listener.config, config)) {
        change.entries.push(old);
        continue;
      }
      const entry = this.#create(config);
      change.made.push(entry);
      change.entries.push(entry);
      const holder = this.all.find(
        ({ config: { bind } }) => isDeepStrictEqual(bind, config.bind) && bind.port !== 0,
      );
      if (holder === undefined) await this.#open(entry.listener);
      else takenOver.push([holder, entry]);
    }
    for (const [holder, { listener }] of takenOver) {
      // The port is closed for a moment: connections are refused then, none that was accepted is lost.
      change.closed.push(holder);
      holder.close();
      await this.#open(listener);
    }
  }

  #commit({ listeners }: GatewayConfig, { entries, made, gone }: ListenerChange): void {
    const before = this.#entries;
    const names = new Set(listeners.map(({ name }) => name));
    gone.push(...before.filter((entry) => !entries.includes(entry)));
    this.#old = [
      ...this.#leaving,
      ...gone.map(({ listener }) => listener).filter(({ name }) => !names.has(name)),
    ];
    for (const { listener } of gone) this.#leaving.add(listener);
    this.#entries = entries;
    for (const [i, config] of listeners.entries()) {
      const entry = entries[i];
      if (entry === undefined || made.includes(entry)) continue;
      if (!isDeepStrictEqual(entry.listener.config, config)) entry.listener.reconfigure(config);
    }
    for (const { listener, tls } of gone)
      if (tls !== undefined) this.#options.store.remove(`listeners.${listener.name}`, tls);
    for (const entry of made) this.#register(entry);
  }

  async #settle({ shutdown }: GatewayConfig, { gone }: ListenerChange): Promise<void> {
    this.#old = [];
    await Promise.all(gone.map(({ listener }) => this.#leave(listener, shutdown.timeoutMs)));
  }

  /** Its connections end at a message boundary, or when their time is over. */
  async #leave(listener: Listener, timeoutMs: number): Promise<void> {
    const late = setTimeout(() => listener.stop(), timeoutMs);
    late.unref();
    await listener.drain();
    clearTimeout(late);
    listener.stop();
    this.#leaving.delete(listener);
    this.#options.log.info({ listener: listener.name }, 'listener closed');
  }

  #create(config: ListenerConfig): Entry {
    const tls = config.tls && new ServerTls(config.tls);
    return { listener: this.#options.create(config, tls), tls };
  }

  #register({ listener, tls }: Entry): void {
    if (tls !== undefined) this.#options.store.add(`listeners.${listener.name}`, tls);
  }

  async #open(listener: Listener): Promise<void> {
    await listener.start();
    this.#options.onStarted?.(listener);
    if (this.#options.isBehindOther === true) return;
    this.#options.log.info({ listener: listener.name, address: listener.address }, 'listening');
  }

  async #openAgain(listener: Listener): Promise<void> {
    try {
      await listener.start();
      this.#options.onStarted?.(listener);
    } catch (thrown) {
      this.#options.log.error({ listener: listener.name }, asGatewayError(thrown).message);
    }
  }
}

/** What a reload does to the set. */
class ListenerChange {
  /** In the order of the config. */
  readonly entries: Entry[] = [];
  /** Of those, the ones that are new. */
  readonly made: Entry[] = [];
  /** Their port was needed. */
  readonly closed: Listener[] = [];
  readonly gone: Entry[] = [];
}
