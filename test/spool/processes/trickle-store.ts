// Stores one message after the other for as long as it lives, and says of each what became of it: `put N ID`, `error CODE DETAIL`; and
// `state STATUS`. `node trickle-store.ts FOLDER`
import { setTimeout as pause } from 'node:timers/promises';
import { causeCode, GatewayError } from '../../../src/errors.ts';
import { SqliteStore } from '../../../src/spool/store/sqlite-store.ts';
import { LABEL, payloadOf } from '../load.ts';

const store = new SqliteStore({
  path: process.argv[2] ?? '',
  maxBytes: 64 * 1024 * 1024,
  minFreeBytes: 0,
  ballastBytes: 0,
  onState: ({ status }) => console.log(`state ${status}`),
});
process.once('SIGTERM', () => void store.close().then(() => process.exit()));
for (let n = 0; ; n++) {
  try {
    const payload = payloadOf(n);
    const message = { pool: 'p', orderingKey: 'k', receivedAt: n, label: LABEL, payload, boundTo: undefined };
    console.log(`put ${n} ${await store.put(message)}`);
  } catch (thrown) {
    const detail = thrown instanceof GatewayError ? thrown.detail : '';
    console.log(`error ${causeCode(thrown)} ${detail}`);
  }
  await pause(2);
}
