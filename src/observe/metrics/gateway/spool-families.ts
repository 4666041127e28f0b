// What pools have stored, as metrics: how much, in which state, for how long, and how full the stores are.
import { wallMs } from '../../../platform/time.ts';
import type { Spools } from '../../../spool/delivery/spools.ts';
import { type Family, numbers } from '../family.ts';

/** None where no pool has a spool. Pools that are only in a store have theirs too: nothing delivers it. */
export function spoolFamilies({
  stores,
  duplicates,
}: Pick<Spools, 'stores' | 'duplicates'>): readonly Family[] {
  const again =
    duplicates.size === 0
      ? []
      : [
          numbers(
            'hl7_gateway_duplicates_total',
            [...duplicates].flatMap(([pool, counts]) =>
              Object.entries(counts).map(([result, value]) => ({ labels: { pool, result }, value })),
            ),
          ),
        ];
  if (stores.size === 0) return again;
  const pools = [...stores.values()].flatMap(({ usage }) => [...usage.pools]);
  const all = [...stores].map(([path, { usage }]) => ({ labels: { path }, usage }));
  const now = wallMs();
  return [
    ...again,
    numbers(
      'hl7_gateway_spool_messages',
      pools.flatMap(([pool, { waiting, dead, delivered }]) => [
        { labels: { pool, state: 'waiting' }, value: waiting },
        { labels: { pool, state: 'dead' }, value: dead },
        { labels: { pool, state: 'delivered' }, value: delivered },
      ]),
    ),
    numbers(
      'hl7_gateway_spool_bytes',
      pools.map(([pool, { bytes }]) => ({ labels: { pool }, value: bytes })),
    ),
    numbers(
      'hl7_gateway_spool_oldest_seconds',
      pools.map(([pool, { oldestWaitingAt }]) => ({
        labels: { pool },
        value: oldestWaitingAt === undefined ? 0 : Math.max(0, (now - oldestWaitingAt) / 1000),
      })),
    ),
    numbers(
      'hl7_gateway_spool_store_bytes',
      all.map(({ labels, usage }) => ({ labels, value: usage.bytes })),
    ),
    numbers(
      'hl7_gateway_spool_store_bytes_limit',
      all.map(({ labels, usage }) => ({ labels, value: usage.maxBytes })),
    ),
  ];
}
