// What operators see of spools, and do with what is in them. Promises that each act is told to those who record it, and that nothing is
// changed of a message that is with a node at the moment.
import { suggestion } from '../../config/source/closest.ts';
import { GatewayError } from '../../errors.ts';
import type { Gateway } from '../../gateway.ts';
import type { SpooledPool } from '../../spool/delivery/spooled-pool.ts';
import type { SpoolStore, StoredMessage } from '../../spool/spool-store.ts';
import type { By } from '../control.ts';
import type {
  SpoolControl,
  SpoolReport,
  StoredDetails,
  StoredQuery,
  StoredReport,
} from '../spool-control.ts';

/** Of dead letters at once. */
const PAGE = 500;

export class SpoolDesk implements SpoolControl {
  readonly #gateway: () => Gateway;

  constructor(gateway: () => Gateway) {
    this.#gateway = gateway;
  }

  report(): readonly SpoolReport[] {
    const { spools } = this.#gateway();
    const reports: SpoolReport[] = [];
    for (const [path, { usage }] of spools.stores) {
      const own = [...spools.pools.values()].filter(({ config }) => config.store.path === path);
      const names = new Set([...own.map(({ name }) => name), ...usage.pools.keys()]);
      for (const pool of names) {
        const spooled = own.find(({ name }) => name === pool);
        const of = usage.pools.get(pool);
        reports.push({
          pool,
          path,
          configured: spooled !== undefined,
          waiting: of?.waiting ?? 0,
          dead: of?.dead ?? 0,
          delivered: of?.delivered ?? 0,
          bytes: of?.bytes ?? 0,
          oldestWaiting: of?.oldestWaitingAt === undefined ? undefined : timeOf(of.oldestWaitingAt),
          storeBytes: usage.bytes,
          storeMaxBytes: usage.maxBytes,
          storing: spooled?.storing ?? 0,
          delivering: spooled?.delivering ?? 0,
        });
      }
    }
    return reports;
  }

  async list(pool: string, { limit, after, ...filter }: StoredQuery): Promise<readonly StoredReport[]> {
    const { store } = this.#of(pool);
    return (await store.list({ pool, ...filter }, after, limit)).map(reportOf);
  }

  async details(pool: string, id: number): Promise<StoredDetails> {
    const { store } = this.#of(pool);
    const stored = await found(store, pool, id);
    const content = await store.content(id);
    if (content === undefined) throw unknown(pool, id);
    const { listener, route, source, controlId, type, sender, traceId } = content.label;
    return { ...reportOf(stored), listener, route, source, controlId, type, sender, traceId };
  }

  async content(pool: string, id: number, by: By, reason?: string): Promise<Buffer> {
    const { store } = this.#of(pool);
    await found(store, pool, id);
    const content = await store.content(id);
    if (content === undefined) throw unknown(pool, id);
    this.#tell(by, pool, `content of ${id}`, reason);
    return content.payload;
  }

  async retry(pool: string, id: number, by: By, reason?: string): Promise<StoredReport> {
    const { store, spooled } = this.#of(pool);
    const stored = await found(store, pool, id);
    if (stored.state === 'waiting') throw conflict('it waits for its delivery already');
    await revive(store, spooled, stored);
    this.#tell(by, pool, `retry of ${id}`, reason);
    return reportOf(await found(store, pool, id));
  }

  async retryAll(pool: string, by: By, reason?: string): Promise<number> {
    const { store, spooled } = this.#of(pool);
    let count = 0;
    // Those that are dead letters again before this ends are behind, and not met twice.
    for (let after = 0; ; ) {
      const dead = await store.list({ pool, state: 'dead' }, after, PAGE);
      await Promise.all(dead.map((stored) => revive(store, spooled, stored)));
      count += dead.length;
      after = dead.at(-1)?.id ?? after;
      if (dead.length < PAGE) break;
    }
    this.#tell(by, pool, `retry of ${count} dead letters`, reason);
    return count;
  }

  async discard(pool: string, id: number, by: By, reason?: string): Promise<void> {
    const { store, spooled } = this.#of(pool);
    const stored = await found(store, pool, id);
    if (spooled?.isSending(id) === true) throw conflict('it is with a node at the moment');
    if (stored.state === 'waiting') spooled?.discarded(id, stored.orderingKey);
    await store.change(id, { to: 'discarded' });
    this.#tell(by, pool, `${stored.state} message ${id} discarded`, reason);
  }

  /** @throws GatewayError */
  #of(pool: string): { readonly store: SpoolStore; readonly spooled: SpooledPool | undefined } {
    const { spools } = this.#gateway();
    const spooled = spools.pools.get(pool);
    const store =
      spooled === undefined
        ? [...spools.stores.values()].find(({ usage }) => usage.pools.has(pool))
        : spools.storeOf(spooled);
    if (store !== undefined) return { store, spooled };
    if (spooled !== undefined) throw conflict('its store is not open');
    throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
      detail: `no pool ${pool} has a spool${suggestion(pool, [...spools.pools.keys()])}`,
    });
  }

  #tell(by: By, pool: string, what: string, reason: string | undefined): void {
    this.#gateway().observers.onOperator(by, { kind: 'spool', pool, what, reason });
  }
}

/** By a person's word: its attempts begin anew, and any node may have it. */
async function revive(
  store: SpoolStore,
  spooled: SpooledPool | undefined,
  { id, orderingKey }: StoredMessage,
): Promise<void> {
  await store.change(id, { to: 'waiting', attempts: 0, error: undefined, boundTo: undefined });
  spooled?.revived(orderingKey);
}

async function found(store: SpoolStore, pool: string, id: number): Promise<StoredMessage> {
  const [stored] = await store.list({ pool }, id - 1, 1);
  if (stored?.id !== id) throw unknown(pool, id);
  return stored;
}

function reportOf({
  lastError,
  boundTo,
  size,
  receivedAt,
  changedAt,
  ...stored
}: StoredMessage): StoredReport {
  const { id, pool, state, attempts, orderingKey } = stored;
  return {
    id,
    pool,
    state,
    receivedAt: timeOf(receivedAt),
    changedAt: timeOf(changedAt),
    bytes: size,
    attempts,
    lastError,
    boundTo,
    orderingKey,
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function unknown(pool: string, id: number): GatewayError {
  return new GatewayError('GW_ERR_ADMIN_NOT_FOUND', { detail: `pool ${pool} has no stored message ${id}` });
}

function conflict(detail: string): GatewayError {
  return new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail });
}
