// How many nodes of a pool may be left out for what messages met there. Never all of them: with the last one gone every
// message would fail for certain, and with it some may pass.
import type { Portion } from '../../config/health-config.ts';

export interface Ejectable {
  /** Takes part in a pool's work in full. */
  readonly isServing: boolean;
  readonly isEjected: boolean;
}

/** May `node` be ejected, too? */
export function mayEject<N extends Ejectable>(node: N, nodes: readonly N[], most: Portion): boolean {
  let ejected = 0;
  let serving = 0;
  for (const other of nodes) {
    if (other === node) continue;
    if (other.isEjected) ejected++;
    if (other.isServing) serving++;
  }
  const limit = 'count' in most ? most.count : Math.floor(most.share * nodes.length);
  return serving > 0 && ejected < limit;
}
