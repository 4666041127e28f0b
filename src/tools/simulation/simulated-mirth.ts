// A whole simulated Mirth server: the port of a channel, and the REST API that tells of it. Promises that the port is open
// while the API says that it is, and at no other time; changes are made one after the other, the last one counts.
import type { MirthState } from './api/mirth-state.ts';
import type { SimulatedApi } from './api/simulated-api.ts';

/** Port of a channel. */
export interface DataPort {
  readonly port: number;
  /** Also again after `suspend`, on the same port. @throws GatewayError GW_ERR_LISTEN */
  start(): Promise<void>;
  /** Closes the port, and the connections as a channel that is stopped does. */
  suspend(): void;
  stop(): Promise<void>;
}

export interface SimulatedMirthOptions {
  /** The port stays open whatever the API says: a node that only the API's answers tell of. */
  readonly keepOpen: boolean;
  /** After each change, when the port is as the state wants it. */
  readonly onSettled?: (isOpen: boolean) => void;
}

export class SimulatedMirth {
  readonly #data: DataPort;
  readonly #api: SimulatedApi;
  readonly #state: MirthState;
  readonly #options: SimulatedMirthOptions;
  readonly #failed = Promise.withResolvers<never>();
  #following: Promise<void> = Promise.resolve();
  #isOpen = false;
  #stopped = false;

  constructor(data: DataPort, api: SimulatedApi, state: MirthState, options: SimulatedMirthOptions) {
    this.#data = data;
    this.#api = api;
    this.#state = state;
    this.#options = options;
    this.#failed.promise.catch(() => {});
  }

  /** Rejects when the port could not be opened again: another process has taken it meanwhile. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** The port of messages. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @throws GatewayError GW_ERR_LISTEN */
  async start(): Promise<void> {
    // Opened in any case: where the system picks the port, it has to be known before it is open for good.
    await this.#data.start();
    this.#isOpen = true;
    if (!this.#wanted) this.#close();
    try {
      await this.#api.start();
    } catch (thrown) {
      await this.#data.stop();
      throw thrown;
    }
    this.#state.onChange = () => {
      this.#following = this.#following.then(() => this.#follow());
    };
    this.#state.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#state.stop();
    await this.#following;
    await Promise.all([this.#api.stop(), this.#data.stop()]);
  }

  get #wanted(): boolean {
    return this.#options.keepOpen || this.#state.takesMessages;
  }

  async #follow(): Promise<void> {
    if (this.#stopped) return;
    try {
      if (this.#wanted && !this.#isOpen) {
        await this.#data.start();
        this.#isOpen = true;
      } else if (!this.#wanted && this.#isOpen) this.#close();
    } catch (thrown) {
      this.#failed.reject(thrown);
      return;
    }
    this.#options.onSettled?.(this.#isOpen);
  }

  #close(): void {
    this.#data.suspend();
    this.#isOpen = false;
  }
}
