// Header fields as flat lists: name, value, name, value. What ends at the gateway is taken out, the rest stays in order.
// Promises that `Connection` can name no field that says where a message ends, or who sent it (F59), and that no name
// passes which a node could take for one of those (F58).

export type HeaderFields = string[];

/** RFC 9110 7.6.1, and Proxy-Connection, which old clients send. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** A sender that names these as its own hop's would change what the node sees of everybody's requests. */
const NEVER_BY_NAME = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'authorization',
  'cookie',
  'set-cookie',
  'cache-control',
  'date',
  'location',
  'origin',
]);

export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/** The name as CGI and its heirs read it, to which `_` and `-` are the same (RFC 3875 4.1.18). */
export function plainName(name: string): string {
  return name.includes('_') ? name.replaceAll('_', '-') : name;
}

/** F58: `Content_Length`, `Transfer_Encoding` and so on: what they say, the gateway has not read. */
function isTwin(name: string): boolean {
  const plain = plainName(name);
  return plain !== name && (HOP_BY_HOP.has(plain) || NEVER_BY_NAME.has(plain));
}

/**
 * The fields that go on to the next hop. `drop`: more names to leave out. Names come out in lower case, as in HTTP/2.
 *
 * @param raw as in Node.js's `rawHeaders`; pseudo-fields of HTTP/2 are left out
 */
export function endToEnd(raw: readonly string[], drop: (name: string) => boolean): HeaderFields {
  const out: HeaderFields = [];
  let named: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = lowerCase(raw[i] as string);
    if (name === 'connection') named = namedBy(raw[i + 1] as string, named);
    if (HOP_BY_HOP.has(name) || name.charCodeAt(0) === 0x3a || isTwin(name) || drop(name)) continue;
    out.push(name, raw[i + 1] as string);
  }
  return named === undefined ? out : without(out, named);
}

/** RFC 9110 7.6.1: those that `Connection` names, behind the body as before it. Undefined: none. */
export function namedByConnection(raw: readonly string[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2)
    if (lowerCase(raw[i] as string) === 'connection') named = namedBy(raw[i + 1] as string, named);
  return named;
}

function namedBy(value: string, before: Set<string> | undefined): Set<string> | undefined {
  const text = value.toLowerCase();
  if (text === 'keep-alive' || text === 'close' || text === 'upgrade') return before;
  const names = before ?? new Set<string>();
  for (const part of text.split(',')) {
    const name = part.trim();
    if (name !== '' && !NEVER_BY_NAME.has(name) && !name.startsWith('x-forwarded') && name !== 'forwarded')
      names.add(name);
  }
  return names;
}

function without(fields: HeaderFields, names: ReadonlySet<string>): HeaderFields {
  const out: HeaderFields = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (!names.has(fields[i] as string)) out.push(fields[i] as string, fields[i + 1] as string);
  }
  return out;
}

/** All values of a field, joined as RFC 9110 5.3 has it. */
export function fieldValue(raw: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const one = raw[i] as string;
    if (one.length !== name.length || lowerCase(one) !== name) continue;
    // RFC 6265 5.4: HTTP/2 clients may send their cookies in several fields (RFC 9113 8.2.3).
    const joint = name === 'cookie' ? '; ' : ', ';
    value = value === undefined ? (raw[i + 1] as string) : `${value}${joint}${raw[i + 1]}`;
  }
  return value;
}

/** Field names are few and come again and again; bounded, as senders choose them. */
const MAX_KNOWN = 1000;
const known = new Map<string, string>();

export function lowerCase(name: string): string {
  let lower = known.get(name);
  if (lower === undefined) {
    lower = name.toLowerCase();
    if (known.size < MAX_KNOWN) known.set(name, lower);
  }
  return lower;
}
