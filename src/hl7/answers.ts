// Does an acknowledgement answer a message? MSA-2 must be the message's MSH-10, byte for byte (v2.9.1 2.9), with the two
// exceptions that real nodes and batches need. Whatever carries the two, nothing is credited to anything else.
import { type Ack, controlIdsOf } from './ack.ts';
import type { Header } from './header.ts';

/**
 * F35: does this acknowledgement answer that message? One without a control id can be matched by its place only. Mirth
 * echoes no more of MSH-10 than its first component.
 */
export function answers(ack: Ack, header: Header): boolean {
  const id = header.controlId;
  if (ack.controlId === id || id === '') return true;
  const { component } = header.delimiters;
  if (ack.controlId !== '' && component >= 0 && id.startsWith(ack.controlId + String.fromCharCode(component)))
    return true;
  // Several messages in one frame (F24) may be answered under any of their ids, or by a batch without one.
  if (!header.batch && header.bytes.indexOf('MSH', header.end, 'latin1') < 0) return false;
  return (header.batch && ack.controlId === '') || controlIdsOf(header).has(ack.controlId);
}
