// Addresses that listeners of a draft have: no two of ours share one, also where ranges of ports meet, or one is of all addresses.
import { parseListenerBind } from '../../config/formats.ts';

const ALL_IPV4 = '0.0.0.0';
const ALL = '::';

export class TakenAddresses {
  readonly #taken: { host: string; device: string; from: number; to: number }[] = [];

  /** False: another one has it, or a part of it. What stands in a variable is nobody's. */
  take(bind: string): boolean {
    const parsed = parseListenerBind(bind);
    if (parsed === undefined) return true;
    const { port, lastPort = port, device = '' } = parsed;
    const host = parsed.host.toLowerCase();
    const meets = this.#taken.some((one) => {
      if (port === 0 || one.from > lastPort || port > one.to) return false;
      return (one.host === host && one.device === device) || covers(one.host, host) || covers(host, one.host);
    });
    if (!meets) this.#taken.push({ host, device, from: port, to: lastPort });
    return !meets;
  }
}

/** `::` takes IPv4 as well. */
function covers(wide: string, other: string): boolean {
  return wide === ALL || (wide === ALL_IPV4 && (!other.includes(':') || other === ALL));
}

/** `[::]:80` beside `0.0.0.0:80` of the same listener is one of ours; undefined: these are none of the two. */
export function bothFamilies(one: string, other: string): string | undefined {
  const [wide = '', narrow = ''] = one.startsWith('[::]:') ? [one, other] : [other, one];
  return wide.startsWith('[::]:') && narrow === wide.replace('[::]', ALL_IPV4) ? wide : undefined;
}
