// A part of the benchmark is a table: rows, each a workload before one proxy, in groups that are measured in the same rounds.
// Promises: a row in which an answer is wrong, missing or surplus has no figures, says what was wrong, and fails the run unless
// it is a peer's that is known for it; ratios are those of the same round.
import type { ProxyProcess } from './proxies.ts';
import { type Figures, type Spread, spreadOf, type Times } from './rounds.ts';

export interface StartOptions {
  /** The `src/main.ts` of another revision; default: this one's. */
  readonly main?: string | undefined;
  readonly nodeOptions?: readonly string[] | undefined;
}

/** What issue 17 asks of a figure or a comparison. */
export interface Target {
  readonly of: string;
  readonly most?: number;
  readonly least?: number;
  /** Before the number, where a row has several. */
  readonly label?: string;
  /** Of the round in which it was worst, where it is a limit; the median of the rounds otherwise. */
  readonly isOfWorst?: boolean;
}

export interface Entry {
  /** Unique within its group. */
  readonly id: string;
  readonly labels: readonly string[];
  readonly proxy: string;
  /** What it is compared with: the id of another entry. */
  readonly base?: string;
  readonly targets?: readonly Target[];
  /** A revision of the gateway: `--against` adds another, `--profile` looks into it. */
  readonly isGateway?: boolean;
  /** A wrong answer is told and no failure of the run. */
  readonly mayBeWrong?: boolean;
  start(options: StartOptions): Promise<ProxyProcess>;
  measure(proxy: ProxyProcess, windowMs: number): Promise<Figures>;
}

export interface Group {
  readonly entries: readonly Entry[];
  /** Called before the first of them starts. */
  readonly begin?: () => void;
  /** Called with what each gave while it warmed up. */
  readonly warmed?: (figures: Figures) => void;
}

export interface Comparison {
  readonly name: string;
  readonly of: (own: Figures, base: Figures) => number;
}

export function ratioOf(figure: string, name = 'ratio'): Comparison {
  return { name, of: (own, base) => (own[figure] ?? Number.NaN) / (base[figure] ?? Number.NaN) };
}

export function differenceOf(figure: string, name: string): Comparison {
  return { name, of: (own, base) => (own[figure] ?? Number.NaN) - (base[figure] ?? Number.NaN) };
}

export interface Column {
  readonly head: string;
  readonly cell: (row: Row) => string;
}

export interface Part {
  readonly name: string;
  readonly title: string;
  /** Heads of the columns of labels. */
  readonly labels: readonly string[];
  readonly comparisons: readonly Comparison[];
  readonly columns: readonly Column[];
  /** Each measurement starts a process of its own, so that there is nothing to warm up. */
  readonly isCold?: boolean;
  groups(): Promise<readonly Group[]> | readonly Group[];
}

export interface Row {
  readonly part: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly proxy: string;
  /** Figures and comparisons. */
  readonly values: Readonly<Record<string, Spread>>;
  readonly targets: readonly Target[];
  /** What was wrong, in place of values. */
  readonly wrong?: string;
  readonly isFailure?: boolean;
}

/** Another revision of the gateway beside this one. */
export interface Against {
  readonly revision: string;
  readonly main: string;
}

/** With each gateway's entry one of the other revision. */
export function withRevision(entries: readonly Entry[], against: Against | undefined): readonly Entry[] {
  if (against === undefined) return entries;
  const idThere = (id: string): string => `${id} at ${against.revision}`;
  return entries.flatMap((entry) => {
    if (entry.isGateway !== true) return [entry];
    const base = entries.find(({ id }) => id === entry.base);
    const other: Entry = {
      ...entry,
      id: idThere(entry.id),
      proxy: `${entry.proxy}, ${against.revision}`,
      ...(base?.isGateway === true && { base: idThere(base.id) }),
      start: (options) => entry.start({ ...options, main: against.main }),
      measure: (proxy, windowMs) => entry.measure(proxy, windowMs),
    };
    return [entry, other];
  });
}

interface Measured {
  readonly entry: Entry;
  readonly proxy: ProxyProcess;
  readonly rounds: Figures[];
  wrong?: string;
}

/** The rows of one group, in the order of its entries. */
export async function measureGroup(part: Part, group: Group, times: Times): Promise<Row[]> {
  const all: Measured[] = [];
  group.begin?.();
  try {
    for (const entry of group.entries) all.push({ entry, proxy: await entry.start({}), rounds: [] });
    for (const one of part.isCold === true ? [] : all) {
      // The first second of a gateway is spent in code that is not compiled yet; it is not what a day is like.
      const figures = await measureOnce(one, times.windowMs / 2);
      if (figures !== undefined) group.warmed?.(figures);
    }
    for (let round = 0; round < times.rounds; round++)
      for (const one of all) {
        const figures = await measureOnce(one, times.windowMs);
        if (figures !== undefined) one.rounds.push(figures);
      }
  } finally {
    for (const { proxy } of all) await proxy.stop();
  }
  return all.map((one) => rowOf(part, one, all));
}

async function measureOnce(one: Measured, windowMs: number): Promise<Figures | undefined> {
  if (one.wrong !== undefined) return undefined;
  try {
    return await one.entry.measure(one.proxy, windowMs);
  } catch (error) {
    one.wrong = error instanceof Error ? error.message : String(error);
    return undefined;
  }
}

function rowOf(part: Part, { entry, rounds, wrong }: Measured, all: readonly Measured[]): Row {
  const row = {
    part: part.name,
    labels: Object.fromEntries(part.labels.map((label, i) => [label, entry.labels[i] ?? ''])),
    proxy: entry.proxy,
    targets: entry.targets ?? [],
  };
  if (wrong !== undefined) return { ...row, values: {}, wrong, isFailure: entry.mayBeWrong !== true };
  const values: Record<string, Spread> = {};
  for (const name of Object.keys(rounds[0] ?? {}))
    values[name] = spreadOf(rounds.map((figures) => figures[name] ?? Number.NaN));
  const base = all.find(({ entry: { id } }) => id === entry.base);
  if (base !== undefined && base.wrong === undefined)
    for (const { name, of } of part.comparisons)
      values[name] = spreadOf(rounds.map((figures, round) => of(figures, base.rounds[round] ?? {})));
  return { ...row, values };
}

/** The targets of a row beside what was measured, and whether each was met. */
export function targetText({ targets, values }: Row): string {
  return targets
    .map(({ of, most, least, label, isOfWorst }) => {
      const spread = values[of];
      const text = `${label === undefined ? '' : `${label} `}${most === undefined ? `≥ ${least}` : `≤ ${most}`}`;
      if (spread === undefined || Number.isNaN(spread.median)) return text;
      const low = isOfWorst === true ? spread.low : spread.median;
      const high = isOfWorst === true ? spread.high : spread.median;
      const isMet = high <= (most ?? Number.POSITIVE_INFINITY) && low >= (least ?? Number.NEGATIVE_INFINITY);
      return isMet ? text : `${text}, missed`;
    })
    .join('; ');
}

export function medianColumn(head: string, name: string, digits: number): Column {
  return { head, cell: ({ values }) => figureText(values[name]?.median, digits) };
}

/** The median, and in brackets the lowest and the highest of the rounds. */
export function rangeColumn(head: string, name: string, digits: number): Column {
  return {
    head,
    cell: ({ values }) => {
      const spread = values[name];
      if (spread === undefined || Number.isNaN(spread.median)) return '';
      const [low, high] = [figureText(spread.low, digits), figureText(spread.high, digits)];
      return `${figureText(spread.median, digits)} (${low} to ${high})`;
    },
  };
}

export const TARGET_COLUMN: Column = { head: 'target', cell: targetText };

/** Shares of a core, as `proxy, senders, nodes`. */
export function sharesColumn(head: string, names: readonly string[]): Column {
  const percent = (share: number | undefined): string =>
    share === undefined || Number.isNaN(share) ? '' : String(Math.round(share * 100));
  return {
    head,
    cell: ({ values }) => `${names.map((name) => percent(values[name]?.median)).join(' / ')} %`,
  };
}

function figureText(value: number | undefined, digits: number): string {
  if (value === undefined || Number.isNaN(value)) return '';
  return digits === 0 ? Math.round(value).toLocaleString('en') : value.toFixed(digits);
}

/** The cells of the whole table, its heading first. */
export function cellsOf(part: Part, rows: readonly Row[]): string[][] {
  const head = [...part.labels, 'proxy', ...part.columns.map((column) => column.head)];
  return [
    head,
    ...rows.map((row) => [
      ...part.labels.map((label) => row.labels[label] ?? ''),
      row.proxy,
      ...(row.wrong === undefined
        ? part.columns.map(({ cell }) => cell(row))
        : ['wrong answers', ...part.columns.slice(1).map(() => '')]),
    ]),
  ];
}

/** As docs/benchmarks.md has it: the columns of figures are aligned to the right. */
export function markdownOf(part: Part, rows: readonly Row[]): string[] {
  const [head = [], ...cells] = cellsOf(part, rows);
  const texts = part.labels.length + 1;
  const line = (all: readonly string[]): string => `| ${all.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i < texts ? '---' : '---:'))), ...cells.map(line)];
}
