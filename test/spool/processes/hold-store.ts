// Has a spool open until its standard input ends. `node hold-store.ts FOLDER [WAIT_MS]`
import { SqliteStore } from '../../../src/spool/store/sqlite-store.ts';

const [path = '', waitMs = '0'] = process.argv.slice(2);
const store = new SqliteStore({
  path,
  maxBytes: 64 * 1024 * 1024,
  minFreeBytes: 0,
  ballastBytes: 0,
  waitMs: Number(waitMs),
});
try {
  await store.opened;
  console.log('open');
  process.stdin.resume();
  process.stdin.once('end', () => void store.close());
} catch (thrown) {
  console.log(String(thrown));
  await store.close();
}
