// Whether a scenario can be played in virtual time. Promises: what a simulated network does not have is never played on one.
import type { PreparedScenario } from './prepare.ts';

/** In words that follow "as". Undefined: virtual time will do. */
export function whyRealTime({ config, reloads }: PreparedScenario): string | undefined {
  for (const { config: one } of [config, ...reloads.values()]) {
    const listener = one.listeners.find(({ tls }) => tls !== undefined);
    if (listener !== undefined) return `listener ${listener.name} has TLS`;
    for (const { name, nodes } of one.pools) {
      const node = nodes.find(({ tls }) => tls !== undefined);
      if (node !== undefined) return `node ${name}/${node.name} has TLS`;
    }
  }
  return undefined;
}
