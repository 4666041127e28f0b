// What members of a cluster share, as metrics: whether the place of it is there, what waits, and what became of decisions meanwhile.
import { counted, type Family, number, numbers } from '../family.ts';

export interface SharedStateCounts {
  readonly connected: boolean;
  readonly reason: string | undefined;
  readonly queued: number;
  readonly revision: number;
  readonly senderRevision: number;
  readonly writes: { readonly stored: number; readonly failed: number; readonly dropped: number };
  readonly reconciled: { readonly written: number; readonly yielded: number; readonly dropped: number };
}

/** None where nothing is shared. */
export function sharedStateFamilies(shared: SharedStateCounts | undefined): readonly Family[] {
  if (shared === undefined) return [];
  const { connected, reason, queued, revision, senderRevision, writes, reconciled } = shared;
  return [
    number('hl7_gateway_shared_state_connected', connected ? 1 : 0),
    numbers(
      'hl7_gateway_shared_state_away',
      connected || reason === undefined ? [] : [{ labels: { reason }, value: 1 }],
    ),
    number('hl7_gateway_shared_state_queued', queued),
    numbers('hl7_gateway_shared_state_revision', [
      { labels: { bucket: 'decisions' }, value: revision },
      { labels: { bucket: 'senders' }, value: senderRevision },
    ]),
    counted('hl7_gateway_shared_state_writes_total', 'result', { ...writes }),
    counted('hl7_gateway_shared_state_reconciled_total', 'result', { ...reconciled }),
  ];
}
