// `option httpchk`, `http-check`, `tcp-check` and what servers say of checks, as `health` of a pool.
// Promises one type of check for the pool, with a URL for each node where they are asked at different places.

import { regexTrouble } from '../../../config/build/conditions.ts';
import { isToken } from '../../../config/formats.ts';
import { type DraftMap, type DraftProtocol, put } from '../draft.ts';
import { durationOf, holdsVariable } from '../spelling.ts';
import type { ServerRead } from './server.ts';

export interface CheckRead {
  type: 'tcp' | 'http' | 'tls';
  method: string;
  path: string;
  readonly headers: DraftMap;
  status?: string;
  body?: string;
  timeoutMs?: number;
}

export function newCheck(): CheckRead {
  return { type: 'tcp', method: 'OPTIONS', path: '/', headers: {} };
}

/** Undefined: it is no directive of a check. A text: what of it has no counterpart; empty: nothing. */
export function readCheck(check: CheckRead, words: readonly string[]): string | undefined {
  const [first, second = '', ...rest] = words;
  if (first === 'option' && second === 'httpchk') {
    check.type = 'http';
    const [one, two] = rest;
    if (one !== undefined) {
      const ofMethod = two === undefined && one.startsWith('/');
      return readRequest(
        check,
        ofMethod ? 'GET' : one,
        ofMethod ? one : (two ?? '/'),
        rest.slice(2).join(' '),
      );
    }
    return '';
  }
  if (first === 'option' && second === 'tcp-check') return '';
  if (first === 'option' && second === 'ssl-hello-chk') {
    check.type = 'tls';
    return '';
  }
  if (first === 'http-check') return readHttpCheck(check, second, rest);
  if (first === 'tcp-check') return second === 'connect' && rest.length === 0 ? '' : undefined;
  return undefined;
}

/** `GET /health HTTP/1.1\r\nHost: mirth`. */
function readRequest(check: CheckRead, method: string, path: string, version: string): string {
  if (!/^(GET|HEAD|OPTIONS|POST)$/.test(method)) return 'its method is none of GET, HEAD, OPTIONS, POST';
  if (!/^\/[!-~]*$/.test(path) || holdsVariable(path) || path.length > 200) return 'it names no path';
  check.method = method;
  check.path = path;
  const [, ...lines] = version.split('\r\n');
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/s.exec(line) ?? [];
    if (line !== '' && !addHeader(check, name, value))
      return 'a header of it is none that health.headers takes';
  }
  return '';
}

function readHttpCheck(check: CheckRead, action: string, rest: readonly string[]): string | undefined {
  if (action === 'send') {
    let [method, path] = [check.method === 'OPTIONS' ? 'GET' : check.method, check.path];
    for (let i = 0; i < rest.length; i++) {
      const word = rest[i];
      if (word === 'meth') method = rest[++i] ?? method;
      else if (word === 'uri') path = rest[++i] ?? path;
      else if (word === 'ver') i += 1;
      else if (word === 'hdr') {
        if (!addHeader(check, rest[i + 1] ?? '', rest[i + 2] ?? ''))
          return 'a header of it is none that health.headers takes';
        i += 2;
      } else return 'a request with a body has no counterpart';
    }
    return readRequest(check, method, path, '');
  }
  if (action !== 'expect') return undefined;
  const [what, value = ''] = rest;
  if (what === 'status') {
    if (!/^\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*$/.test(value)) return 'it names no status';
    check.status = value.replaceAll(',', ', ');
    return '';
  }
  if (what === 'rstatus') {
    const classes =
      /^\^?(?:\(?([1-5](?:\|[1-5])*)\)?|\[([1-5])-?([1-5])\])(?:\.\.|\[0-9\]\[0-9\]|\[0-9\]\{2\}|\\d\\d)?\$?$/.exec(
        value,
      );
    const [, list, from, to] = classes ?? [];
    if (list !== undefined)
      check.status = list
        .split('|')
        .map((digit) => `${digit}00-${digit}99`)
        .join(', ');
    else if (from !== undefined && Number(from) <= Number(to)) check.status = `${from}00-${to}99`;
    else return 'its regex is no range of status codes';
    return '';
  }
  if (what === 'string' || what === 'rstring') {
    if (value === '' || value.length > 180 || holdsVariable(value) || /[\r\n]/.test(value))
      return 'it names no text';
    const isRegex = what === 'rstring' || value.startsWith('/');
    const source = what === 'rstring' ? value : value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    if (isRegex && regexTrouble(source, '', true) !== undefined) return 'its regex is none of RE2';
    check.body = isRegex ? `/${source}/` : value;
    return '';
  }
  return undefined;
}

function addHeader(check: CheckRead, name: string, value: string): boolean {
  if (
    !isToken(name) ||
    value === '' ||
    value.length > 200 ||
    !/^[\x20-\x7e]+$/.test(value) ||
    value.includes('${')
  )
    return false;
  if (/^(connection|content-length)$/i.test(name)) return true;
  if (Object.keys(check.headers).some((key) => key.toLowerCase() === name.toLowerCase())) return false;
  check.headers[name] = value.trim();
  return true;
}

interface CheckedNode {
  readonly server: ServerRead;
  readonly map: DraftMap;
}

/** Into `health` of the pool and `healthUrl` of its nodes. Returns what has to be said of it. */
export function applyCheck(
  pool: DraftMap,
  nodes: readonly CheckedNode[],
  check: CheckRead,
  protocol: DraftProtocol,
): string[] {
  const notes: string[] = [];
  const checked = nodes.filter(({ server }) => server.isChecked);
  const [first] = checked;
  if (first === undefined) {
    put(pool, 'health.type', 'none');
    return [];
  }
  if (checked.length < nodes.length) notes.push('some servers have no check; all nodes are checked here');
  const ports = new Set(checked.map(({ server }) => server.checkPort));
  const isElsewhere = [...ports].some((port) => port !== undefined);
  const isSecured = (server: ServerRead): boolean =>
    server.isCheckSecured || (server.isSecured && !isElsewhere);
  if (check.type === 'http') {
    applyHttp(pool, nodes, check, protocol === 'http' && !isElsewhere, isSecured);
  } else {
    const [port] = ports;
    if (check.type === 'tls' && !first.server.isSecured) {
      put(pool, 'health.type', 'tls');
      put(pool, 'health.tls.insecure', true);
    }
    if (isElsewhere) {
      if (ports.size > 1) notes.push('servers are checked at different ports; nodes have one health.port');
      const one = port ?? [...ports].find((each) => each !== undefined);
      put(pool, 'health.type', 'tcp');
      if (one !== undefined) put(pool, 'health.port', one);
    }
    if (checked.some(({ server }) => server.checkHost !== undefined))
      notes.push('addr: nodes are checked at their own host');
  }
  for (const [key, name] of [
    ['inter', 'interval'],
    ['fastinter', 'fastInterval'],
    ['rise', 'rise'],
    ['fall', 'fall'],
  ] as const) {
    const value = checked.map(({ server }) => server.ofPool.get(key)).find((each) => each !== undefined);
    if (value !== undefined)
      put(
        pool,
        `health.${name}`,
        key === 'rise' || key === 'fall' ? value : (durationOf(Number(value)) ?? '1s'),
      );
  }
  const timeout = durationOf(check.timeoutMs);
  if (timeout !== undefined) put(pool, 'health.timeout', timeout);
  return notes;
}

function applyHttp(
  pool: DraftMap,
  nodes: readonly CheckedNode[],
  check: CheckRead,
  isOfNode: boolean,
  isSecured: (server: ServerRead) => boolean,
): void {
  put(pool, 'health.type', 'http');
  if (check.method !== 'GET') put(pool, 'health.method', check.method);
  if (isOfNode && nodes.every(({ server }) => server.checkHost === undefined))
    put(pool, 'health.path', check.path);
  else {
    for (const { server, map } of nodes) {
      const asked = server.checkPort ?? (server.isChecked ? undefined : nodes[0]?.server.checkPort);
      const port = asked === undefined ? server.port : `:${asked}`;
      // A port that goes by the client's is none to ask for here.
      if (/^:[+-]/.test(port)) continue;
      const scheme = isSecured(server) ? 'https' : 'http';
      const host = server.checkHost ?? server.host;
      put(
        map,
        'healthUrl',
        `${scheme}://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}${port}${check.path}`,
      );
    }
    if (nodes.some(({ map }) => map.healthUrl === undefined))
      put(pool, 'health.url', `http://{host}${check.path}`);
    const insecure = nodes.some(({ server }) => server.isCheckSecured && !server.isSecured);
    if (insecure) put(pool, 'health.tls.insecure', true);
  }
  if (Object.keys(check.headers).length > 0) put(pool, 'health.headers', check.headers);
  if (check.status !== undefined) put(pool, 'health.status', check.status);
  if (check.body !== undefined) put(pool, 'health.body', check.body);
}
