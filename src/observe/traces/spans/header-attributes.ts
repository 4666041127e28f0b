// What a message's header says, as attributes of its root span. Promises text that people can read and search for, whatever
// its charset, and nothing that a page or a terminal would take for more than text.
import { decodeText } from '../../../hl7/charset.ts';
import type { Header } from '../../../hl7/header.ts';
import { MAX_IDENTIFIER } from '../../log/loggable.ts';
import type { AttributeKey } from '../../otlp/proto-writer.ts';
import type { Identifiers } from '../identifiers.ts';
import type { SpanWriter } from '../span-writer.ts';
import {
  CONTROL_ID,
  MESSAGE_STRUCTURE,
  MESSAGE_TYPE,
  RECEIVING_APPLICATION,
  RECEIVING_FACILITY,
  SENDING_APPLICATION,
  SENDING_FACILITY,
  VERSION,
} from './attributes.ts';

/** A character has four bytes at most, and all that is cut off needs no decoding. */
const MAX_BYTES = 4 * (MAX_IDENTIFIER + 1);

/** A field that is empty says nothing, and is left out. */
export function putHeader(out: SpanWriter, header: Header, identifiers: Identifiers): void {
  putMessageType(out, header);
  if (identifiers.hashesControlIds) out.put(CONTROL_ID, identifiers.controlId(header.text(10)));
  else putField(out, CONTROL_ID, header, 10);
  putField(out, VERSION, header, 12);
  putField(out, SENDING_APPLICATION, header, 3);
  putField(out, SENDING_FACILITY, header, 4);
  putField(out, RECEIVING_APPLICATION, header, 5);
  putField(out, RECEIVING_FACILITY, header, 6);
}

/** A field of the header as its attribute would have it; empty: it says nothing. */
export function fieldText(header: Header, n: number): string {
  return readable(header.bytes.subarray(header.fieldStart(n), header.fieldEnd(n)), header);
}

function putField(out: SpanWriter, key: AttributeKey, header: Header, n: number): void {
  putText(out, key, header, header.fieldStart(n), header.fieldEnd(n));
}

/** `ADT^A01`, and its third component by itself: senders of one event need not agree on whether to name the structure. */
function putMessageType(out: SpanWriter, header: Header): void {
  const { bytes, delimiters } = header;
  const start = header.fieldStart(9);
  const end = partEnd(bytes, start, header.fieldEnd(9), delimiters.repetition);
  const code = partEnd(bytes, start, end, delimiters.component);
  const event = partEnd(bytes, Math.min(code + 1, end), end, delimiters.component);
  const hasEvent = event > code + 1;
  if (hasEvent && delimiters.component !== CARET)
    out.put(
      MESSAGE_TYPE,
      `${readable(bytes.subarray(start, code), header)}^${readable(bytes.subarray(code + 1, event), header)}`,
    );
  else putText(out, MESSAGE_TYPE, header, start, hasEvent ? event : code);
  const from = Math.min(event + 1, end);
  putText(out, MESSAGE_STRUCTURE, header, from, partEnd(bytes, from, end, delimiters.component));
}

const CARET = 0x5e;

function partEnd(bytes: Uint8Array, from: number, to: number, delimiter: number): number {
  for (let at = from; at < to; at++) if (bytes[at] === delimiter) return at;
  return to;
}

/** Without making a string of what is a short text of printable ASCII. */
function putText(out: SpanWriter, key: AttributeKey, header: Header, from: number, to: number): void {
  if (!out.putPrintable(key, header.bytes, from, to))
    out.put(key, readable(header.bytes.subarray(from, to), header));
}

/**
 * As `loggable`, but in the message's charset, else as UTF-8 where it is that: only what is no character to be seen is
 * escaped, and the bound counts characters.
 */
function readable(bytes: Buffer, { charset }: Header): string {
  const characters = Array.from(decodeText(bytes.subarray(0, MAX_BYTES), charset));
  const isCut = bytes.length > MAX_BYTES || characters.length > MAX_IDENTIFIER;
  return `${characters.slice(0, MAX_IDENTIFIER).join('').replace(UNSEEN, escaped)}${isCut ? '…' : ''}`;
}

/** Controls, marks that turn the direction of text, halves of surrogate pairs, what Unicode has not assigned. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xff ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16).padStart(2, '0')}`;
}
