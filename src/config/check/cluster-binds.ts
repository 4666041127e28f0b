// Listeners bound to an address that the other member may have: without ip_nonlocal_bind the system lets nobody listen there.
// Promises warnings only, and none where the system cannot be asked.
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isAddress } from '../../addresses.ts';
import type { GatewayConfig } from '../config.ts';
import type { Section } from '../read/section.ts';
import type { SourcePlace } from '../source/problem.ts';
import { entryIn, type ReadContext } from '../source/value.ts';

/** `readSetting`: what a kernel setting says, undefined where there is none. */
export function checkClusterBinds(
  top: Section,
  config: GatewayConfig,
  { problems }: ReadContext,
  readSetting: (name: string) => string | undefined = settingOf,
): void {
  const { cluster, listeners, admin } = config;
  if (cluster === undefined) return;
  const vips = new Set(cluster.vips.map(({ address }) => address));
  const warn = (place: SourcePlace, key: string, host: string): void => {
    if (!isAddress(host) || !vips.has(ipaddr.parse(host).toString())) return;
    const setting = `net.ipv${isIPv6(host) ? 6 : 4}.ip_nonlocal_bind`;
    if (readSetting(setting) !== '0') return;
    problems.warn(
      place,
      key,
      `${host} is a VIP, and while another member has it nobody can listen there: sysctl -w ${setting}=1 (a wildcard address needs none)`,
    );
  };
  for (const [index, { name, bind }] of listeners.entries()) {
    const entry = top.entries('listeners')[index];
    if (entry === undefined) continue;
    warn(entryIn(entry.value, 'bind')?.value.place ?? entry.place, `listeners.${name}.bind`, bind.host);
  }
  if (admin === undefined) return;
  const place = entryIn(top.tree('admin'), 'bind')?.value.place ?? top.at('admin');
  warn(place, 'admin.bind', admin.bind.host);
}

function settingOf(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
