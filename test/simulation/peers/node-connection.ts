// A connection of a simulated node, whatever is spoken on it. Promises: nothing happens on it once its process is gone, or while that is
// halted.
import type { End, EndUser } from '../../../src/tools/world/network.ts';
import type { SimulatedNode } from './node.ts';

export abstract class NodeConnection implements EndUser {
  readonly c: number;
  readonly end: End;
  protected readonly node: SimulatedNode;
  /** Which start of the node it belongs to. */
  readonly #run: number;
  #isClosed = false;

  constructor(node: SimulatedNode, end: End, c: number) {
    this.node = node;
    this.#run = node.records.length;
    this.end = end;
    this.c = c;
  }

  abstract onBytes(bytes: Buffer): void;
  abstract onEnd(): void;
  /** Ends it once the message in work is answered; what is queued behind is dropped, as a stopping Mirth channel does. */
  abstract stop(): void;

  /** Its process is gone. */
  get isDead(): boolean {
    return this.node.isDown || this.node.records.length !== this.#run;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  onGone(code: string): void {
    if (!this.isDead) this.closed('gateway', code);
  }

  close(how: string): void {
    this.closed('node', how);
    this.end.close();
  }

  reset(): void {
    this.closed('node', 'reset');
    this.end.reset();
  }

  protected closed(by: 'node' | 'gateway', how: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.node.record.write({ e: 'close', c: this.c, by, how });
    this.node.left(this);
  }

  protected after(ms: number, then: () => void): void {
    const { time } = this.node.network;
    const due = (): void => {
      if (this.isDead) return;
      if (this.node.isStopped) time.after(1, due);
      else then();
    };
    time.after(ms, due);
  }

  protected write(bytes: Buffer): void {
    if (!this.isDead) this.end.write(bytes);
  }
}
