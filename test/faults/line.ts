// The line that the fault tests put a hostile sender on: one sender, one gateway, one node that keeps what it answered.
// Promises: the three are closed in the order in which they depend on each other; nothing here waits for a time.
import { expect } from 'vitest';
import { type FaultyNode, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { type SimpleConfig, startGateway, type TestGateway } from '../helpers/gateway.ts';
import { ackFor, frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

export class Line implements AsyncDisposable {
  readonly node: FaultyNode;
  readonly gw: TestGateway;
  readonly sender: Sender;
  /** Payloads of the node's own answers, in order; empty where the test brought a script. */
  readonly answered: readonly Buffer[];

  constructor(node: FaultyNode, gw: TestGateway, sender: Sender, answered: readonly Buffer[]) {
    this.node = node;
    this.gw = gw;
    this.sender = sender;
    this.answered = answered;
  }

  /** The node has got these frames, byte for byte, and nothing else. */
  nodeGot(frames: readonly Buffer[]): void {
    expect(this.node.bytes.toString('latin1')).toBe(Buffer.concat(frames).toString('latin1'));
    expect(this.node.messages).toHaveLength(frames.length);
  }

  /** The sender has got exactly the node's answers. */
  senderGotTheAnswers(): void {
    expect(this.sender.received.toString('latin1')).toBe(
      Buffer.concat(this.answered.map(frame)).toString('latin1'),
    );
  }

  /** Resolves when no message and no byte is held any more. */
  async atRest(): Promise<void> {
    await until(
      () => {
        const { queued, inFlight, bytes } = this.gw.held;
        return queued === 0 && inFlight === 0 && bytes === 0;
      },
      { what: 'nothing being held' },
    );
  }

  /** A good message on this connection is still answered by the node. */
  async goesOn(controlId = 'GOES-ON'): Promise<void> {
    const ack = await this.sender.exchange(message({ controlId }));
    expect(msaOf(ack)).toEqual({ code: 'AA', controlId });
    expect(this.node.controlIds.at(-1)).toBe(controlId);
    await this.atRest();
  }

  /** This connection has ended without a reset, nothing is held, and a new connection is served. */
  async endedButLives(): Promise<void> {
    expect(await this.sender.closed).toEqual({ hadError: false, code: undefined });
    await this.lives();
  }

  /** Nothing is held, and a new connection is served. */
  async lives(): Promise<void> {
    await this.atRest();
    await using other = await connectSender(this.gw.port());
    const ack = await other.exchange(message({ controlId: 'ANOTHER' }));
    expect(msaOf(ack)).toEqual({ code: 'AA', controlId: 'ANOTHER' });
    await this.atRest();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sender[Symbol.asyncDispose]();
    await this.gw[Symbol.asyncDispose]();
    await this.node.close();
  }
}

export type LineOptions = Omit<SimpleConfig, 'nodes'> & { readonly script?: Script };

export async function startLine({ script, ...config }: LineOptions = {}): Promise<Line> {
  const answered: Buffer[] = [];
  const answer: Script = async ({ connection, payload }) => {
    const ack = ackFor(payload);
    answered.push(ack);
    await connection.answer(ack);
  };
  const node = await startFaultyNode(script ?? answer);
  const gw = await startGateway({ nodes: [node.url], ...config });
  const sender = await connectSender(gw.port());
  return new Line(node, gw, sender, answered);
}

/** A negative answer of the gateway's own: MSA-1, MSA-2 and the error code in ERR-7. */
export function nakOf(ack: Buffer): { code: string; controlId: string; error: string } {
  const err = ack
    .toString('latin1')
    .split('\r')
    .find((segment) => segment.startsWith('ERR'));
  const { code, controlId } = msaOf(ack) ?? { code: '', controlId: '' };
  return { code, controlId, error: err?.split('|')[7] ?? '' };
}

export const START = Buffer.from([0x0b]);
export const END = Buffer.from([0x1c]);
export const CR = Buffer.from([0x0d]);

/** Strings and buffers, one after the other; a string's characters are bytes. */
export function bytes(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
}
