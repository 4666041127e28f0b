// A simulated node's connection over HTTP: a message is posted, the response holds its acknowledgement. Promises: one request at a time,
// in order; as over MLLP, what it does is by the node's mode.
import type { Received } from './node.ts';
import { NodeConnection } from './node-connection.ts';
import { RequestCutter } from './request-cutter.ts';

export class HttpNodeConnection extends NodeConnection {
  readonly #cutter = new RequestCutter();
  readonly #queue: Buffer[] = [];
  #isWorking = false;
  #hasEnded = false;

  override onBytes(bytes: Buffer): void {
    if (this.isDead) return;
    this.#queue.push(...this.#cutter.push(bytes));
    if (!this.#isWorking) this.#workOn();
  }

  override onEnd(): void {
    if (this.isDead) return;
    this.closed('gateway', 'fin');
    this.#hasEnded = true;
    if (!this.#isWorking) this.close('fin');
  }

  override stop(): void {
    this.#queue.length = 0;
    this.#hasEnded = true;
    if (!this.#isWorking) this.close('stop');
  }

  #workOn(): void {
    const next = this.#queue.shift();
    this.#isWorking = next !== undefined;
    if (next !== undefined) this.#serve(next);
    else if (this.#hasEnded) this.close('stop');
  }

  #serve(body: Buffer): void {
    const { prng, mode, start } = this.node;
    if (mode === 'full' || mode === 'one-connection') {
      this.#respond(503, Buffer.alloc(0));
      return;
    }
    const message = this.node.received(this.c, body);
    const answer = (code: string, status = 200): void =>
      this.#respond(status, this.node.answer(this.c, message, 'right', code));
    switch (mode) {
      case 'black-hole':
        return;
      case 'reset':
      case 'half-close':
      case 'unframed':
        this.after(5 * prng.next(), () => this.reset());
        return;
      case 'slow':
        this.after((start.ackMs / 8) * (1 + 3 * prng.next()), () => answer('AA'));
        return;
      case 'late':
        this.after(start.ackMs * (1.1 + prng.next()), () => answer('AA'));
        return;
      case 'sleepy':
        this.after(start.ackMs - 1.5 + 3 * prng.next(), () => answer('AA'));
        return;
      case 'wrong':
      case 'foreign': {
        const wrong = this.node.ack('AA', this.node.wrongId(message.id));
        this.node.note(this.c, message, 'wrong', 'AA', wrong);
        this.#respond(200, wrong);
        return;
      }
      case 'garbled':
        this.#garble(message);
        return;
      case 'negative':
        // Mirth answers AE with 500.
        answer(prng.pick(['AE', 'AR']), prng.pick([200, 500]));
        return;
      case 'error-500':
        this.after(500 * prng.next(), () => answer('AE', 500));
        return;
      default:
        this.after(prng.chance(0.7) ? 0.5 + 2.5 * prng.next() : 0, () => answer('AA'));
    }
  }

  #garble(message: Received): void {
    this.node.note(this.c, message, 'garbled', '', Buffer.alloc(0));
    const how = this.node.prng.pick(['html', 'empty', 'error', 'broken', 'no-status'] as const);
    if (how === 'html') this.#respond(200, Buffer.from('<html><body>502</body></html>'));
    else if (how === 'empty') this.#respond(204, undefined);
    else if (how === 'error') this.#respond(500, Buffer.from('out of order'));
    else {
      const head =
        how === 'broken' ? 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nMSH|' : 'NO HTTP AT ALL\r\n\r\n';
      this.write(Buffer.from(head));
      this.after(1, () => this.reset());
    }
  }

  #respond(status: number, body: Buffer | undefined): void {
    const length =
      body === undefined ? '' : `Content-Type: application/hl7-v2\r\nContent-Length: ${body.length}\r\n`;
    const head = Buffer.from(`HTTP/1.1 ${status} Simulated\r\n${length}\r\n`);
    this.write(body === undefined ? head : Buffer.concat([head, body]));
    this.#workOn();
  }
}
