// Whatever is asked of the embedded store in whatever order, over restarts too: it says what the store in memory says.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SpoolStore, StoredChange, StoredMessage } from '../../src/spool/spool-store.ts';
import type { SqliteStore } from '../../src/spool/store/sqlite-store.ts';
import { MemoryStore } from '../helpers/memory-store.ts';
import { LABEL, newMessage, openStore, RECEIVED_AT, storeFolder } from './stored.ts';

const POOLS = ['a', 'b'];
const KEYS = ['', 'x', 'y'];
const CONTROL_IDS = ['1', '2', "it's"];

const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((one) => one.isWellFormed());
const id = fc.integer({ min: 1, max: 30 });
const time = fc.integer({ min: RECEIVED_AT, max: RECEIVED_AT + 9 });
const change: fc.Arbitrary<StoredChange> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      to: fc.constantFrom('waiting', 'dead', 'delivered'),
      attempts: fc.nat(9),
      error: fc.option(text, { nil: undefined }),
      boundTo: fc.option(text, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ to: 'discarded' } as const) },
);
const message = fc.record({
  pool: fc.constantFrom(...POOLS),
  orderingKey: fc.constantFrom(...KEYS),
  receivedAt: time,
  label: fc.record({
    ...Object.fromEntries(Object.keys(LABEL).map((name) => [name, text] as const)),
    controlId: fc.constantFrom(...CONTROL_IDS),
  }) as fc.Arbitrary<typeof LABEL>,
  payload: fc.uint8Array({ maxLength: 6_000 }).map((bytes) => Buffer.from(bytes)),
  boundTo: fc.option(text, { nil: undefined }),
});
const answer = fc.record({
  pool: fc.constantFrom(...POOLS),
  key: fc.constantFrom(...KEYS),
  hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
  answer: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  expiresAt: fc.constantFrom(1_000, 9_000_000_000_000),
});
const filter = fc.record(
  {
    pool: fc.constantFrom(...POOLS, 'unknown'),
    state: fc.constantFrom('waiting', 'dead', 'delivered'),
    controlId: fc.constantFrom(...CONTROL_IDS, '3'),
    orderingKey: fc.constantFrom(...KEYS),
    since: time,
    until: time,
  },
  { requiredKeys: [] },
);

/** What both are asked; `undefined`: the store is closed and opened. */
type Step = { readonly reads: boolean; ask(store: SpoolStore): Promise<unknown> } | undefined;

const write = (ask: (store: SpoolStore) => Promise<unknown>): Step => ({ reads: false, ask });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: message.map((one) => write((store) => store.put(newMessage('', one)))) },
  { weight: 10, arbitrary: fc.tuple(id, change).map(([n, to]) => write((store) => store.change(n, to))) },
  { weight: 1, arbitrary: answer.map((one) => write((store) => store.remember(one))) },
  { weight: 1, arbitrary: fc.constant(undefined) },
  {
    weight: 3,
    arbitrary: fc
      .record({
        pool: fc.constantFrom(...POOLS),
        key: fc.constantFrom(...KEYS),
        n: fc.nat(30),
        filter,
        limit: fc.nat(9),
      })
      .map(({ pool, key, n, filter: one, limit }) => ({
        reads: true,
        ask: async (store: SpoolStore) => [
          withoutTime(await store.heads(pool, n, limit)),
          withoutTime([await store.next(pool, key, n)].filter((next) => next !== undefined)),
          new Map(await store.keys(pool)),
          await store.content(n),
          withoutTime(await store.list(one, n, limit)),
          await store.recall(pool, key),
          new Map(store.usage.pools),
        ],
      })),
  },
);

/** When it was changed is each store's own. */
function withoutTime(messages: readonly StoredMessage[]): unknown[] {
  return messages.map(({ changedAt: _, ...rest }) => rest);
}

async function everythingOf(store: SpoolStore): Promise<unknown> {
  const all = await store.list({}, 0, 1_000);
  return [
    withoutTime(all),
    await Promise.all(all.map(({ id: n }) => store.content(n))),
    await Promise.all(POOLS.map(async (pool) => withoutTime(await store.heads(pool, 0, 100)))),
    await Promise.all(POOLS.map(async (pool) => [...(await store.keys(pool))].sort())),
    new Map(store.usage.pools),
  ];
}

it.each([
  { what: 'without a key', keys: [] },
  { what: 'with a key', keys: [Buffer.alloc(32, 5)] },
])('says what a store in memory says, $what', async ({ keys }) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 60 }),
      fc.boolean(),
      async (steps, together) => {
        const path = storeFolder();
        const memory = new MemoryStore();
        let store: SqliteStore = await openStore(path, { keys });
        const asked: Promise<void>[] = [];
        for (const one of steps) {
          if (one === undefined) {
            await Promise.all(asked.splice(0));
            await store.close();
            store = await openStore(path, { keys });
            continue;
          }
          if (one.reads) await Promise.all(asked.splice(0));
          const both = Promise.all([one.ask(memory), one.ask(store)]);
          const compared = both.then(([right, own]) => expect(own).toEqual(right));
          // A step that reads is several requests, and only alone does it see one state.
          if (together && !one.reads) asked.push(compared);
          else await compared;
        }
        await Promise.all(asked);
        expect(await everythingOf(store)).toEqual(await everythingOf(memory));
        await store.close();
      },
    ),
    // A smaller example is looked for within the time that a test may take.
    { numRuns: Number(process.env.HL7_GATEWAY_TEST_SPOOL_RUNS ?? 8), interruptAfterTimeLimit: 25_000 },
  );
});
