// Requests of the main thread until they are settled: those that wait, and those that are on their way to the disk, which are bounded.
// Promises that each is settled once.
import { GatewayError } from '../../errors.ts';
import type { NumberedRequest, StoreRequest, StoreResult } from './store-protocol.ts';

/** On their way to the disk: more would wait in the thread, where they cost memory and nobody sees them. */
const MOST_BYTES = 32 * 1024 * 1024;
const MOST_REQUESTS = 8_000;

/** Bytes that go with a request. */
export interface RequestLoad {
  readonly bytes: number;
  /** Writes them at `at`, and returns where they end. */
  write(into: Buffer, at: number): number;
}

interface Waiting extends NumberedRequest {
  readonly load: RequestLoad | undefined;
}

interface Settle {
  resolve(value: unknown): void;
  reject(error: GatewayError): void;
}

export interface RequestPacket {
  readonly requests: readonly NumberedRequest[];
  readonly bytes: ArrayBuffer;
}

export class StoreRequests {
  #waiting: Waiting[] = [];
  readonly #settles = new Map<number, Settle>();
  #lastNumber = 0;
  /** On their way: also those that nobody waits for any more. */
  #sent = new Map<number, number>();
  #sentBytes = 0;

  get waiting(): number {
    return this.#waiting.length;
  }

  get sent(): number {
    return this.#sent.size;
  }

  add(request: StoreRequest, load: RequestLoad | undefined): Promise<unknown> {
    const n = ++this.#lastNumber;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#settles.set(n, { resolve, reject });
    this.#waiting.push({ n, request, load });
    return promise;
  }

  /** As many of those that wait as may go now; undefined: none. */
  takePacket(): RequestPacket | undefined {
    let [count, bytes] = [0, 0];
    for (const { load } of this.#waiting) {
      const size = load?.bytes ?? 0;
      const isFull = this.#sentBytes + bytes + size > MOST_BYTES || this.sent + count >= MOST_REQUESTS;
      // One that is larger than all of it goes alone.
      if (isFull && this.sent + count > 0) break;
      count++;
      bytes += size;
    }
    if (count === 0) return undefined;
    const going = this.#waiting.splice(0, count);
    const packet = Buffer.from(new ArrayBuffer(bytes));
    let at = 0;
    for (const { n, request, load } of going) {
      this.#sent.set(n, load?.bytes ?? 0);
      if (load === undefined || !('at' in request)) continue;
      request.at = at;
      at = request.end = load.write(packet, at);
    }
    this.#sentBytes += bytes;
    return { requests: going.map(({ n, request }) => ({ n, request })), bytes: packet.buffer };
  }

  settle(result: StoreResult): void {
    this.#sentBytes -= this.#sent.get(result.n) ?? 0;
    this.#sent.delete(result.n);
    const settle = this.#settles.get(result.n);
    this.#settles.delete(result.n);
    if ('failure' in result) settle?.reject(new GatewayError(result.failure, { detail: result.detail }));
    else settle?.resolve(result.value);
  }

  rejectWaiting(error: GatewayError): void {
    for (const { n } of this.#waiting.splice(0)) {
      this.#settles.get(n)?.reject(error);
      this.#settles.delete(n);
    }
  }

  /** Also those on their way: their results will be for nobody. */
  rejectAll(error: GatewayError): void {
    this.#waiting = [];
    for (const { reject } of this.#settles.values()) reject(error);
    this.#settles.clear();
  }

  /** No results will come for what was sent. */
  forgetSent(): void {
    this.#sent = new Map();
    this.#sentBytes = 0;
  }
}
