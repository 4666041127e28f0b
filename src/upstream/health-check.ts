// Asks a node at intervals whether it is there. A check is a connection that ends with FIN, never a reset: Mirth
// logs those. A node that has just answered a message needs no asking.
import { endGently } from '../mllp/tick-writer.ts';
import { type DialTls, dial } from './dial.ts';
import type { Node } from './node.ts';

export interface HealthCheckOptions {
  readonly host: string;
  readonly port: number;
  /** Handshake with these, for type `tls`. */
  readonly tls: DialTls | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Each wait differs by up to this share, so that checks of many nodes or gateways do not fall together. */
const JITTER = 0.1;

export class HealthCheck {
  readonly #node: Node;
  readonly #options: HealthCheckOptions;
  #timer: NodeJS.Timeout | undefined;
  #abort: (() => void) | undefined;
  #stopped = true;

  constructor(node: Node, options: HealthCheckOptions) {
    this.#node = node;
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.#wait();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#abort?.();
  }

  #wait(): void {
    if (this.#stopped) return;
    const { intervalMs } = this.#options;
    const afterMs = intervalMs * (1 + JITTER * (2 * Math.random() - 1));
    this.#timer = setTimeout(() => this.#check(), afterMs);
    this.#timer.unref();
  }

  #check(): void {
    const node = this.#node;
    if (node.state === 'up' && performance.now() - node.lastAnswerAt < this.#options.intervalMs) {
      this.#wait();
      return;
    }
    const { host, port, tls, timeoutMs } = this.#options;
    this.#abort = dial(
      // A full node is up: no watch for a close (F32).
      { node: node.name, host, port, tls, connectMs: timeoutMs, settleMs: 0 },
      (socket) => {
        this.#abort = undefined;
        endGently(socket);
        node.passed();
        this.#wait();
      },
      (error) => {
        this.#abort = undefined;
        if (error.code === 'GW_ERR_NODE_FULL') node.passed();
        else node.failedBy(`check: ${error.detail ?? error.code}`);
        this.#wait();
      },
    );
  }
}
