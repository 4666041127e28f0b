// The Mirth servers that checks ask, each kept once for all pools: by its URL, by the TLS settings that its certificate is
// checked with, and by where it is asked from. Promises that one lives for as long as any check asks it, over reloads, and no longer.
import type { Credentials } from '../../config/health-config.ts';
import { MirthServer, type Session } from './mirth-server.ts';

export interface MirthLease {
  readonly server: MirthServer;
  /** Undefined: only the server is looked at. */
  readonly session: Session | undefined;
  release(): void;
}

interface Entry {
  readonly server: MirthServer;
  users: number;
}

export class MirthServers {
  readonly #entries = new Map<string, Entry>();

  /** How many are asked. */
  get size(): number {
    return this.#entries.size;
  }

  /** `trust`: plain data that says how the server's certificate is checked, what is shown to it, and where it is asked from. */
  lease(url: URL, trust: unknown, credentials: Credentials | undefined): MirthLease {
    const key = JSON.stringify([url.origin, url.pathname.replace(/\/$/, ''), trust]);
    const entry = this.#entries.get(key) ?? { server: new MirthServer(), users: 0 };
    const { server } = entry;
    this.#entries.set(key, entry);
    entry.users++;
    const session = credentials && server.enter(credentials);
    let released = false;
    return {
      server,
      session,
      release: () => {
        if (released) return;
        released = true;
        if (session !== undefined) server.leave(session);
        if (--entry.users > 0) return;
        this.#entries.delete(key);
        server.close();
      },
    };
  }
}
