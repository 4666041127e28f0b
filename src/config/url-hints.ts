// What is probably wrong with a text that was to be the address of a node. Promises reasons that repeat nothing of the text, as
// it may have come from a secret; what was meant is shown on its own.
import { closest } from './source/closest.ts';
import { quoted } from './source/problem.ts';

export interface UrlHint {
  /** Without anything of the text. */
  readonly reason: string;
  /** The address that it should have been, where that can be told. */
  readonly meant?: string;
}

const SCHEMES: readonly string[] = ['mllp', 'mllps', 'http', 'https'];
/** Those of a pool's nodes. */
const POOL_SCHEMES: readonly string[] = [...SCHEMES, 'tcp', 'tls'];

/** What other products call MLLP, plain and over TLS. */
const PLAIN = ['tcp', 'hl7', 'hl7v2', 'llp', 'mllp+tcp', 'tcp+mllp', 'mllp-tcp'];
const SECURED = [
  'tls',
  'ssl',
  'hl7s',
  'mllp+tls',
  'mllp+ssl',
  'mllp-tls',
  'tls+mllp',
  'mllptls',
  'tcps',
  'tcp+tls',
];

export interface UrlHintOptions {
  /** The text came from elsewhere, and nothing of it is repeated. */
  readonly outside?: boolean;
  /** It is an address to listen at: port 0 is any free one, and there is no path. */
  readonly isToListen?: boolean;
  /** It is that of a pool's node. */
  readonly isOfPool?: boolean;
}

/** A sentence's end. */
export function urlHintText(text: string, { outside = false, ...more }: UrlHintOptions = {}): string {
  const hint = urlHint(text, more);
  if (hint === undefined) return '';
  const meant = outside || hint.meant === undefined ? '' : `; did you mean ${quoted(hint.meant)}?`;
  return `; ${hint.reason}${meant}`;
}

/** Undefined: nothing that people often get wrong. */
export function urlHint(
  text: string,
  { isToListen = false, isOfPool = false }: UrlHintOptions = {},
): UrlHint | undefined {
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === undefined) {
    const isAddress = /^(\[[0-9A-Fa-f:.]+\]|[\w.-]+):\d{1,5}$/.test(text);
    return isAddress
      ? { reason: 'the scheme is missing', meant: `mllp://${text}` }
      : { reason: 'the scheme is missing' };
  }
  const known = (isOfPool ? POOL_SCHEMES : SCHEMES).find((one) => one === scheme);
  if (known === undefined)
    return { reason: 'the scheme is not known', ...meantBy(scheme.toLowerCase(), rest) };
  if (/@/.test(rest)) return { reason: 'it takes no user and password' };
  const isHttp = known.startsWith('http');
  const [, host = '', port] = /^(\[[^\]]*\]|[^:/]*)(?::(\d*))?/.exec(rest) ?? [];
  if (host === '') return { reason: 'the host is missing' };
  if (port !== undefined && port !== '') {
    if (Number(port) > 65_535 || (Number(port) < 1 && !isToListen))
      return { reason: 'a port is from 1 to 65535' };
  } else if (!isHttp || port === '') {
    return {
      reason: 'the port is missing',
      ...(known.startsWith('mllp') ? { meant: `${known}://${host}:2575` } : {}),
    };
  }
  if (!isHttp && /\/./.test(rest)) return { reason: 'a path is for http:// and https:// only' };
  if (isToListen && /[/?#]/.test(rest)) return { reason: 'it takes no path' };
  return undefined;
}

function meantBy(scheme: string, rest: string): { readonly meant?: string } {
  if (rest.includes('@')) return {};
  const meant = SECURED.includes(scheme)
    ? 'mllps'
    : PLAIN.includes(scheme)
      ? 'mllp'
      : closest(scheme, SCHEMES);
  return meant === undefined ? {} : { meant: `${meant}://${rest}` };
}
