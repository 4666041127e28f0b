// A simulated node's connection over MLLP, served strictly in turn. Promises: what it does with a message is by the node's mode when that
// message's turn comes.
import { FrameCutter, frame } from '../../campaign/wire/mllp.ts';
import type { Received } from './node.ts';
import { NodeConnection } from './node-connection.ts';

/** A node takes its time for what comes behind the commit acknowledgement. */
const APPLICATION_MS = [1, 120] as const;
/** What Mirth sends where a channel's own code fails. */
const ERROR_500 = 'AE';

export class MllpNodeConnection extends NodeConnection {
  readonly #cutter = new FrameCutter();
  readonly #queue: Received[] = [];
  #isWorking = false;
  #again: Buffer | undefined;
  #hasEnded = false;

  override onBytes(bytes: Buffer): void {
    if (this.isDead) return;
    for (const payload of this.#cutter.push(bytes)) this.#queue.push(this.node.received(this.c, payload));
    if (this.#cutter.strayBytes > 0)
      this.node.record.write({ e: 'noise', c: this.c, bytes: this.#cutter.strayBytes });
    this.#cutter.strayBytes = 0;
    if (!this.#isWorking) this.#workOn();
  }

  override onEnd(): void {
    if (this.isDead) return;
    this.closed('gateway', 'fin');
    this.#hasEnded = true;
    if (!this.#isWorking) this.end.close();
  }

  override stop(): void {
    this.#queue.length = 0;
    this.#hasEnded = true;
    if (!this.#isWorking) this.close('stop');
  }

  #workOn(): void {
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.#isWorking = true;
      this.#process(next);
      return;
    }
    this.#isWorking = false;
    if (this.#hasEnded) this.close('stop');
  }

  #process(message: Received): void {
    const { prng, mode, start } = this.node;
    if (this.#again !== undefined) this.write(this.#again);
    this.#again = undefined;
    const over = (): void => this.#workOn();
    switch (mode) {
      case 'black-hole':
        // It is never answered, and neither is what comes behind it.
        return;
      case 'reset':
        this.after(prng.chance(0.5) ? prng.next() * 5 : 0, () => {
          this.reset();
        });
        return;
      case 'half-close':
        this.close('half-close');
        return;
      case 'slow':
        this.#answerAfter(message, (start.ackMs / 8) * (1 + 3 * prng.next()));
        return;
      case 'late':
        this.#answerAfter(message, start.ackMs * (1.1 + prng.next()));
        return;
      case 'sleepy':
        // On both sides of the deadline, to the millisecond.
        this.#answerAfter(message, start.ackMs - 1.5 + 3 * prng.next());
        return;
      case 'wrong': {
        const wrong = this.node.ack(message.enhanced ? 'CA' : 'AA', this.node.wrongId(message.id));
        this.node.note(this.c, message, 'wrong', 'AA', wrong);
        this.write(frame(wrong));
        over();
        return;
      }
      case 'foreign': {
        // The right answer to a message that another connection has brought.
        const { lastId } = this.node;
        if (lastId === message.id) {
          this.#answerAfter(message, 0);
          return;
        }
        const foreign = this.node.ack(message.enhanced ? 'CA' : 'AA', lastId);
        this.node.note(this.c, message, 'wrong', 'AA', foreign);
        this.write(frame(foreign));
        this.#answerAfter(message, prng.next() * 5);
        return;
      }
      case 'double':
        this.#answerTwice(message);
        over();
        return;
      case 'garbled':
        this.#garble(message);
        over();
        return;
      case 'unframed': {
        const bytes = this.node.ack('AA', message.id);
        this.node.note(this.c, message, 'garbled', '', bytes);
        this.write(bytes);
        over();
        return;
      }
      case 'in-pieces': {
        const bytes = frame(this.node.answer(this.c, message, 'right', message.enhanced ? 'CA' : 'AA'));
        this.#writeSlowly(bytes, start.ackMs / 4 / bytes.length, over);
        return;
      }
      case 'negative':
        this.#answer(message, prng.pick(['AE', 'AR']));
        over();
        return;
      case 'error-500':
        this.after(500 * prng.next(), () => {
          this.#answer(message, ERROR_500);
          over();
        });
        return;
      default:
        this.#answerAfter(message, prng.chance(0.7) ? 0.5 + 2.5 * prng.next() : 0);
        return;
    }
  }

  /** Byte by byte: in order, however long its process is halted in between. */
  #writeSlowly(bytes: Buffer, eachMs: number, then: () => void): void {
    this.write(bytes.subarray(0, 1));
    const isLast = bytes.length <= 1;
    this.after(eachMs, isLast ? then : () => this.#writeSlowly(bytes.subarray(1), eachMs, then));
  }

  #answerAfter(message: Received, ms: number): void {
    const answered = (): void => {
      this.#answer(message);
      this.#workOn();
    };
    if (ms === 0 && !this.node.isStopped) answered();
    else this.after(ms, answered);
  }

  #answer(message: Received, code = 'AA'): void {
    const first = message.enhanced ? code.replace('A', 'C') : code;
    this.write(frame(this.node.answer(this.c, message, 'right', first)));
    if (!message.enhanced || code !== 'AA') return;
    const { prng } = this.node;
    this.after(prng.int(...APPLICATION_MS), () => {
      if (this.isClosed) return;
      this.write(frame(this.node.answer(this.c, message, 'application', prng.chance(0.8) ? 'AA' : 'AE')));
    });
  }

  #answerTwice(message: Received): void {
    const ack = this.node.answer(this.c, message, 'right', message.enhanced ? 'CA' : 'AA');
    this.node.note(this.c, message, 'again', 'AA', ack);
    // At once, a moment later, or when the next message has come and waits for its own.
    const when = this.node.prng.pick(['together', 'soon', 'next'] as const);
    this.write(when === 'together' ? Buffer.concat([frame(ack), frame(ack)]) : frame(ack));
    if (when === 'soon') this.after(0.5 * this.node.prng.next(), () => this.write(frame(ack)));
    if (when === 'next') this.#again = frame(ack);
  }

  #garble(message: Received): void {
    const { prng } = this.node;
    const right = frame(this.node.ack('AA', message.id));
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
    this.node.note(this.c, message, 'garbled', '', bytes);
    this.write(bytes);
    if (prng.chance(0.3)) this.close('garbled');
  }
}
