// An upstream on a real socket, its owner's view of it, and messages to give it.
import type { GatewayError } from '../../src/errors.ts';
import { type Header, readHeader } from '../../src/hl7/header.ts';
import type { Channel, Delivery } from '../../src/upstream/delivery.ts';
import { MllpUpstream, type MllpUpstreamOptions } from '../../src/upstream/mllp/mllp-upstream.ts';
import type { UpstreamOwner } from '../../src/upstream/upstream.ts';
import type { FaultyNode } from '../helpers/faulty-node.ts';
import { frame, message } from '../helpers/mllp.ts';
import { until } from '../helpers/until.ts';

export class TestDelivery implements Delivery {
  readonly payload: Buffer;
  readonly frame: Buffer;
  readonly header: Header;
  readonly expectsAnswer: boolean;
  unwanted = false;
  /** `assigned`, `written`, and how it ended: `answered AA`, `unanswered` or an error's code. */
  readonly events: string[] = [];
  channel: Channel | undefined;

  constructor(controlId: string, expectsAnswer = true) {
    this.payload = message({ controlId });
    this.frame = frame(this.payload);
    this.header = readHeader(this.payload);
    this.expectsAnswer = expectsAnswer;
  }

  get end(): string | undefined {
    return this.events.find((event) => event !== 'assigned' && event !== 'written');
  }

  assigned(channel: Channel): void {
    this.channel = channel;
    this.events.push('assigned');
  }

  written(): void {
    this.events.push('written');
  }

  answered(ack: { code: string }): void {
    this.events.push(`answered ${ack.code}`);
  }

  unanswered(): void {
    this.events.push('unanswered');
  }

  failed(error: GatewayError): void {
    this.events.push(error.code);
  }

  /** Resolves to how it ended. */
  over(): Promise<string> {
    return until(() => this.end, { what: `the end of ${this.header.controlId}` });
  }
}

export interface Room extends Disposable {
  readonly upstream: MllpUpstream;
  /** What the owner was told, but for `onRoom`. */
  readonly told: string[];
}

export function upstreamTo(node: Pick<FaultyNode, 'port'>, options: Partial<MllpUpstreamOptions> = {}): Room {
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
  const upstream = new MllpUpstream(
    {
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
    },
    owner,
  );
  return { upstream, told, [Symbol.dispose]: () => upstream.close() };
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
