// An upstream on a real socket, its owner's view of it, and messages to give it.
import { MllpUpstream, type MllpUpstreamOptions } from '../../src/upstream/mllp/mllp-upstream.ts';
import type { UpstreamOwner } from '../../src/upstream/upstream.ts';
import type { FaultyNode } from '../helpers/faulty-node.ts';
import { TestDelivery } from './test-delivery.ts';

export interface Room extends Disposable {
  readonly upstream: MllpUpstream;
  /** See `recordingOwner`. */
  readonly told: string[];
}

export function upstreamTo(node: Pick<FaultyNode, 'port'>, options: Partial<MllpUpstreamOptions> = {}): Room {
  const { told, owner } = recordingOwner();
  const upstream = new MllpUpstream(optionsTo(node, options), owner);
  return { upstream, told, [Symbol.dispose]: () => upstream.close() };
}

/** Keeps what it is told, but for `onRoom`. */
export function recordingOwner(): { readonly told: string[]; readonly owner: UpstreamOwner } {
  const told: string[] = [];
  const owner: UpstreamOwner = {
    onReached: () => void told.push('reached'),
    onAnswered: (code) => void told.push(`answered ${code}`),
    onFailure: (error) => void told.push(error.code),
    onRoom: () => {},
    onFullness: () => void told.push('fullness'),
    onStrayAnswer: () => void told.push('stray'),
    onRepeatedId: () => void told.push('repeated'),
    onAlike: () => void told.push('alike'),
  };
  return { told, owner };
}

export function optionsTo(
  node: Pick<FaultyNode, 'port'>,
  options: Partial<MllpUpstreamOptions> = {},
): MllpUpstreamOptions {
  return {
    node: 'a',
    host: '127.0.0.1',
    port: node.port,
    tls: undefined,
    maxConnections: 4,
    pipelining: 1,
    idleMs: 3_600_000,
    settleMs: 1,
    connectMs: 5_000,
    ackMs: 30_000,
    repeatedIds: 'redial',
    answers: { maxFrameBytes: 1_000_000, maxJunkBytes: 4096, strayEndByte: 'content', missingCr: 'refuse' },
    ...options,
  };
}

/** Sends as a queue does: only where there is room. */
export function fill(upstream: MllpUpstream, prefix = 'X'): TestDelivery[] {
  const sent: TestDelivery[] = [];
  while (upstream.hasRoom) {
    const delivery = new TestDelivery(`${prefix}${sent.length}`);
    sent.push(delivery);
    upstream.send(delivery);
  }
  return sent;
}
