// Which of the rules are not there, as `nft` and `ip` tell. Promises to take rules of the administrator's own for them, wherever they stand.
import { spawnSync } from 'node:child_process';
import { causeCode, GatewayError } from '../../errors.ts';
import type { IpFamily, RuleNumbers } from './rules.ts';

/** What a command prints. @throws GatewayError GW_ERR_FILE where it cannot be run */
export type Ask = (command: string, ...args: readonly string[]) => string;

/** Each would take a moment. */
const LIMIT_MS = 10_000;
/** 10,000 rules have less. */
const MOST_BYTES = 64 * 1024 * 1024;

/** A line for each. @throws GatewayError GW_ERR_FILE */
export function missingRules(
  families: readonly IpFamily[],
  { mark, table }: RuleNumbers,
  ask: Ask = askSystem,
): readonly string[] {
  const missing: string[] = [];
  const marked = markedFamilies(parsed(ask('nft', '-j', 'list', 'ruleset')), mark);
  for (const family of families) {
    const ip = `ip -${family}`;
    if (!marked.has(family))
      missing.push(
        `nft, IPv${family}: in a prerouting chain: meta l4proto tcp socket transparent 1 meta mark set ${mark}`,
      );
    const rules = rows(parsed(ask('ip', '-j', `-${family}`, 'rule', 'show')));
    if (!rules.some((rule) => Number(rule.fwmark) === mark && String(rule.table) === String(table)))
      missing.push(`${ip} rule add fwmark ${mark} lookup ${table}`);
    const routes = rows(
      parsed(ask('ip', '-j', `-${family}`, 'route', 'show', 'table', String(table), 'type', 'local')),
    );
    if (!routes.some(({ dst, dev }) => dst === 'default' && dev === 'lo'))
      missing.push(`${ip} route replace local default dev lo table ${table}`);
  }
  return missing;
}

function askSystem(command: string, ...args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    maxBuffer: MOST_BYTES,
  });
  if (error !== undefined)
    throw new GatewayError('GW_ERR_FILE', { detail: `${command}: ${causeCode(error)}`, cause: error });
  if (status === 0) return stdout;
  // A routing table that nobody has put anything into.
  if (command === 'ip' && /table does not exist/.test(stderr)) return '[]';
  const [line = ''] = stderr.trim().split('\n');
  throw new GatewayError('GW_ERR_FILE', { detail: `${command} ${args.join(' ')}: ${line}` });
}

type Row = Readonly<Record<string, unknown>>;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '[]' : text);
  } catch (cause) {
    throw new GatewayError('GW_ERR_FILE', { detail: 'nft or ip printed something else than JSON', cause });
  }
}

function rows(value: unknown): readonly Row[] {
  return Array.isArray(value) ? value.filter(isRow) : [];
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null;
}

/** Those whose packets are marked by some rule of a prerouting chain. */
function markedFamilies(ruleset: unknown, mark: number): ReadonlySet<IpFamily> {
  const families = new Set<IpFamily>();
  const all = isRow(ruleset) ? rows(ruleset.nftables) : [];
  const chains = new Set(
    all.flatMap(({ chain }) =>
      isRow(chain) && chain.hook === 'prerouting' ? [placeOf(chain, chain.name)] : [],
    ),
  );
  for (const { rule } of all) {
    if (!isRow(rule) || !chains.has(placeOf(rule, rule.chain))) continue;
    const parts = rows(rule.expr);
    if (!parts.some(isTransparent) || !parts.some((part) => isMark(part, mark))) continue;
    if (rule.family !== 'ip6') families.add(4);
    if (rule.family !== 'ip') families.add(6);
  }
  return families;
}

function placeOf({ family, table }: Row, chain: unknown): string {
  return `${family} ${table} ${chain}`;
}

function isTransparent({ match }: Row): boolean {
  if (!isRow(match) || !isRow(match.left) || !isRow(match.left.socket)) return false;
  return match.left.socket.key === 'transparent' && match.right === 1;
}

function isMark({ mangle }: Row, mark: number): boolean {
  if (!isRow(mangle) || !isRow(mangle.key) || !isRow(mangle.key.meta)) return false;
  return mangle.key.meta.key === 'mark' && mangle.value === mark;
}
