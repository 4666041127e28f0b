// The control ids of the last messages that a connection was given. Promises: a message to which a second answer to one of the
// last 16 could be credited (8, among batches) is recognized, at the price of comparing 32 small integers.
import { alikeKey } from '../../hl7/answers.ts';
import type { Header } from '../../hl7/header.ts';
import { IdRing } from './id-ring.ts';

/**
 * A node says all of a message before it says anything of the next (MLLP R1), so one message would do; more are for nodes
 * that work on several at once, and cost no more than 20 ns.
 */
const MESSAGES = 16;

export class RecentIds {
  /** Of one message: its id, and the first component of that. Batches take up to four. */
  readonly #ids = new IdRing(MESSAGES * 2);

  /** `byKey`: the node is known to change control ids in its answers (F84). */
  add(header: Header, byKey = false): void {
    const { bytes, idStart, idEnd } = header;
    this.#ids.add(bytes, idStart, idEnd);
    if (byKey) {
      const key = alikeKey(header.controlId, header);
      if (key !== header.controlId) this.#ids.addText(key);
    } else {
      const end = endOfFirstComponent(header);
      if (end < idEnd) this.#ids.add(bytes, idStart, end);
    }
    if (header.batch) this.#ids.addText('');
  }

  /** Could a second answer to one of these pass for the answer to that message, as answers are compared? */
  wouldRepeat(header: Header, byKey = false): boolean {
    const { bytes, idStart, idEnd } = header;
    // A batch may be answered by one that names no message.
    if (header.batch && this.#ids.hasText('')) return true;
    // Without MSH-10 the answer is matched by its place: whoever lets such messages in has asked for that.
    if (idEnd === idStart) return false;
    if (this.#ids.has(bytes, idStart, idEnd)) return true;
    const end = endOfFirstComponent(header);
    if (end < idEnd && this.#ids.has(bytes, idStart, end)) return true;
    return byKey && this.#ids.hasText(alikeKey(header.controlId, header));
  }

  /**
   * Of an id that `matchAnswer` has found to be that message's: false where it is that of an earlier one too. That is so only
   * for a frame of several messages, which may be answered by the id of any.
   */
  mayAnswer(id: string, header: Header): boolean {
    if (header.isControlId(id) || header.idEnd === header.idStart || (header.batch && id === '')) return true;
    const end = endOfFirstComponent(header);
    if (end < header.idEnd && id === header.bytes.toString('latin1', header.idStart, end)) return true;
    if (this.#ids.hasText(id)) return false;
    this.#ids.addText(id);
    return true;
  }

  has(id: string): boolean {
    return id !== '' && this.#ids.hasText(id);
  }
}

/** Mirth echoes no more of MSH-10. Where there is only one component, it is the end of the id. */
function endOfFirstComponent({ bytes, idStart, idEnd, delimiters: { component } }: Header): number {
  let at = idStart;
  while (at < idEnd && bytes[at] !== component) at++;
  return at;
}
