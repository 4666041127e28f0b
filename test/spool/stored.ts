// Messages to be stored, and stores in folders of their own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { NewStoredMessage, StoredChange, StoredState } from '../../src/spool/spool-store.ts';
import { SqliteStore } from '../../src/spool/store/sqlite-store.ts';
import type { SqliteStoreOptions } from '../../src/spool/store/store-options.ts';
import { LABEL } from './load.ts';

export { LABEL };

export const RECEIVED_AT = 1_700_000_000_000;

/** `text`: its payload. */
export function newMessage(text: string, more: Partial<NewStoredMessage> = {}): NewStoredMessage {
  return {
    pool: 'results',
    orderingKey: 'key',
    receivedAt: RECEIVED_AT,
    label: LABEL,
    payload: Buffer.from(text),
    boundTo: undefined,
    ...more,
  };
}

export function changeTo(to: StoredState, attempts = 1): StoredChange {
  return { to, attempts, error: undefined, boundTo: undefined };
}

/** Gone after the test. */
export function storeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-spool-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'spool');
}

/** Small limits on the disk: those of a machine that tests run on are its own matter. Closed after the test. */
export async function openStore(
  path: string,
  options: Partial<SqliteStoreOptions> = {},
): Promise<SqliteStore> {
  const store = new SqliteStore({
    path,
    maxBytes: 64 * 1024 * 1024,
    minFreeBytes: 0,
    ballastBytes: 0,
    ...options,
  });
  onTestFinished(() => store.close());
  try {
    await store.opened;
  } catch (thrown) {
    // It would go on trying.
    await store.close();
    throw thrown;
  }
  return store;
}
