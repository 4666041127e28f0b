// Opens the store of a spool on the disk, and has the log say how it is. Its code, and SQLite with it, is loaded only where a config has
// a spool.
import { GatewayError } from '../../errors.ts';
import type { Log } from '../../observe/log/log.ts';
import { delay } from '../../platform/time.ts';
import type { OpenStore } from './spools.ts';

/** As long as another process may take to answer what has come to it, before the store is asked for again. */
const WAIT_MS = 5_000;
/** A million messages are opened within 2 s; what takes so long is a disk that hangs. */
const OPEN_MS = 30_000;

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
    const timer = new AbortController();
    const isInTime = await Promise.race([
      store.opened.then(() => true),
      delay(OPEN_MS, timer.signal).then(() => false),
    ])
      .catch(async (thrown: unknown) => {
        await store.close();
        throw thrown;
      })
      .finally(() => timer.abort());
    if (!isInTime) {
      // Nor will it be closed soon.
      void store.close();
      throw new GatewayError('GW_ERR_SPOOL_STORE', { detail: `${path}: the disk does not answer` });
    }
    isOpened = true;
    return store;
  };
}
