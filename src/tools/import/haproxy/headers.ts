// Header and path rules of requests and responses, as `http` of our routes. Promises that a value with anything in it that the
// gateway cannot fill in is left out as a whole: half a header is worse than none.
import { isToken, isUrlPath } from '../../../config/formats.ts';
import { type DraftMap, put, taken } from '../draft.ts';
import { rewriteRegex } from '../match.ts';
import { requestVariable } from '../spelling.ts';

export interface HttpChange {
  readonly kind: 'set' | 'add' | 'remove' | 'path';
  readonly way: 'request' | 'response';
  /** Of the header; of a path the regex. */
  readonly name: string;
  readonly value: string;
  /** What stands behind it: `if …`. */
  readonly condition: readonly string[];
}

export type HttpRule = HttpChange | { readonly why: string } | 'inherent' | undefined;

/** The gateway makes these itself. */
const OWN =
  /^(connection|content-length|expect|http2-settings|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/;
const FORWARDING = /^(forwarded|x-forwarded-(for|host|port|proto))$/;
const KINDS: Readonly<Record<string, HttpChange['kind']>> = {
  'set-header': 'set',
  'add-header': 'add',
  'del-header': 'remove',
};

/** Undefined: it is no such rule. */
export function httpRule(words: readonly string[]): HttpRule {
  const [first = '', action = '', ...rest] = words;
  const old = oldRule(first, words);
  if (old !== undefined) return old;
  if (!/^http-(request|response|after-response)$/.test(first)) return undefined;
  const way = first === 'http-request' ? 'request' : 'response';
  const kind = KINDS[action];
  if (kind !== undefined) {
    const [name = '', value = ''] = rest;
    if (kind === 'remove') {
      if (value === '-m') return { why: 'headers are removed by their whole name' };
      return change({ kind, way, name, value: '', condition: rest.slice(1) });
    }
    return change({ kind, way, name, value, condition: rest.slice(2) });
  }
  if (way === 'request' && /^(set-path|replace-path)$/.test(action)) return pathRule(action, rest);
  return undefined;
}

/** `reqadd`, `rspadd`, `reqdel`, `rspdel` of versions before 2.1. */
function oldRule(first: string, words: readonly string[]): HttpRule {
  const [, side, what] = /^(req|rsp)(add|i?del)$/.exec(first) ?? [];
  if (side === undefined) return undefined;
  const way = side === 'req' ? 'request' : 'response';
  const text = words[1] ?? '';
  const condition = words.slice(2);
  if (what === 'add') {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/s.exec(text) ?? [];
    return change({ kind: 'add', way, name, value: value.replaceAll('%', '%%'), condition });
  }
  const name = /^\^?([\w-]+)(:.*)?$/s.exec(text)?.[1];
  if (name === undefined) return { why: 'headers are removed by their whole name' };
  return change({ kind: 'remove', way, name, value: '', condition });
}

function change(rule: HttpChange): HttpRule {
  const name = rule.name.toLowerCase();
  if (!isToken(rule.name)) return { why: 'that is no name of a header' };
  const plain = name.replaceAll('_', '-');
  if (OWN.test(plain)) return 'inherent';
  if (rule.way === 'request' && FORWARDING.test(plain)) return 'inherent';
  const isOnlySet = plain === 'host' ? rule.kind !== 'set' : plain === 'cookie' && rule.kind === 'add';
  if (rule.way === 'request' && isOnlySet) return { why: `${plain} can be set only` };
  if (rule.kind === 'remove') return rule;
  const value = filled(rule.value.trim());
  if (value === undefined) return { why: 'its value is made of what the gateway cannot fill in' };
  if (rule.way === 'request' && plain === 'host' && !/^[\w.-]+(:\d{1,5})?$/.test(value))
    return { why: 'that is no host' };
  return { ...rule, value };
}

const FETCHES: Readonly<Record<string, string>> = {
  src: 'client.address',
  'unique-id': 'request.id',
  uuid: 'request.id',
  'uuid()': 'request.id',
  ssl_c_s_dn: 'tls.subject',
};
const VARIABLES: Readonly<Record<string, string>> = { ci: 'client.address', ID: 'request.id', s: 'node' };

/** Undefined: something in it has no counterpart. */
function filled(value: string): string | undefined {
  let good = true;
  const text = value.replace(
    /%(%|(?:\{[^}]*\})?\[([^\]]*)\]|(?:\{[^}]*\})?([A-Za-z]+)|)/g,
    (_whole, sign, fetch, word) => {
      if (sign === '%') return '%';
      const [name = ''] = String(fetch ?? '').split(',');
      const variable = fetch === undefined ? VARIABLES[word ?? ''] : FETCHES[name];
      if (variable === undefined) good = false;
      return requestVariable(variable ?? '');
    },
  );
  const isText = /^[\t\x20-\x7e\uE000-\uE002]*$/.test(text) && text.length <= 4000 && !text.includes('${');
  return good && isText && text !== '' ? text : undefined;
}

function pathRule(action: string, rest: readonly string[]): HttpRule {
  if (action === 'replace-path') {
    const [source = '', to = ''] = rest;
    // The whole path becomes it, whatever part the regex matches.
    const whole = `${source.startsWith('^') ? '' : '^.*?'}(?:${source})${/(\.\*\)?|\$)$/.test(source) ? '' : '.*$'}`;
    return pathChange(
      /^\^?\(\.\*\)\$?$/.test(source) ? source : whole,
      to.replace(/\\([1-9])/g, '$$$1'),
      rest.slice(2),
    );
  }
  const [format = ''] = rest;
  const [, source, to] = /^%\[path,regsub\(\\?"?([^,"]+)"?,\\?"?([^,")]*)"?\)\]$/.exec(format) ?? [];
  if (source !== undefined)
    return pathChange(source, (to ?? '').replace(/\\([1-9])/g, '$$$1'), rest.slice(1));
  const [, before] = /^(\/[^%]*)%\[path\]$/.exec(format) ?? [];
  if (before !== undefined) return pathChange('^(.*)$', `${before.replace(/\/$/, '')}$1`, rest.slice(1));
  if (format.startsWith('/') && !format.includes('%')) return pathChange('^.*$', format, rest.slice(1));
  return { why: 'its path is made of what the gateway cannot fill in' };
}

function pathChange(source: string, to: string, condition: readonly string[]): HttpRule {
  const regex = rewriteRegex(source);
  // The whole path by a group of its own begins with the slash already.
  const whole = /^\/\$1$/.test(to) && /^\^?\(\.\*\)\$?$/.test(source) ? '$1' : to === '' ? '/' : to;
  const groups = source.match(/(?<!\\)\((?!\?)/g)?.length ?? 0;
  const named = [...whole.matchAll(/\$([1-9])/g)].map(([, digit]) => Number(digit));
  const plain = whole.replaceAll(/\$[1-9]/g, 'group');
  const begins = /^\$[1-9]/.test(whole) ? `/${plain}` : plain;
  const isPath = isUrlPath(begins) && !plain.includes('$') && !/(^|\/)(\.|%2e){1,2}(\/|$)/i.test(begins);
  if (regex === undefined || !isPath || whole.length > 200 || named.some((n) => n > groups))
    return { why: 'its regex, or what it makes, is none that rewrite.path takes' };
  return { kind: 'path', way: 'request', name: regex, value: whole, condition };
}

/** Into `http` of a route. False: there is one already where there can be one only. */
export function applyChange(route: DraftMap, { kind, way, name, value }: HttpChange): boolean {
  if (kind === 'path') {
    if (taken(route, 'http.rewrite.path') !== undefined) return false;
    put(route, 'http.rewrite.path', [name, value]);
    return true;
  }
  const path = `http.${way}.${kind}`;
  const before = taken(route, path);
  if (kind === 'remove') {
    const list = Array.isArray(before) ? (before as string[]) : [];
    if (!list.includes(name)) put(route, path, [...list, name]);
    return true;
  }
  const map = (before ?? {}) as DraftMap;
  const same = Object.keys(map).find((key) => key.toLowerCase() === name.toLowerCase());
  if (same !== undefined && kind === 'add') return map[same] === value;
  const { [same ?? '']: _old, ...others } = map;
  put(route, path, { ...others, [name]: value });
  return true;
}
