// The console of the demo: the admin listener of a gateway that has no config file, and a link that logs in to it once.
import { AdminListener } from '../../admin/admin-listener.ts';
import { GatewayControl } from '../../admin/gateway-control.ts';
import type { AdminConfig } from '../../config/config.ts';
import { GatewayError } from '../../errors.ts';
import type { Gateway } from '../../gateway.ts';
import { createLog, type Log } from '../../observe/log/log.ts';
import type { Observer } from '../../observe/observer.ts';

export interface DemoConsole {
  /** Good once, for some minutes: whoever sees it on the screen later cannot log in by it. */
  readonly link: string;
  stop(): Promise<void>;
}

/** Sees what the gateway does from its beginning, and opens the listener when the gateway is there. */
export class ConsoleOfDemo {
  readonly #control: GatewayControl;
  readonly #gateway: () => Gateway;

  /** `text`: of the config. */
  constructor(gateway: () => Gateway, text: string, log: Log) {
    this.#gateway = gateway;
    this.#control = new GatewayControl(gateway, text, log);
  }

  get observers(): readonly Observer[] {
    return this.#control.observers;
  }

  /** On the port of the config, or on any. Undefined: the config has none. */
  async open(): Promise<DemoConsole | undefined> {
    const { admin, log } = this.#gateway().config;
    if (admin === undefined) return undefined;
    const listener = await this.#listen(admin, createLog(log));
    const link = `http://${listener.address}/#login=${listener.issueCode()}`;
    return { link, stop: () => listener.stop() };
  }

  async #listen(admin: AdminConfig, log: Log): Promise<AdminListener> {
    const listener = new AdminListener(admin, { control: this.#control, log, secure: () => {} });
    try {
      await listener.start({ waitForPort: false });
      return listener;
    } catch (thrown) {
      const isTaken = thrown instanceof GatewayError && thrown.code === 'GW_ERR_LISTEN';
      if (!isTaken || admin.bind.port === 0) throw thrown;
      return this.#listen({ ...admin, bind: { ...admin.bind, port: 0 } }, log);
    }
  }
}
