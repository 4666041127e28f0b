// A config with a pair, and changes of it.
import { stringify } from 'yaml';

const MEMBERS = {
  gw1: { address: '10.0.0.3', priority: 150, admin: 'https://10.0.0.3:9600' },
  gw2: { address: '10.0.0.4', priority: 100, admin: 'https://10.0.0.4:9600' },
};

/** What stands in the `cluster` section, with `more` in its place. */
export function pairSection(more: object = {}): Record<string, unknown> {
  return {
    name: 'hospital-a',
    member: 'gw1',
    members: MEMBERS,
    vips: [
      { address: '10.0.0.5/24', interface: 'eth1' },
      { address: 'fd00::5/64', interface: 'eth1' },
      { address: '10.1.0.5/24', interface: 'eth0' },
    ],
    ...more,
  };
}

/** `top`: other sections. */
export function pairConfig(cluster: object = {}, top: object = {}): string {
  return stringify({
    listeners: { adt: { bind: '0.0.0.0:2575' } },
    pools: { p: { nodes: { a: { url: 'mllp://127.0.0.1:6661' } } } },
    routes: [{ to: 'p' }],
    cluster: pairSection(cluster),
    ...top,
  });
}

/** What a member's metrics count. */
export const COUNTED = {
  name: 'hospital-a',
  member: 'gw1',
  fit: true,
  configDigest: '0123456789abcdef',
  vips: [{ address: '10.0.0.5', held: true, since: '2026-01-01T00:00:00.000Z' }],
};

/** What is counted of state that members share. */
export const SHARED_COUNTED = {
  connected: false,
  reason: 'refused',
  queued: 1,
  revision: 2,
  senderRevision: 3,
  writes: { stored: 4, failed: 5, dropped: 6 },
  reconciled: { written: 7, yielded: 8, dropped: 9 },
};
