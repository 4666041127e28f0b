// `location` blocks of a server in the order in which nginx decides: what is equal, what begins so (`^~`), regexes, the longest
// beginning. And what is changed on the way to and from where a location leads.
import type { ConfigDraft, DraftMap } from '../draft.ts';
import { applyChange, type HttpChange, httpRule } from '../haproxy/headers.ts';
import type { ImportLedger } from '../ledger.ts';
import { matchTest, rewriteRegex } from '../match.ts';
import type { DraftTest } from '../requirement.ts';
import { escapedForRegex } from '../spelling.ts';
import type { NginxDirective, Surroundings } from './blocks.ts';

export interface NginxLocation {
  readonly block: NginxDirective;
  /** Undefined: every path. */
  readonly path: DraftTest | undefined;
  /** How it begins, where it goes by that. */
  readonly prefix: string | undefined;
}

/** Those that cannot be told by a condition are left, with their place. */
export function orderedLocations(server: NginxDirective, ledger: ImportLedger): NginxLocation[] {
  const found: { location: NginxLocation; rank: number; length: number }[] = [];
  for (const block of server.children ?? []) {
    if (block.name !== 'location') continue;
    const [sign = '', text = sign] = block.args;
    const kind = block.args.length > 1 ? sign : '';
    const isRegex = kind === '~' || kind === '~*';
    if (kind === '' && text.startsWith('@')) {
      ledger.left(block, 'places that only nginx itself goes to have no counterpart');
      continue;
    }
    const match = kind === '=' ? 'exact' : isRegex ? 'regex' : 'begins';
    const isAll = !isRegex && kind !== '=' && text === '/';
    const path = isAll ? undefined : matchTest('path', match, text, kind === '~*');
    if (!isAll && path === undefined) {
      ledger.left(block, 'its path is none that a condition can have');
      continue;
    }
    ledger.translated(block);
    const rank = kind === '=' ? 0 : kind === '^~' ? 1 : isRegex ? 2 : 3;
    found.push({
      location: { block, path, prefix: isRegex ? undefined : text },
      rank,
      length: isRegex ? 0 : text.length,
    });
  }
  found.sort((one, other) => one.rank - other.rank || other.length - one.length);
  return found.map(({ location }) => location);
}

/** Headers and paths, into the route. */
export function applyHttp(
  route: DraftMap,
  around: Surroundings,
  { prefix }: NginxLocation,
  target: string,
  ledger: ImportLedger,
): void {
  for (const directive of around.all('proxy_set_header')) {
    const [name = '', value = ''] = directive.args;
    if (/^host$/i.test(name) && /^\$(host|http_host|host:\$server_port)$/.test(value))
      ledger.inherent(directive);
    else apply(route, directive, value === '' ? 'del-header' : 'set-header', 'request', name, value, ledger);
  }
  for (const directive of around.all('add_header'))
    apply(
      route,
      directive,
      'add-header',
      'response',
      directive.args[0] ?? '',
      directive.args[1] ?? '',
      ledger,
    );
  for (const directive of around.all('proxy_hide_header'))
    apply(route, directive, 'del-header', 'response', directive.args[0] ?? '', '', ledger);
  for (const directive of around.all('rewrite')) {
    const [source = '', to = '', flag] = directive.args;
    const regex = rewriteRegex(source);
    const isPath =
      /^(\/|\$[1-9])[\w/$.~-]*$/.test(to) && !/\$(?![1-9])/.test(to) && !/(^|\/)\.{1,2}(\/|$)/.test(to);
    if (
      regex === undefined ||
      !isPath ||
      !/^(break|last)$/.test(flag ?? 'break') ||
      !applyChange(route, rewritten(regex, to))
    )
      ledger.left(directive, 'this rewrite has no counterpart, or there is one already');
    else ledger.translated(directive);
  }
  // A path behind the address takes the place of what the location is called.
  const path = /^[^/]*(\/.*)$/.exec(target)?.[1];
  if (path !== undefined && prefix !== undefined && path !== prefix && /^[\w/.~-]+$/.test(path))
    applyChange(route, rewritten(`^${escapedForRegex(prefix)}`, path));
}

function rewritten(regex: string, to: string): HttpChange {
  return { kind: 'path', way: 'request', name: regex, value: to, condition: [] };
}

function apply(
  route: DraftMap,
  directive: NginxDirective,
  action: string,
  way: 'request' | 'response',
  name: string,
  value: string,
  ledger: ImportLedger,
): void {
  const text = value
    .replaceAll('%', '%%')
    .replace(/\$(remote_addr|realip_remote_addr)\b/g, '%[src]')
    .replace(/\$request_id\b/g, '%[unique-id]')
    .replace(/\$ssl_client_s_dn\b/g, '%[ssl_c_s_dn]');
  const rule = httpRule([`http-${way}`, action, name, text]);
  if (rule === 'inherent') ledger.inherent(directive);
  else if (/\$\w/.test(text)) ledger.left(directive, 'its value is made of what the gateway cannot fill in');
  else if (rule === undefined || 'why' in rule)
    ledger.left(directive, rule === undefined ? 'it has no counterpart' : rule.why);
  else if (applyChange(route, rule)) ledger.translated(directive);
  else ledger.left(directive, 'a route has one such rule');
}

/** What lies around a draft's routes: their names are never the same. */
export function routeName(wish: string, draft: ConfigDraft): string {
  const base = wish.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu, '').slice(0, 180);
  const names = new Set(draft.routes.map(({ value }) => value.name));
  let name = base;
  for (let n = 2; names.has(name); n++) name = `${base} (${n})`;
  return name;
}
