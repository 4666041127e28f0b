// Reads a path as the gateway does, and by the slow reference: text, `split`, no offsets. Bytes are held as Latin-1
// strings there, so that `split` can be used on any of them.
import { parseFieldPath, readPath } from '../../src/hl7/field-path.ts';
import { readHeader } from '../../src/hl7/header.ts';

export function read(message: string | Buffer, text: string): string | undefined {
  const path = parseFieldPath(text);
  if (path === undefined) throw new Error(`no path: ${text}`);
  return readPath(readHeader(typeof message === 'string' ? Buffer.from(message, 'utf8') : message), path);
}

const UTF_8 = new TextDecoder('utf-8');
const WINDOWS_1252 = new TextDecoder('windows-1252');
const GREEK = new TextDecoder('iso-8859-7');

/** In this charset a delimiter's byte can be the second half of a character: it is made UTF-8 before anything is split. */
const NOT_SPLITTABLE = 'GB 18030-2000';

/** Of the message that was read last: a test asks for thousands of its paths one after the other. */
let held: { readonly original: string; readonly lines: readonly string[] } = { original: '', lines: [''] };

/** The message's lines, from its MSH on. */
function linesOf(original: string): readonly string[] {
  if (held.original === original) return held.lines;
  const plain = original.startsWith('\xef\xbb\xbf') ? original.slice(3) : original;
  const message = plain.includes(NOT_SPLITTABLE)
    ? Buffer.from(new TextDecoder('gb18030').decode(Buffer.from(plain, 'latin1'))).toString('latin1')
    : plain;
  const lines = message.split(/\r\n|\r|\n/);
  held = { original, lines: lines.slice(lines.findIndex((line) => line.startsWith('MSH'))) };
  return held.lines;
}

export function reference(original: string, text: string): string | undefined {
  const path = parseFieldPath(text);
  if (path === undefined) throw new Error(text);
  const lines = linesOf(original);
  const header = lines[0]?.startsWith('MSH') === true ? lines[0] : '';
  const field = header.charAt(3);
  const declared = header.split(field)[1] ?? '';
  const used = [...declared].map((c, i) => (declared.indexOf(c) === i ? c : undefined));
  const [component, repetition, escapeCharacter, subcomponent, truncation] = used;
  const named = lines.filter((line) => line === path.segment || line.startsWith(path.segment + field));
  const line = named[path.occurrence - 1];
  if (line === undefined) return undefined;
  let fields = line.split(field).slice(1);
  const special = ['MSH', 'FHS', 'BHS'].includes(path.segment);
  if (special) {
    if (line.length === 3) return undefined;
    fields = [field, ...fields];
  }
  const raw = fields[path.field - 1];
  if (raw === undefined) return undefined;
  const charset = /^MSH/.test(header) ? (header.split(field)[17] ?? '') : '';
  if (special && path.field <= 2) {
    const parts = [path.repetition, path.component, path.subcomponent];
    return parts.every((part) => (part ?? 1) === 1) ? raw : undefined;
  }
  const split = (value: string, by: string | undefined): string[] =>
    by === undefined ? [value] : value.split(by);
  const letters: Record<string, string | undefined> = {
    F: field,
    S: component,
    T: subcomponent,
    R: repetition,
    E: escapeCharacter,
    P: truncation,
    H: '',
    N: '',
    '.br': '\n',
  };
  const decoded = (leaf: string): string => {
    if (escapeCharacter === undefined) return leaf;
    const pieces = leaf.split(escapeCharacter);
    let out = pieces[0] ?? '';
    for (let i = 1; i < pieces.length; i += 2) {
      const inside = pieces[i] ?? '';
      if (i + 1 === pieces.length) return out + escapeCharacter + inside;
      const known = Object.hasOwn(letters, inside) ? letters[inside] : undefined;
      if (/^X([0-9A-Fa-f]{2})+$/.test(inside)) out += Buffer.from(inside.slice(1), 'hex').toString('latin1');
      else out += known ?? escapeCharacter + inside + escapeCharacter;
      out += pieces[i + 1] ?? '';
    }
    return out;
  };
  const leaves = split(raw, repetition).map((r) =>
    split(r, component).map((c) => split(c, subcomponent).map(decoded)),
  );
  const showComponent = (subs: string[]): string => subs.join('&');
  const showRepetition = (components: string[][]): string => components.map(showComponent).join('^');
  let value: string | undefined;
  if (path.component === undefined) {
    const one = leaves[(path.repetition ?? 1) - 1];
    value = path.repetition === undefined ? leaves.map(showRepetition).join('~') : one && showRepetition(one);
  } else {
    const subs = leaves[(path.repetition ?? 1) - 1]?.[path.component - 1];
    value = path.subcomponent === undefined ? subs && showComponent(subs) : subs?.[path.subcomponent - 1];
  }
  if (value === undefined) return undefined;
  const bytes = Buffer.from(value, 'latin1');
  if (charset === '8859/1') return WINDOWS_1252.decode(bytes);
  if (charset === '8859/7') return GREEK.decode(bytes);
  const utf8 = UTF_8.decode(bytes);
  return charset === '' && utf8.includes('\ufffd') ? WINDOWS_1252.decode(bytes) : utf8;
}
