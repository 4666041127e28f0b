// A node's connection over MLLP, served strictly in turn, as Mirth does. Promises: what it does with a message is by the node's
// mode when that message's turn comes.
import type net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { FrameCutter, frame } from '../wire/mllp.ts';
import type { NodeState, Received } from './node-state.ts';

/** A node takes its time for what comes behind the commit acknowledgement. */
const APPLICATION_MS = [1, 120] as const;

export class MllpConnection {
  readonly c: number;
  readonly #state: NodeState;
  readonly #socket: net.Socket;
  readonly #reset: () => void;
  readonly #cutter = new FrameCutter();
  readonly #queue: Received[] = [];
  #working = false;
  /** What it has said before, to be said again. */
  #again: Buffer | undefined;
  #ended = false;
  #closedBy: 'node' | 'gateway' | undefined;

  constructor(state: NodeState, socket: net.Socket, reset: () => void) {
    this.#state = state;
    this.#socket = socket;
    this.#reset = reset;
    this.c = state.opened();
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#closed('gateway', error.code ?? 'error'));
    socket.on('close', () => this.#closed('gateway', 'close'));
  }

  /** Ends it once the message in work is answered; what is queued behind is dropped, as a stopping Mirth channel does. */
  stop(): void {
    this.#queue.length = 0;
    this.#ended = true;
    if (!this.#working) this.close('stop');
  }

  close(how: string): void {
    this.#closed('node', how);
    this.#socket.end();
  }

  #closed(by: 'node' | 'gateway', how: string): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = by;
    this.#state.closed(this.c, by, how);
  }

  #onEnd(): void {
    this.#closed('gateway', 'fin');
    this.#ended = true;
    if (!this.#working) this.#socket.end();
  }

  #read(chunk: Buffer): void {
    for (const payload of this.#cutter.push(chunk)) this.#queue.push(this.#state.received(this.c, payload));
    if (this.#cutter.strayBytes > 0) this.#state.noise(this.c, this.#cutter.strayBytes);
    this.#cutter.strayBytes = 0;
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      await this.#process(next);
    this.#working = false;
    if (this.#ended && !this.#socket.writableEnded) this.close('stop');
  }

  async #process(message: Received): Promise<void> {
    const { prng, mode, start } = this.#state;
    if (this.#again !== undefined) this.#write(this.#again);
    this.#again = undefined;
    switch (mode) {
      case 'black-hole':
        // It is never answered, and neither is what comes behind it.
        return new Promise(() => {});
      case 'reset':
        if (prng.chance(0.5)) await pause(prng.int(0, 5));
        this.#closed('node', 'reset');
        this.#reset();
        return;
      case 'half-close':
        this.close('half-close');
        return;
      case 'slow':
        await pause(prng.int(start.ackMs / 8, start.ackMs / 2));
        return this.#answer(message);
      case 'late':
        await pause(prng.int(start.ackMs * 1.1, start.ackMs * 2));
        return this.#answer(message);
      case 'wrong': {
        const wrong = this.#state.ack(message.enhanced ? 'CA' : 'AA', this.#state.wrongId(message.id));
        this.#state.note(this.c, message, 'wrong', 'AA', wrong);
        return this.#write(frame(wrong));
      }
      case 'double':
        return this.#answerTwice(message);
      case 'garbled':
        return this.#garble(message);
      case 'negative':
        return this.#answer(message, prng.pick(['AE', 'AR']));
      default:
        if (prng.chance(0.7)) await pause(prng.int(1, 3));
        return this.#answer(message);
    }
  }

  #answer(message: Received, code = 'AA'): void {
    const first = message.enhanced ? code.replace('A', 'C') : code;
    this.#write(frame(this.#state.answer(this.c, message, 'right', first)));
    if (message.enhanced && code === 'AA') void this.#answerLater(message);
  }

  async #answerLater(message: Received): Promise<void> {
    const { prng } = this.#state;
    await pause(prng.int(...APPLICATION_MS));
    if (this.#closedBy !== undefined) return;
    this.#write(frame(this.#state.answer(this.c, message, 'application', prng.chance(0.8) ? 'AA' : 'AE')));
  }

  #answerTwice(message: Received): void {
    const ack = this.#state.answer(this.c, message, 'right', message.enhanced ? 'CA' : 'AA');
    this.#state.note(this.c, message, 'again', 'AA', ack);
    // At once, a moment later, or when the next message has come and waits for its own.
    const when = this.#state.prng.pick(['together', 'soon', 'next'] as const);
    this.#write(when === 'together' ? Buffer.concat([frame(ack), frame(ack)]) : frame(ack));
    if (when === 'soon') setImmediate(() => this.#write(frame(ack)));
    if (when === 'next') this.#again = frame(ack);
  }

  #garble(message: Received): void {
    const { prng } = this.#state;
    const right = frame(this.#state.ack('AA', message.id));
    const withoutMsa = right.subarray(1, right.indexOf('MSA'));
    const bytes = prng.pick([
      frame(Buffer.from('<html><body>502</body></html>')),
      frame(withoutMsa),
      frame(Buffer.alloc(0)),
      frame(Buffer.from('MSHe lloeMIRTHeeee20261122083014.446eeACKe1ePe2.4\rMSAeAAe1\r')),
      // Without its end: what follows on the connection would run into it.
      right.subarray(0, -2),
      right.subarray(0, right.length >> 1),
    ]);
    this.#state.note(this.c, message, 'garbled', '', bytes);
    this.#write(bytes);
    if (prng.chance(0.3)) this.close('garbled');
  }

  #write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }
}
