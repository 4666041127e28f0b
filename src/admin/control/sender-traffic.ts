// What each connection of a sender brought last: who it says it is, when, how often, and which node had it. Promises nothing of a message
// but the sender's own names, some 300 bytes for a connection, which go with it; and that a message of the sender of before makes nothing
// that is to be collected.
import { loggable, MAX_IDENTIFIER } from '../../observe/log/loggable.ts';
import { wallMs } from '../../platform/time.ts';
import type { Message } from '../../relay/message.ts';
import type { SenderReport } from '../control.ts';

/** A rate over ten to twenty seconds, as of the whole gateway. */
const STEP_MS = 10_000;
/** MSH-3, a separator, MSH-4. What is cut of them is not compared either. */
const KEPT = 2 * MAX_IDENTIFIER;

class Traffic {
  lastAt = 0;
  /** Messages of this step and of the one before it. */
  step = 0;
  now = 0;
  before = 0;
  pool: string | undefined;
  node: string | undefined;
  /** MSH-3 and MSH-4 as they came, to see that they are those of before. */
  names: Buffer | undefined;
  sender: string | undefined;

  /** 0: in the step of this moment. */
  roll(at: number): void {
    const step = Math.floor(at / STEP_MS);
    if (step === this.step) return;
    this.before = step === this.step + 1 ? this.now : 0;
    this.now = 0;
    this.step = step;
  }
}

export class SenderTraffic {
  readonly #traffic = new WeakMap<object, Traffic>();

  add(message: Message): void {
    const { origin, pool, node } = message;
    // A client of HTTP is known by its requests only.
    if (origin.http !== undefined) return;
    let traffic = this.#traffic.get(origin.peer);
    if (traffic === undefined) {
      traffic = new Traffic();
      this.#traffic.set(origin.peer, traffic);
    }
    const at = wallMs();
    traffic.roll(at);
    traffic.lastAt = at;
    traffic.now++;
    traffic.pool = pool?.name;
    traffic.node = node?.name;
    if (message.hasHeader && message.header.isMsh) takeNames(traffic, message);
  }

  /** Of a connection, by its peer. */
  of(peer: object): Pick<SenderReport, 'sender' | 'lastAt' | 'messagesPerSecond' | 'pool' | 'node'> {
    const traffic = this.#traffic.get(peer);
    if (traffic === undefined) return { messagesPerSecond: 0 };
    const at = wallMs();
    traffic.roll(at);
    const rate = (traffic.now + traffic.before) / ((STEP_MS + (at % STEP_MS)) / 1000);
    return {
      sender: traffic.sender,
      lastAt: new Date(traffic.lastAt).toISOString(),
      messagesPerSecond: Math.round(rate * 10) / 10,
      pool: traffic.pool,
      node: traffic.node,
    };
  }
}

function takeNames(traffic: Traffic, { header }: Message): void {
  const start = header.fieldStart(3);
  const end = Math.min(header.fieldEnd(4), start + KEPT);
  const { names } = traffic;
  if (names !== undefined && end - start === names.length && isAt(header.bytes, start, names)) return;
  traffic.names = Buffer.from(header.bytes.subarray(start, end));
  const text = (from: number, to: number): string =>
    loggable(header.bytes.toString('latin1', from, Math.min(to, from + MAX_IDENTIFIER + 1)));
  traffic.sender = `${text(start, header.fieldEnd(3))}|${text(header.fieldStart(4), header.fieldEnd(4))}`;
}

/** A few bytes: a call of `compare` takes longer. */
function isAt(bytes: Buffer, start: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}
