// Opens the store of a spool on the disk, and has the log say how it is. Its code, and SQLite with it, is loaded only where a config has
// a spool.
import type { Log } from '../../observe/log/log.ts';
import type { OpenStore } from './spools.ts';

/** As long as another process may take to answer what has come to it, before the store is asked for again. */
const WAIT_MS = 5_000;

export function diskStores(log: Log): OpenStore {
  return async ({ path, maxBytes, keyFile, keepMs }, takesOver) => {
    const { SqliteStore } = await import('../store/sqlite-store.ts');
    const { readSpoolKeys } = await import('../store/key-file.ts');
    let isOpened = false;
    const store = new SqliteStore({
      path,
      maxBytes,
      keepMs,
      keys: keyFile === undefined ? [] : readSpoolKeys(keyFile),
      waitMs: takesOver ? WAIT_MS : 0,
      onState: ({ status, detail }) => {
        if (status === 'failed' && isOpened)
          log.error({ path, detail }, 'spool: the store has failed; it is opened again');
        else if (status === 'full')
          log.error({ path, detail }, 'spool: the disk is full; nothing new is stored');
        else if (status === 'open') log.info({ path }, 'spool: the store is open');
      },
    });
    try {
      await store.opened;
    } catch (thrown) {
      await store.close();
      throw thrown;
    }
    isOpened = true;
    return store;
  };
}
