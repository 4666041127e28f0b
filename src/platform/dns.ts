// Names that are looked up with the time that the answers may be used for. Promises an end: each server is asked twice, for two
// seconds. What /etc/hosts says is no part of it, as it has no such time.
import { Resolver } from 'node:dns/promises';
import type { Names } from './platform.ts';

const TIMEOUT_MS = 2_000;
const TRIES = 2;

export const nodeNames: Names = {
  async addresses(name, servers) {
    const resolver = resolverOf(servers);
    const [four, six] = await Promise.allSettled([
      resolver.resolve4(name, { ttl: true }),
      resolver.resolve6(name, { ttl: true }),
    ]);
    if (
      four.status === 'rejected' &&
      six.status === 'rejected' &&
      !(isNone(four.reason) && isNone(six.reason))
    )
      throw isNone(four.reason) ? six.reason : four.reason;
    const found = [four, six].flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    return {
      found,
      unknown:
        four.status === 'rejected' && !isNone(four.reason)
          ? 4
          : six.status === 'rejected' && !isNone(six.reason)
            ? 6
            : undefined,
    };
  },
  services: async (name, servers) => {
    try {
      return await resolverOf(servers).resolveSrv(name);
    } catch (thrown) {
      if (isNone(thrown)) return [];
      throw thrown;
    }
  },
};

function resolverOf(servers: readonly string[]): Resolver {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (servers.length > 0) resolver.setServers(servers);
  return resolver;
}

/** The name is there, and has no such records. A name that is not there at all is an error: zones are broken like that. */
function isNone(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENODATA';
}
