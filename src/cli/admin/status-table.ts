// A gateway's status as lines for people, in the manner of HAProxy's: listeners, pools with their nodes, and certificates
// that end soon. Promises a line for each, whatever is missing in the answer.
import type {
  CertificateInUse,
  ClusterReport,
  ListenerReport,
  NodeReport,
  PoolReport,
  StatusReport,
} from '../../admin/control.ts';
import { type Paint, plainPaint, type Tone } from '../colors.ts';
import { TypedFields } from '../fields.ts';
import { table } from '../terminal.ts';
import { type PoolBlock, poolBlockLines, widest, wrapped } from './status-pools.ts';

/** Authorities renew certificates a month before they end. */
const SOON_DAYS = 30;
const MIB = 2 ** 20;
const NONE = '-';

export interface StatusView {
  /** Of the terminal; undefined: as wide as the table is. */
  readonly width?: number | undefined;
  readonly paint?: Paint | undefined;
}

/** `now` by the gateway's clock, in milliseconds since 1970. */
export function statusLines(value: unknown, now: number, view: StatusView = {}): readonly string[] {
  const status = new TypedFields<StatusReport>(value);
  const { width, paint = plainPaint } = view;
  const isWide = width !== undefined && widest(poolLines(status, now, plainPaint)) > width;
  const pools = isWide ? poolBlockLines(blocksOf(status, now), width, paint) : poolLines(status, now, paint);
  const parts = [headLines(status, now, paint), listenerLines(status), pools, certificateLines(status)];
  const lines = parts
    .filter((part) => part.length > 0)
    .flatMap((part, n) => (n === 0 ? part : ['', ...part]));
  return width === undefined ? lines : lines.flatMap((line) => wrapped(line, width, 4));
}

function headLines(status: TypedFields<StatusReport>, now: number, paint: Paint): string[] {
  const mebibytes = (bytes: number | undefined): string => ((bytes ?? 0) / MIB).toFixed(1);
  const held = `${mebibytes(status.number('bufferedBytes'))} of ${mebibytes(status.number('maxBufferedBytes'))} MiB`;
  const up = ageText(now - status.time('startedAt'));
  const file = status.text('configFile');
  const loaded = `loaded ${ageText(now - status.time('loadedAt'))} ago`;
  const workers = status.has('workers') ? ` with ${status.list('workers').length} workers` : '';
  const lines = [
    `hl7-gateway ${status.text('version')}, pid ${status.number('pid') ?? NONE}${workers}, up ${up}, holds ${held} of messages`,
    file === '' ? `config ${loaded}` : `config ${file}, ${loaded}`,
  ];
  if (status.flag('draining')) lines.push(paint('warning', 'DRAINING: it takes no new connections'));
  if (status.has('cluster')) lines.push(...clusterLines(status.value('cluster'), now, paint));
  if (status.has('reloadError'))
    lines.push(`${paint('bad', 'LAST RELOAD FAILED')}: ${status.text('reloadError')}`);
  return lines;
}

function clusterLines(value: unknown, now: number, paint: Paint): string[] {
  const cluster = new TypedFields<ClusterReport>(value);
  const fit = cluster.flag('fit') ? 'fit' : paint('warning', `NOT FIT: ${cluster.text('reason')}`);
  const head = `member ${cluster.text('member')} of ${cluster.text('name')}, ${fit}, config digest ${cluster.text('configDigest')}`;
  const vips = cluster.list('vips').map((one) => {
    const vip = new TypedFields<ClusterReport['vips'][number]>(one);
    return `${vip.text('address')} ${vip.flag('held') ? 'here' : 'not here'} for ${ageText(now - vip.time('since'))}`;
  });
  const lines = [head, `VIPs: ${vips.join(', ')}`];
  if (cluster.has('state')) {
    const shared = new TypedFields<NonNullable<ClusterReport['state']>>(cluster.value('state'));
    const how = shared.flag('connected')
      ? `connected, revision ${shared.number('revision') ?? NONE}`
      : paint('warning', `NATS IS AWAY: ${shared.text('reason') || 'not reached yet'}`);
    lines.push(`shared state: ${how}, ${shared.number('queued') ?? NONE} to be written`);
  }
  return lines;
}

function listenerLines(status: TypedFields<StatusReport>): string[] {
  const rows = status.list('listeners').map((one) => {
    const listener = new TypedFields<ListenerReport>(one);
    const protocol = `${listener.text('protocol')}${listener.flag('tls') ? ' over TLS' : ''}`;
    const connections = String(listener.number('connections') ?? NONE);
    return [listener.text('listener'), protocol, listener.text('address'), connections];
  });
  return rows.length === 0 ? [] : table([['LISTENER', 'PROTOCOL', 'ADDRESS', 'CONNECTIONS'], ...rows]);
}

const COLUMNS = [
  'POOL',
  'NODE',
  'STATE',
  'SINCE',
  'WEIGHT',
  'IN FLIGHT',
  'QUEUED',
  'RATE',
  'P50',
  'P99',
  'ANSWERS',
  'ERRORS',
  'LAST CHECK',
  'REASON',
];

/** A row for each pool, with `*` for a node, and one for each of its nodes. */
function poolLines(status: TypedFields<StatusReport>, now: number, paint: Paint): string[] {
  const rows = status.list('pools').flatMap((one) => {
    const pool = new TypedFields<PoolReport>(one);
    const nodes = nodesOf(pool);
    return [
      { cells: poolRow(pool, nodes), tone: toneOfPool(nodes) },
      ...nodes.map((node) => ({ cells: nodeRow(node, now), tone: toneOf(node) })),
    ];
  });
  if (rows.length === 0) return [];
  const state = COLUMNS.indexOf('STATE');
  return table([COLUMNS, ...rows.map(({ cells }) => cells)], (text, row, column) =>
    column === state ? paint(rows[row - 1]?.tone, text) : text,
  );
}

function nodesOf(pool: TypedFields<PoolReport>): readonly TypedFields<NodeReport>[] {
  return pool.list('nodes').map((node) => new TypedFields<NodeReport>(node));
}

function toneOf(node: TypedFields<NodeReport>): Tone {
  if (node.text('state') === 'down') return 'bad';
  return node.text('state') === 'up' ? 'good' : 'warning';
}

function toneOfPool(nodes: readonly TypedFields<NodeReport>[]): Tone {
  const available = nodes.filter((node) => node.flag('available')).length;
  if (available === 0) return 'bad';
  return available === nodes.length ? 'good' : 'warning';
}

/** The same for a terminal that has no room for the table. */
function blocksOf(status: TypedFields<StatusReport>, now: number): PoolBlock[] {
  return status.list('pools').map((one) => {
    const pool = new TypedFields<PoolReport>(one);
    const nodes = nodesOf(pool);
    const cell = cellsBy(poolRow(pool, nodes));
    return {
      title: `POOL ${pool.text('pool')}: ${cell.STATE}, ${cell['IN FLIGHT']} in flight, ${cell.QUEUED} queued, ${cell.RATE}, ${cell.ANSWERS} answers`,
      nodes: nodes.map((node) => {
        const cells = cellsBy(nodeRow(node, now));
        const { REASON: reason = '', ERRORS: errors = NONE } = cells;
        const check = new TypedFields<NonNullable<NodeReport['lastCheck']>>(node.value('lastCheck'));
        const hasFailed = check.has('result') && check.text('result') !== 'passed';
        return {
          cells,
          tone: toneOf(node),
          trouble: [
            ...(reason === '' ? [] : [reason]),
            ...(errors === NONE ? [] : [`errors: ${errors}`]),
            ...(hasFailed ? [`last check: ${cells['LAST CHECK']}`] : []),
          ],
        };
      }),
    };
  });
}

function cellsBy(row: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(COLUMNS.map((column, i) => [column, row[i] ?? '']));
}

function poolRow(pool: TypedFields<PoolReport>, nodes: readonly TypedFields<NodeReport>[]): string[] {
  const sum = (key: 'inFlight' | 'answersPerSecond'): number =>
    nodes.reduce((total, node) => total + (node.number(key) ?? 0), 0);
  const available = nodes.filter((node) => node.flag('available')).length;
  const answers = nodes.flatMap((node) => node.counts('answers'));
  return [
    pool.text('pool'),
    '*',
    `${available} of ${nodes.length} up`,
    '',
    '',
    String(sum('inFlight')),
    String(pool.number('queued') ?? NONE),
    rate(sum('answersPerSecond')),
    '',
    '',
    total(answers),
    '',
    '',
    '',
  ];
}

function nodeRow(node: TypedFields<NodeReport>, now: number): string[] {
  const state = node.text('state');
  const marks = [
    ...(node.flag('backup') ? ['backup'] : []),
    ...(node.flag('trial') ? ['on trial'] : []),
    ...(node.has('origin') ? [`by ${node.text('origin')}`] : []),
    // An operator took it out, and it is not well besides.
    ...(node.text('health') === 'down' && state !== 'down' ? ['not well'] : []),
  ];
  const weight = node.number('weight');
  const effective = node.number('effectiveWeight') ?? weight;
  return [
    node.text('pool'),
    node.text('node'),
    marks.length === 0 ? state : `${state} (${marks.join(', ')})`,
    ageText(now - node.time('since')),
    weight === effective ? String(weight ?? NONE) : `${rounded(effective)} of ${weight}`,
    String(node.number('inFlight') ?? NONE),
    '',
    rate(node.number('answersPerSecond') ?? 0),
    milliseconds(node.number('p50Ms')),
    milliseconds(node.number('p99Ms')),
    total(node.counts('answers')),
    errorsOf(node),
    lastCheck(node, now),
    state === 'up' ? '' : node.text('reason'),
  ];
}

/** By class: answers that say no, by their code, and messages that failed there, by the error's. */
function errorsOf(node: TypedFields<NodeReport>): string {
  // Beside codes there are answers that have none, which say neither yes nor no: to proxied requests, and of connections.
  const negative = node.counts('answers').filter(([code]) => /^[AC][ER]$/.test(code));
  const failures = node.counts('failures').map(([code, n]) => [code.replace(/^GW_ERR_/, ''), n] as const);
  const all = [...negative, ...failures].map(([code, n]) => `${code} ${n}`);
  return all.length === 0 ? NONE : all.join(', ');
}

function lastCheck(node: TypedFields<NodeReport>, now: number): string {
  const check = new TypedFields<NonNullable<NodeReport['lastCheck']>>(node.value('lastCheck'));
  if (!check.has('result')) return NONE;
  const reason = check.has('reason') ? `: ${check.text('reason')}` : '';
  return `${check.text('result')} ${ageText(now - check.time('at'))} ago, ${milliseconds(check.number('ms'))}${reason}`;
}

function certificateLines(status: TypedFields<StatusReport>): string[] {
  const rows = status.list('certificates').flatMap((one) => {
    const certificate = new TypedFields<CertificateInUse>(one);
    const days = certificate.number('days');
    if (days === undefined || days > SOON_DAYS) return [];
    const when = days < 0 ? `ended ${dayCount(-days)} ago` : `in ${dayCount(days)}`;
    return [[certificate.text('subject'), when, certificate.text('where'), certificate.text('file')]];
  });
  return rows.length === 0 ? [] : table([['CERTIFICATE', 'ENDS', 'OF', 'FILE'], ...rows]);
}

function dayCount(days: number): string {
  if (days === 0) return 'less than a day';
  return days === 1 ? '1 day' : `${days} days`;
}

/** The two largest units of a time that has passed: `3d 4h`, `12s`. */
export function ageText(ms: number): string {
  if (Number.isNaN(ms)) return NONE;
  // The gateway's clock has whole seconds in the answer's date.
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${seconds % 60}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

function total(counts: readonly (readonly [string, number])[]): string {
  return String(counts.reduce((sum, [, n]) => sum + n, 0));
}

function rate(perSecond: number): string {
  return `${rounded(perSecond)}/s`;
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? NONE : `${rounded(ms)} ms`;
}

/** Three figures say enough. */
function rounded(value: number | undefined): string {
  if (value === undefined) return NONE;
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
