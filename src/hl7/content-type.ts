// Content-Type of HL7 over HTTP: read strictly (RFC 9110 8.3.1), which types are HL7, and the charset in both directions.
// Promises that a header which two readers could take for two charsets is refused, not guessed at.
import { charsetOf } from './charset.ts';
import type { Header } from './header.ts';

export interface ContentType {
  /** `type/subtype`, in lower case. */
  readonly type: string;
  /** In their order, none twice: names in lower case, values without quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const TYPE = new RegExp(`${TOKEN}/${TOKEN}`, 'y');
/** RFC 9110 5.6.6, where a parameter may be empty; 5.6.4 for what stands in quotes. Never two ways to read one byte. */
const PARAMETER = new RegExp(
  `[ \\t]*;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*)"))?`,
  'y',
);

/** Few senders and nodes, each with the same one in every message; bounded, as they choose them. */
const MAX_KNOWN = 100;
const MAX_KNOWN_LENGTH = 256;
const known = new Map<string, ContentType>();

/** Undefined: it is none. A parameter that comes twice is taken if both say the same. */
export function parseContentType(header: string): ContentType | undefined {
  const before = known.get(header);
  if (before !== undefined) return before;
  const parsed = parse(header);
  const isKept = parsed !== undefined && header.length <= MAX_KNOWN_LENGTH && known.size < MAX_KNOWN;
  if (isKept) known.set(header, parsed);
  return parsed;
}

function parse(header: string): ContentType | undefined {
  TYPE.lastIndex = 0;
  const type = TYPE.exec(header)?.[0];
  if (type === undefined) return undefined;
  const parameters = new Map<string, string>();
  for (let at = TYPE.lastIndex; at < header.length; at = PARAMETER.lastIndex) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(header);
    if (match === null) return undefined;
    const [, written, token, quoted] = match;
    if (written === undefined) continue;
    const name = written.toLowerCase();
    const value = token ?? quoted?.replace(/\\(.)/gs, '$1') ?? '';
    const before = parameters.get(name);
    if (before !== undefined && !same(name, before, value)) return undefined;
    if (before === undefined) parameters.set(name, value);
  }
  return { type: type.toLowerCase(), parameters };
}

/** RFC 9110 8.3.2: charset names are case-insensitive; of other values only their own definition would say. */
function same(name: string, one: string, other: string): boolean {
  return name === 'charset' ? one.toLowerCase() === other.toLowerCase() : one === other;
}

const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);

/** What `parseContentType` reads back. Values: no control characters but tabs, and none beyond Latin-1. */
export function formatContentType({ type, parameters }: ContentType): string {
  let text = type;
  for (const [name, value] of parameters)
    text += `; ${name}=${WHOLE_TOKEN.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`}`;
  return text;
}

/** `label`: of the charset; undefined where nothing is known of it. */
export function withCharset(type: string, label: string | undefined): string {
  return label === undefined ? type : formatContentType({ type, parameters: new Map([['charset', label]]) });
}

/** The HL7-over-HTTP draft's text, its example, and what HAPI's code sends. */
const HL7_TYPES: ReadonlySet<string> = new Set([
  'application/hl7-v2',
  'application/hl7-v2+er7',
  'x-application/hl7-v2+er7',
]);

/** `type`: without parameters, in any case. */
export function isHl7Type(type: string): boolean {
  return HL7_TYPES.has(type) || HL7_TYPES.has(type.toLowerCase());
}

/** As Node.js calls them where its name would mislead this project's decoding. */
const DECODERS: ReadonlyMap<string, string> = new Map([
  // Who declares Latin-1 means it; charset.ts takes `windows-1252`, its ASCII, for "try UTF-8 first".
  ['windows-1252', 'iso-8859-1'],
  // Its superset, which charset.ts knows to hold delimiters' bytes inside characters.
  ['gbk', 'gb18030'],
]);

/**
 * What decodes a body of that charset, for `decodeText`; undefined if there is no charset parameter (ask `parameters`)
 * or nothing here knows it.
 */
export function charsetOfType({ parameters }: ContentType): string | undefined {
  const label = parameters.get('charset')?.trim().toLowerCase();
  if (label === undefined) return undefined;
  if (label === 'us-ascii' || label === 'ascii') return charsetOf('ASCII');
  try {
    const { encoding } = new TextDecoder(label);
    return DECODERS.get(encoding) ?? encoding;
  } catch {
    // HL7's own names (table 0211) stand here too where a sender copies MSH-18.
    return charsetOf(label);
  }
}

/** Decoders of charset.ts whose IANA name is another. */
const IANA_NAMES: ReadonlyMap<string, string> = new Map([
  ['windows-1252', 'us-ascii'],
  ['windows-1254', 'iso-8859-9'],
]);

/** The charset to declare for a message (IANA name), by what its MSH-18 says; undefined: nothing is known, so nothing is said. */
export function charsetLabel(header: Header): string | undefined {
  if (header.utf16 !== undefined) return header.utf16;
  const { charset } = header;
  if (charset === undefined) return undefined;
  if (charset === 'windows-1252' && /^\s*windows/i.test(header.text(18))) return charset;
  return IANA_NAMES.get(charset) ?? charset;
}
