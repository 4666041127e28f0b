// Stores messages of 600 bytes as fast as it can, in a process of its own: `node spool-writer.ts KIND FOLDER WRITERS`, each writer one
// message after the other. Kinds: `bare`, SQLite alone, a transaction for as many messages as there are writers, on this thread;
// `store`, the spool's store; `store-key`, encrypted. Orders: `report`, how many, and how long one took; `stop`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteStore } from '../../src/spool/store/sqlite-store.ts';

export interface WriterReport {
  readonly stored: number;
  /** Of this thread, since it began. */
  readonly mainCpuMs: number;
  /** Since the last report. */
  readonly p50: number;
  readonly p99: number;
}

const [kind = '', folder = '', writersText = '1'] = process.argv.slice(2);
const writers = Number(writersText);
const payload = Buffer.alloc(600, 'x');
const label = {
  listener: 'lab',
  route: 'results',
  source: '10.0.0.1',
  controlId: 'MSG00001',
  type: 'ORU^R01',
  sender: 'LAB|NORTH',
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
};
let stored = 0;
let isStopped = false;
let times: number[] = [];

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function report(): WriterReport {
  const sorted = times.sort((a, b) => a - b);
  times = [];
  const { user, system } = process.threadCpuUsage();
  return {
    stored,
    mainCpuMs: (user + system) / 1_000,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  };
}

async function storeAll(): Promise<void> {
  const keys = kind === 'store-key' ? [Buffer.alloc(32, 1)] : [];
  const store = new SqliteStore({ path: folder, maxBytes: 64 * 1024 ** 3, keys, minFreeBytes: 0 });
  await store.opened;
  const write = async (own: number): Promise<void> => {
    while (!isStopped) {
      const began = performance.now();
      const orderingKey = `key-${own}-${stored % 100}`;
      const message = { pool: 'p', orderingKey, receivedAt: Date.now(), label, payload, boundTo: undefined };
      await store.put(message);
      times.push(performance.now() - began);
      stored++;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, i) => write(i)));
  await store.close();
}

async function insertAll(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const db = new DatabaseSync(join(folder, 'bare.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA locking_mode = EXCLUSIVE');
  db.exec('CREATE TABLE messages (id INTEGER PRIMARY KEY, body BLOB)');
  const insert = db.prepare('INSERT INTO messages (body) VALUES (?)');
  while (!isStopped) {
    const began = performance.now();
    db.exec('BEGIN');
    for (let i = 0; i < writers; i++) insert.run(payload);
    db.exec('COMMIT');
    const took = performance.now() - began;
    for (let i = 0; i < writers; i++) times.push(took);
    stored += writers;
    // Orders are heard in between.
    await new Promise((resolve) => setImmediate(resolve));
  }
  db.close();
}

const done = kind === 'bare' ? insertAll() : storeAll();
process.on('message', (order: { readonly do: 'report' | 'stop' }) => {
  if (order.do === 'report') process.send?.(report());
  else {
    isStopped = true;
    void done.then(() => process.send?.({}));
  }
});
process.on('disconnect', () => process.exit());
process.send?.({});
