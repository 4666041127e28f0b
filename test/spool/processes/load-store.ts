// Stores, delivers and discards for as long as it lives, and says on its standard output what was acknowledged, a line each, before
// anything else is done: `node load-store.ts FOLDER FIRST-NUMBER [KEY]`. `put N ID`, `delivered ID`, `gone ID`; `open` at first.
import { writeSync } from 'node:fs';
import { SqliteStore } from '../../../src/spool/store/sqlite-store.ts';
import { LABEL, payloadOf } from '../load.ts';

const WRITERS = 16;

const [path = '', first = '0', key] = process.argv.slice(2);
const store = new SqliteStore({
  path,
  maxBytes: 256 * 1024 * 1024,
  minFreeBytes: 0,
  ballastBytes: 0,
  keys: key === undefined ? [] : [Buffer.from(key, 'hex')],
});
await store.opened;
const say = (text: string): void => {
  const bytes = Buffer.from(`${text}\n`);
  for (let at = 0; at < bytes.length; )
    try {
      at += writeSync(1, bytes, at);
    } catch (thrown) {
      // The pipe is full: whoever reads it is busy.
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN')) throw thrown;
    }
};
say('open');
let n = Number(first);
const write = async (): Promise<void> => {
  for (;;) {
    const own = n++;
    const id = await store.put({
      pool: 'results',
      orderingKey: `key-${own % 5}`,
      receivedAt: 1_700_000_000_000 + own,
      label: LABEL,
      payload: payloadOf(own),
      boundTo: undefined,
    });
    say(`put ${own} ${id}`);
    if (own % 3 === 0) {
      await store.change(id, { to: 'delivered', attempts: 1, error: undefined, boundTo: undefined });
      say(`delivered ${id}`);
    } else if (own % 7 === 0) {
      await store.change(id, { to: 'discarded' });
      say(`gone ${id}`);
    }
  }
};
for (let i = 0; i < WRITERS; i++) void write();
