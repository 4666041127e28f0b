// A spool's store that holds dead letters: for tests of what is told of a spool.
import { MemoryStore } from './memory-store.ts';
import { message } from './mllp.ts';

const LABEL = {
  listener: 'in',
  route: 'all',
  source: '10.1.0.7',
  controlId: 'M1',
  type: 'ADT^A01',
  sender: 'A|B',
};

/** Their ids are 1 and up. */
export async function storeOfDead(pool: string, count: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (let i = 0; i < count; i++) {
    const id = await store.put({
      pool,
      orderingKey: `k${i}`,
      receivedAt: 1_772_000_000_000 + i,
      label: { ...LABEL, traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' },
      payload: message(),
      boundTo: undefined,
    });
    await store.change(id, { to: 'dead', attempts: 1, error: 'AE', boundTo: undefined });
  }
  return store;
}
