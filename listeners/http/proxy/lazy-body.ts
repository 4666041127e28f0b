// A request's body that is read only when a node is there to take it: until its first byte is asked for, another
// attempt can begin anew. Passes back-pressure on to the client; a client that says nothing for too long ends it (F69).
import { Readable } from 'node:stream';
import { GatewayError } from '../../../src/errors.ts';
import { clearTimeout, setTimeout } from '../../../src/platform/time.ts';
import { type Incoming, isWhole } from '../client-request.ts';
import { spend } from '../spent-buffers.ts';

export class LazyBody extends Readable {
  readonly #incoming: Incoming;
  readonly #idleMs: number;
  readonly #count: { requestBytes: number };
  #timer: NodeJS.Timeout | undefined;

  /** `count` is told how much has come. */
  constructor(incoming: Incoming, idleMs: number, count: { requestBytes: number }) {
    super();
    this.#incoming = incoming;
    this.#idleMs = idleMs;
    this.#count = count;
  }

  get started(): boolean {
    return this.#timer !== undefined;
  }

  override _read(): void {
    if (this.#timer === undefined) this.#begin();
    else this.#timer.refresh();
    this.#incoming.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#leave();
    done(error);
  }

  #begin(): void {
    this.#timer = setTimeout(() => this.#onSilence(), this.#idleMs);
    this.#incoming.on('data', this.#onData).once('end', this.#onEnd).once('close', this.#onClose);
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#incoming.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#count.requestBytes += chunk.length;
    spend(chunk.length);
    this.#timer?.refresh();
    if (!this.push(chunk)) this.#incoming.pause();
  };

  readonly #onEnd = (): void => {
    // It closes behind its end, while what came may still wait here for the node.
    this.#leave();
    if (isWhole(this.#incoming)) this.push(null);
    else this.destroy(new GatewayError('GW_ERR_HTTP_CUT'));
  };

  readonly #onClose = (): void => {
    this.destroy(new GatewayError('GW_ERR_HTTP_CUT'));
  };

  #onSilence(): void {
    // The node takes nothing: its own deadline runs.
    if (this.#incoming.isPaused()) this.#timer?.refresh();
    else this.destroy(new GatewayError('GW_ERR_HTTP_TIMEOUT'));
  }
}
