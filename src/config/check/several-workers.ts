// What a gateway of several processes does not do yet, or cannot: each is refused by name, as the alternative would be to do it wrongly.
import type { GatewayConfig } from '../config.ts';
import type { Section } from '../read/section.ts';
import { type Entry, entryIn, type ReadContext, type Tree } from '../source/value.ts';
import { workerCount } from '../worker-count.ts';

export function checkWorkers(top: Section, config: GatewayConfig, { problems }: ReadContext): void {
  const count = workerCount(config);
  // What `auto` is on another machine is not known: what no number of workers does is refused all the same.
  if (config.workers === 1) return;
  /** `path`: keys below the entry; the place is that of the last one that is there. */
  const refuse = (entry: Entry | undefined, path: readonly string[], message: string): void => {
    if (entry === undefined) return;
    let tree: Tree | undefined = entry.value;
    let { place } = entry;
    for (const key of path) {
      const found = entryIn(tree, key);
      if (found === undefined) break;
      place = found.value.place;
      tree = found.value;
    }
    problems.error(place, [entry.key, ...path].join('.'), message);
  };
  const named = (section: 'listeners' | 'pools', name: string): Entry | undefined => {
    const entry = top.entries(section).find(({ key }) => key === name);
    return entry && { ...entry, key: `${section}.${name}` };
  };

  for (const { name, protocol, persistence, connections } of config.pools) {
    const entry = named('pools', name);
    if (persistence?.mode === 'table' && protocol !== 'mllp')
      refuse(
        entry,
        ['persistence', 'mode'],
        protocol === 'tcp'
          ? 'table needs workers: 1 for tcp:// and tls:// nodes; hash keeps senders on their nodes with any number'
          : 'table needs workers: 1 where nodes speak HTTP; hash and cookies keep clients on their nodes with any number',
      );
    if (protocol !== 'mllp' && connections.max < count)
      refuse(
        entry,
        ['connections', 'max'],
        `${protocol.toUpperCase()} connections are shared out evenly: at least ${count}, one for each worker`,
      );
  }
  for (const { name, protocol, limits, proxyProtocol } of config.listeners) {
    const entry = named('listeners', name);
    if (protocol === 'http' && limits.maxConnections < count)
      refuse(entry, ['limits', 'maxConnections'], `at least ${count}, one for each worker`);
    if (proxyProtocol && limits.maxConnectionsPerSource !== undefined)
      refuse(
        entry,
        ['limits', 'maxConnectionsPerSource'],
        'with proxyProtocol needs workers: 1, as connections are counted before their PROXY header is read',
      );
  }
  if (config.admin?.tap === true)
    top.error('admin', 'tap needs workers: 1: messages are recorded from one process');
}
