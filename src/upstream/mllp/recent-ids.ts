// The control ids of the last messages that a connection was given. Promises: a message to which a second answer to one of the
// last 16 could be credited (8, among batches) is recognized, at the price of comparing 32 small integers.
import { alikeKey } from '../../hl7/answers.ts';
import type { Header } from '../../hl7/header.ts';

/**
 * A node says all of a message before it says anything of the next (MLLP R1), so one message would do; more are for nodes
 * that work on several at once, and cost no more than 20 ns.
 */
const MESSAGES = 16;
/** Of one message: its id, and the first component of that. Batches take up to four. */
const SLOTS = MESSAGES * 2;

export class RecentIds {
  /** Of `#ids`, in the same places: most differ here already. 0: empty. */
  readonly #marks = new Int32Array(SLOTS);
  readonly #ids: string[] = new Array<string>(SLOTS).fill('');
  #next = 0;

  /** `byKey`: the node is known to change control ids in its answers (F84). */
  add(header: Header, byKey = false): void {
    const id = header.controlId;
    this.#note(id);
    const other = byKey ? alikeKey(id, header) : firstComponent(id, header);
    if (other !== undefined && other !== id) this.#note(other);
    if (header.batch) this.#note('');
  }

  /** Could a second answer to one of these pass for the answer to that message, as answers are compared? */
  wouldRepeat(header: Header, byKey = false): boolean {
    const id = header.controlId;
    // A batch may be answered by one that names no message.
    if (header.batch && this.#has('')) return true;
    // Without MSH-10 the answer is matched by its place: whoever lets such messages in has asked for that.
    if (id === '') return false;
    const first = firstComponent(id, header);
    if (this.#has(id) || (first !== undefined && this.#has(first))) return true;
    return byKey && this.#has(alikeKey(id, header));
  }

  /**
   * Of an id that `matchAnswer` has found to be that message's: false where it is that of an earlier one too. That is so only
   * for a frame of several messages, which may be answered by the id of any.
   */
  mayAnswer(id: string, header: Header): boolean {
    const own = header.controlId;
    if (id === own || own === '' || (header.batch && id === '') || id === firstComponent(own, header))
      return true;
    if (this.#has(id)) return false;
    this.#note(id);
    return true;
  }

  has(id: string): boolean {
    return id !== '' && this.#has(id);
  }

  #note(id: string): void {
    this.#marks[this.#next] = markOf(id);
    this.#ids[this.#next] = id;
    this.#next = this.#next + 1 === SLOTS ? 0 : this.#next + 1;
  }

  #has(id: string): boolean {
    const mark = markOf(id);
    const marks = this.#marks;
    for (let i = 0; i < SLOTS; i++) if (marks[i] === mark && this.#ids[i] === id) return true;
    return false;
  }
}

/** Mirth echoes no more of MSH-10. Undefined: there is only one. */
function firstComponent(id: string, { delimiters: { component } }: Header): string | undefined {
  if (component < 0) return undefined;
  const end = id.indexOf(String.fromCharCode(component));
  return end < 0 ? undefined : id.slice(0, end);
}

/** Ids of one sender differ at their end, those of several often before it. Never 0. */
function markOf(id: string): number {
  const { length } = id;
  let mark = length | 0x4000_0000;
  for (let i = Math.max(0, length - 8); i < length; i++) mark = Math.imul(mark, 31) + id.charCodeAt(i);
  return mark | 1;
}
