// Which message does an acknowledgement answer? MSA-2 is to be the message's MSH-10, byte for byte (v2.9.1 2.9). Real nodes trim
// it, shorten it and change its case. docs/acknowledgements.md says when such an answer is believed; this file is that rule.
import { type Ack, controlIdsOf, isAcknowledgement, isNegative } from './ack.ts';
import type { Header } from './header.ts';

/** `connections.match` of a pool. */
export type MatchMode = 'lenient' | 'strict' | 'position';

/**
 * Why an acknowledgement is taken for a message's answer.
 * `exact`: MSA-2 is MSH-10. `alike`: they differ as nodes are known to change them (F84). `refusal`: negative, with any MSA-2, and
 * no other message is out that it could be meant for (F85). `position`: the config says that the order tells. `none`: it is not.
 */
export type Match = 'exact' | 'alike' | 'refusal' | 'position' | 'none';

/** `isOnlyOne`: no other message is out on that connection. Only then is a difference no possible mistake. */
export function matchAnswer(ack: Ack, header: Header, mode: MatchMode, isOnlyOne: boolean): Match {
  if (ack.isCodeLoose !== true && isExact(ack, header)) return 'exact';
  if (mode === 'position') return 'position';
  if (mode === 'strict' || !isOnlyOne) return 'none';
  if (isAlike(ack, header)) return 'alike';
  return isNegative(ack.code) ? 'refusal' : 'none';
}

/**
 * For what is told apart among several messages, such as a recording: MSA-2 whole, or its first component, which is all that
 * Mirth echoes.
 */
export function answers(ack: Ack, header: Header): boolean {
  if (isExact(ack, header)) return true;
  const { component } = header.delimiters;
  return (
    ack.controlId !== '' &&
    component >= 0 &&
    header.controlId.startsWith(ack.controlId + String.fromCharCode(component))
  );
}

/** One without a control id can be matched by its place only. */
function isExact(ack: Ack, header: Header): boolean {
  if (header.isControlId(ack.controlId) || header.idEnd === header.idStart) return true;
  // Several messages in one frame (F24) may be answered under any of their ids, or by a batch without one.
  if (!holdsSeveral(header)) return false;
  return (header.batch && ack.controlId === '') || controlIdsOf(header).has(ack.controlId);
}

/** A batch, or more than one MSH. */
function holdsSeveral(header: Header): boolean {
  return header.batch || header.bytes.indexOf('MSH', header.end, 'latin1') >= 0;
}

function isAlike(ack: Ack, header: Header): boolean {
  if (isExact(ack, header) || areAlike(ack.controlId, header.controlId, header)) return true;
  if (!holdsSeveral(header)) return false;
  for (const id of controlIdsOf(header)) if (areAlike(ack.controlId, id, header)) return true;
  return false;
}

/** MSH-10 holds 20 characters before v2.7 (2.14.9.10), and some nodes keep no more. */
const SHORT_ID = 20;
const SHORT_VERSIONS = /^2\.[1-6](?!\d)/;

/**
 * Is this MSA-2 that MSH-10, but for blanks around it, letter case, escape sequences, all behind the first component or
 * repetition, and all behind 20 characters?
 */
function areAlike(answered: string, sent: string, header: Header): boolean {
  const a = plain(answered, header);
  const b = plain(sent, header);
  if (a === '' || b === '') return false;
  if (a === b || a === firstPart(b, header) || firstPart(a, header) === b) return true;
  return SHORT_VERSIONS.test(header.text(12)) && b.length > SHORT_ID && a === shortened(b);
}

/** Two control ids with the same key could be answered by the same MSA-2. By the delimiters of `header`. */
export function alikeKey(id: string, header: Header): string {
  const key = plain(id, header);
  return shortened(firstPart(key, header));
}

function shortened(id: string): string {
  return id.slice(0, SHORT_ID).trimEnd();
}

function plain(id: string, header: Header): string {
  // One character is one byte here, so letters beyond ASCII have no case.
  return unescaped(id.trim(), header).replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** Without what stands behind the first component, repetition or subcomponent (HAPI cuts at each of them). */
function firstPart(id: string, { delimiters: { component, repetition, subcomponent } }: Header): string {
  for (let at = 0; at < id.length; at++) {
    const byte = id.charCodeAt(at);
    if (byte === component || byte === repetition || byte === subcomponent) return id.slice(0, at).trimEnd();
  }
  return id;
}

/** The sequences that stand for delimiters (v2.9.1 2.7.1). */
function unescaped(id: string, { delimiters }: Header): string {
  if (delimiters.escape < 0) return id;
  const sign = String.fromCharCode(delimiters.escape);
  if (!id.includes(sign)) return id;
  const { field, component, repetition, subcomponent } = delimiters;
  let text = id;
  for (const [letter, byte] of [
    ['F', field],
    ['S', component],
    ['R', repetition],
    ['T', subcomponent],
    ['E', delimiters.escape],
  ] as const)
    if (byte >= 0) text = text.replaceAll(`${sign}${letter}${sign}`, String.fromCharCode(byte));
  return text;
}

/** What a node says of a message: something in any case, something where it fails only, or nothing. */
export type Awaited = 'answer' | 'error' | 'nothing';

/**
 * F90: HL7 v2.9.1 2.9.2 and table 0155. Success is told where MSH-15 or MSH-16 is AL or SU, an error where one is AL or ER. Where
 * success means silence, an answer may come all the same: many nodes answer everything.
 */
export function awaitedOf(header: Header, mode: 'always' | 'by-header' | 'never'): Awaited {
  if (mode === 'never') return 'nothing';
  // Nobody has to answer one (2.9.3): what does not come is not missing.
  if (isAcknowledgement(header)) return 'error';
  if (!header.enhanced) return 'answer';
  const accept = header.text(15);
  const application = header.text(16);
  const isNever = accept === 'NE' && (application === 'NE' || application === '');
  if (mode === 'always') return isNever ? 'error' : 'answer';
  if (isNever) return 'nothing';
  return isSilentOnSuccess(accept) && isSilentOnSuccess(application) ? 'error' : 'answer';
}

function isSilentOnSuccess(value: string): boolean {
  return value === 'NE' || value === 'ER' || value === '';
}
