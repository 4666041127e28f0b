// Sticky keys over several processes: one worker at a time has a key, so its messages keep their order and their node.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GatewayError } from '../../src/errors.ts';
import type { PoolQueue } from '../../src/relay/pool-queue.ts';
import { KeyBook, type KeyTaker } from '../../src/workers/main/key-book.ts';
import type { FromWorker } from '../../src/workers/protocol.ts';
import { OwnedKeys } from '../../src/workers/worker/owned-keys.ts';

const POOL = 'pool';

/** A worker with as much of a pool as keys are about. */
class Worker implements KeyTaker {
  readonly keys: OwnedKeys;
  /** Messages in work, by key. */
  readonly inWork = new Map<string, number>();
  readonly failed: GatewayError[] = [];
  begun = 0;
  isDead = false;
  onKeyLeft: ((key: string) => void) | undefined;
  readonly #post: (deliver: () => void) => void;

  constructor(book: KeyBook, post: (deliver: () => void) => void) {
    this.#post = (deliver) => post(() => this.isDead || deliver());
    const lanes = { onKeyLeft: undefined as ((key: string) => void) | undefined };
    const queue = { lanes, pool: {}, holdsKey: (key: string) => (this.inWork.get(key) ?? 0) > 0 };
    this.keys = new OwnedKeys(
      (message) => this.#post(() => this.#tell(book, message)),
      () => queue as unknown as PoolQueue,
    );
    this.onKeyLeft = (key) => lanes.onKeyLeft?.(key);
  }

  send(key: string): void {
    if (this.keys.has(POOL, key)) this.#begin(key);
    else
      this.keys.ask(POOL, key, 3_600_000, (error) => {
        if (error === undefined) this.#begin(key);
        else this.failed.push(error);
      });
  }

  end(key: string): void {
    const left = (this.inWork.get(key) ?? 0) - 1;
    if (left < 0) return;
    this.inWork.set(key, left);
    if (left === 0) this.onKeyLeft?.(key);
  }

  grantKey(pool: string, key: string, node: string | undefined): void {
    this.#post(() => this.keys.onGrant(pool, key, node));
  }

  recallKey(pool: string, key: string): void {
    this.#post(() => this.keys.onRecall(pool, key));
  }

  #begin(key: string): void {
    this.begun++;
    this.inWork.set(key, (this.inWork.get(key) ?? 0) + 1);
  }

  #tell(book: KeyBook, message: FromWorker): void {
    if (message.kind === 'ask key') book.ask(this, message.pool, message.key);
    else if (message.kind === 'give up key') book.giveUp(this, message.pool, message.key);
  }
}

test('no two workers have messages of one key in work, in whatever order things happen; and all are sent', async () => {
  const step = fc.record({
    worker: fc.nat(2),
    key: fc.constantFrom('x', 'y'),
    what: fc.constantFrom('send', 'send', 'end', 'deliver', 'deliver', 'deliver', 'die'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const posted: (() => void)[] = [];
      const book = new KeyBook(() => undefined);
      const workers = Array.from({ length: 3 }, () => new Worker(book, (one) => void posted.push(one)));
      const sent = workers.map(() => 0);
      const check = (): void => {
        for (const key of ['x', 'y'])
          expect(
            workers.filter((one) => !one.isDead && (one.inWork.get(key) ?? 0) > 0).length,
          ).toBeLessThanOrEqual(1);
      };
      const alive = (): number => workers.filter(({ isDead }) => !isDead).length;
      for (const { worker, key, what } of steps) {
        const one = workers[worker] as Worker;
        if (what === 'deliver') posted.shift()?.();
        else if (one.isDead) continue;
        else if (what === 'send') {
          one.send(key);
          sent[worker] = (sent[worker] ?? 0) + 1;
        } else if (what === 'end') one.end(key);
        else if (alive() > 1) {
          one.isDead = true;
          book.remove(one);
        }
        check();
      }
      // All that is in work ends, and what waits gets its turn.
      for (let round = 0; round < 20; round++) {
        while (posted.length > 0) {
          posted.shift()?.();
          check();
        }
        for (const one of workers)
          for (const key of ['x', 'y']) while ((one.inWork.get(key) ?? 0) > 0) one.end(key);
        await new Promise((resolve) => setTimeout(resolve, posted.length > 0 ? 0 : 1));
      }
      expect(workers.flatMap(({ failed }) => failed)).toEqual([]);
      for (const [i, { isDead, begun }] of workers.entries()) if (!isDead) expect(begun).toBe(sent[i]);
    }),
    { numRuns: 60 },
  );
});

test('a key that is asked for while it is never granted fails in time, by its code', async () => {
  const keys = new OwnedKeys(
    () => {},
    () => undefined,
  );
  const error = await new Promise<GatewayError | undefined>((resolve) => keys.ask(POOL, 'k', 10, resolve));
  expect(error?.code).toBe('GW_ERR_QUEUE_TIMEOUT');
});
