// F43, F87, F88: messages of one connection that the node has committed (CA) and whose application acknowledgement may still
// come. Promises that nothing of a message is kept but its control id and who sent it, that there is a bound, and that an
// answer goes to the sender that it is meant for or to nobody.
import { type Ack, isApplicationAck, isNegative } from '../../hl7/ack.ts';
import { type Header, readHeader } from '../../hl7/header.ts';
import { monotonicMs } from '../../platform/time.ts';
import type { Delivery, ReplyTarget } from '../delivery.ts';

/** Then the oldest is forgotten. One takes about 300 bytes. */
const MAX_OWED = 1000;
/** Those that are answered are kept to recognize a second answer to one of them. */
const MAX_ANSWERED = 256;

interface Committed {
  /** MSH-10 byte for byte. */
  readonly controlId: string;
  /** MSH-3 and MSH-4. */
  readonly sender: readonly [application: string, facility: string];
  readonly component: number;
  /** Undefined: nobody can be told. */
  readonly target: ReplyTarget | undefined;
  /** F90: it was not committed: that the node said nothing of it was taken for success. */
  readonly isSilent: boolean;
  /** MSH-16 is AL: an answer comes in any case. */
  readonly isCertain: boolean;
  /** Until then its connection is kept for the answer, in monotonicMs() milliseconds. */
  readonly until: number;
}

/**
 * What to do with an answer. `due`: it has nothing to do with a committed message. `told`: it belongs to one, and its sender
 * has been told, or has gone. `second`: it is a further answer to one that is answered. `unclear`: it could be for more than one. `known`: it says of one that silence was taken for success of that this was right.
 */
export type CommittedMatch = 'due' | 'told' | 'gone' | 'second' | 'unclear' | 'known';

export class CommittedMessages {
  readonly #applicationMs: number;
  readonly #silenceMs: number;
  /** In the order of their commits; by control id in the order of theirs. */
  readonly #owed = new Set<Committed>();
  readonly #answered = new Set<Committed>();
  readonly #byId = new Map<string, Committed[]>();
  /** So far the node has given its answers in the order of the messages. */
  #isOrdered = true;

  /** For how long an answer is waited for where one comes in any case, and where one comes on error only. */
  constructor(applicationMs: number, silenceMs: number) {
    this.#applicationMs = applicationMs;
    this.#silenceMs = silenceMs;
  }

  /** Messages that are remembered. */
  get size(): number {
    return this.#byId.size;
  }

  has(controlId: string): boolean {
    return this.#byId.has(controlId);
  }

  keys(): IterableIterator<string> {
    return this.#byId.keys();
  }

  /** Messages whose answer may still come. */
  get owed(): number {
    return this.#owed.size;
  }

  /** The node has answered it by `ack`, a commit. */
  add({ header, replyTarget }: Delivery, ack: Ack): void {
    // Table 0155: NE asks for no application acknowledgement.
    if (header.controlId === '' || header.text(16) === 'NE') return;
    const now = monotonicMs();
    const isCertain = header.text(16) === 'AL';
    const committed: Committed = {
      controlId: header.controlId,
      ...namesOf(header),
      target: replyTarget,
      isSilent: false,
      isCertain,
      until: now + (isCertain ? this.#applicationMs : this.#silenceMs),
    };
    this.#index(committed);
    // After CE or CR there is nothing to come.
    if (ack.code === 'CA') this.#keepOwed(committed);
    else this.#keepAnswered(committed);
  }

  /** F90: the node has said nothing of it, and that means success. An error that comes all the same is its sender's. */
  addSilent({ header, replyTarget: target }: Delivery): void {
    const { controlId } = header;
    if (controlId === '') return;
    const silent = { controlId, ...namesOf(header), target, isSilent: true, isCertain: false, until: 0 };
    this.#index(silent);
    this.#keepOwed(silent);
  }

  #keepOwed(committed: Committed): void {
    this.#owed.add(committed);
    committed.target?.expect(committed.until);
    if (this.#owed.size > MAX_OWED) this.#forget(first(this.#owed));
  }

  /** Could an answer to one of these be taken for that message's, and for another sender's than its own? */
  mayConfuse({ header, replyTarget }: Delivery): boolean {
    const candidates = this.#byId.get(header.controlId);
    return (
      candidates?.some(({ target }) => target === undefined || target.owner !== replyTarget?.owner) === true
    );
  }

  /**
   * Whose answer it is; the sender has been told by then. `due`: the message whose own answer this would be, if it is none of
   * a committed message.
   */
  take(ack: Ack, payload: Buffer, frame: Buffer, due: Delivery | undefined): CommittedMatch {
    const candidates = this.#byId.get(ack.controlId);
    if (candidates === undefined) return 'due';
    const receiver = receiverOf(payload);
    const isForDue =
      due !== undefined &&
      receiver !== undefined &&
      isAddressed(receiver, [due.header.text(3), due.header.text(4)], due.header.delimiters.component);
    const named = receiver === undefined ? [] : candidates.filter((one) => isNamedBy(one, receiver));
    const silent = (named.length > 0 ? named : candidates).filter(
      (one) => one.isSilent && this.#owed.has(one),
    );
    if (silent.length > 0 && (due === undefined || (named.length > 0 && !isForDue)))
      return this.#takeSilent(silent, ack, frame);
    if (!isApplicationAck(ack.code)) {
      // A second commit. The same sender may have sent the same id again, and this is the answer to that.
      if (due === undefined) return 'second';
      return named.length > 0 && !isForDue ? 'second' : 'due';
    }
    if (isForDue && named.length === 0) return 'due';
    const among = named.length > 0 ? named : candidates;
    const owed = among.filter((one) => this.#owed.has(one) && !one.isSilent);
    if (owed.length === 0) {
      // A node that has committed a message of that id commits the next one too, before it answers it.
      if (due === undefined) return 'second';
      return isCommitted(due.header) && !among.every(({ isSilent }) => isSilent) ? 'second' : 'due';
    }
    const isRival = due !== undefined && !isCommitted(due.header) && (isForDue || named.length === 0);
    const one = this.#chosen(owed, isRival);
    if (one === undefined) {
      this.#isOrdered = false;
      return 'unclear';
    }
    return this.#tell(one, frame) ? 'told' : 'gone';
  }

  /** Of a message that was not committed, a commit answer may come as well. */
  #takeSilent(silent: readonly Committed[], ack: Ack, frame: Buffer): CommittedMatch {
    const [one] = silent;
    const owner = one?.target?.owner;
    const isClear =
      silent.length === 1 || (owner !== undefined && silent.every((other) => other.target?.owner === owner));
    if (!isNegative(ack.code)) {
      if (isClear && one !== undefined) this.#forget(one);
      return 'known';
    }
    if (!isClear || one === undefined) return 'unclear';
    return this.#tell(one, frame) ? 'told' : 'gone';
  }

  /** When the last answer that somebody waits for is given up; undefined: nobody does. */
  waitsUntil(now: number): number | undefined {
    let last: number | undefined;
    for (const { target, until } of this.#owed)
      if (target?.isThere === true && until > now && (last === undefined || until > last)) last = until;
    return last;
  }

  /** The connection has ended: nothing comes any more. Returns how many senders wait in vain. */
  clear(): number {
    const now = monotonicMs();
    let inVain = 0;
    for (const { target, isCertain, until } of this.#owed) {
      if (target === undefined) continue;
      if (isCertain && target.isThere && until > now) inVain++;
      target.release();
    }
    this.#owed.clear();
    this.#answered.clear();
    this.#byId.clear();
    return inVain;
  }

  /** Undefined: it cannot be told which. `isRivalled`: it could be the answer to a message that is not committed. */
  #chosen(owed: readonly Committed[], isRivalled: boolean): Committed | undefined {
    const [oldest] = owed;
    if (oldest === undefined) return undefined;
    const owner = oldest.target?.owner;
    if (
      !isRivalled &&
      (owed.length === 1 || (owner !== undefined && owed.every((one) => one.target?.owner === owner)))
    )
      return oldest;
    // The order tells only where each of them is answered, and as long as the node keeps to it.
    const now = monotonicMs();
    const isTold = this.#isOrdered && owed.every(({ isCertain, until }) => isCertain && until > now);
    return isTold ? oldest : undefined;
  }

  #tell(committed: Committed, frame: Buffer): boolean {
    for (const one of this.#owed) {
      if (one === committed) break;
      if (one.isCertain) {
        this.#isOrdered = false;
        break;
      }
    }
    this.#owed.delete(committed);
    this.#keepAnswered(committed);
    return committed.target?.tell(frame) === true;
  }

  #keepAnswered(committed: Committed): void {
    this.#answered.add(committed);
    if (this.#answered.size > MAX_ANSWERED) this.#forget(first(this.#answered));
  }

  #index(committed: Committed): void {
    for (const id of idsOf(committed)) {
      const same = this.#byId.get(id);
      if (same === undefined) this.#byId.set(id, [committed]);
      else same.push(committed);
    }
  }

  #forget(committed: Committed | undefined): void {
    if (committed === undefined) return;
    if (this.#owed.delete(committed)) committed.target?.release();
    this.#answered.delete(committed);
    for (const id of idsOf(committed)) {
      const same = this.#byId.get(id);
      if (same === undefined) continue;
      if (same.length === 1) this.#byId.delete(id);
      else same.splice(same.indexOf(committed), 1);
    }
  }
}

function first<T>(all: Iterable<T>): T | undefined {
  for (const one of all) return one;
  return undefined;
}

function namesOf(header: Header): Pick<Committed, 'sender' | 'component'> {
  return { sender: [header.text(3), header.text(4)], component: header.delimiters.component };
}

/** Mirth echoes no more of MSH-10 than its first component. */
function idsOf({ controlId, component }: Committed): readonly string[] {
  const short = firstComponent(controlId, component);
  return short === '' || short === controlId ? [controlId] : [controlId, short];
}

interface Receiver {
  /** MSH-5 and MSH-6 of an answer. */
  readonly names: readonly [application: string, facility: string];
  readonly component: number;
}

/** Undefined: the answer does not say whom it is for. */
function receiverOf(payload: Buffer): Receiver | undefined {
  let header: Header;
  try {
    header = readHeader(payload);
  } catch {
    return undefined;
  }
  if (!header.isMsh || !(header.has(5) || header.has(6))) return undefined;
  return { names: [header.text(5), header.text(6)], component: header.delimiters.component };
}

function isNamedBy({ sender, component }: Committed, receiver: Receiver): boolean {
  return isAddressed(receiver, sender, component);
}

/** Many nodes repeat the first component only. A name that the answer leaves out says nothing. */
function isAddressed(
  { names, component: theirs }: Receiver,
  sender: readonly [string, string],
  component: number,
): boolean {
  return names.every((name, i) => {
    if (name === '') return true;
    const own = sender[i] ?? '';
    return name === own || (firstComponent(name, theirs) === name && name === firstComponent(own, component));
  });
}

/** When all is well, its first answer is a commit (table 0155). */
function isCommitted(header: Header): boolean {
  const accept = header.isMsh ? header.text(15) : '';
  return accept === 'AL' || accept === 'SU';
}

function firstComponent(text: string, component: number): string {
  if (component < 0) return text;
  const end = text.indexOf(String.fromCharCode(component));
  return end < 0 ? text : text.slice(0, end);
}
