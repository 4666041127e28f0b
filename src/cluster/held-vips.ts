// Which of the VIPs this machine has, and since when, as far as this process has seen.
import { ownAddresses } from '../addresses.ts';
import type { VipConfig } from '../config/config.ts';
import { wallMs } from '../platform/time.ts';

export interface HeldVip {
  readonly address: string;
  readonly held: boolean;
  /** When this process saw it come or go; at its start, when it first looked. Milliseconds since 1970. */
  readonly since: number;
}

export class HeldVips {
  readonly #addresses: () => ReadonlySet<string>;
  #vips: readonly HeldVip[];

  constructor(vips: readonly VipConfig[], addresses: () => ReadonlySet<string> = ownAddresses) {
    this.#addresses = addresses;
    const own = addresses();
    const since = wallMs();
    this.#vips = vips.map(({ address }) => ({ address, held: own.has(address), since }));
  }

  get all(): readonly HeldVip[] {
    return this.#vips;
  }

  /** Looks again; returns those that have come or gone. */
  look(): readonly HeldVip[] {
    const own = this.#addresses();
    const changed: HeldVip[] = [];
    this.#vips = this.#vips.map((vip) => {
      const held = own.has(vip.address);
      if (held === vip.held) return vip;
      const now = { address: vip.address, held, since: wallMs() };
      changed.push(now);
      return now;
    });
    return changed;
  }
}
