// Pools and their nodes for a terminal on which the whole table has no room: a line for each node with what fits, and beneath
// it what is wrong. Promises lines no wider than the terminal, and nothing left out that is wrong.
import type { Paint, Tone } from '../colors.ts';
import { table } from '../terminal.ts';

export interface PoolBlock {
  readonly title: string;
  readonly nodes: readonly NodeLine[];
}

export interface NodeLine {
  /** By heading; those of `ORDER`. */
  readonly cells: Readonly<Record<string, string>>;
  readonly tone: Tone | undefined;
  /** Sentences on what is wrong. */
  readonly trouble: readonly string[];
}

const ORDER = ['NODE', 'STATE', 'SINCE', 'WEIGHT', 'IN FLIGHT', 'RATE', 'P50', 'P99', 'ANSWERS'];
/** From what is missed least. */
const DROPPED = ['P50', 'ANSWERS', 'WEIGHT', 'SINCE', 'P99', 'RATE', 'IN FLIGHT'];
const INDENT = 2;

export function poolBlockLines(blocks: readonly PoolBlock[], width: number, paint: Paint): string[] {
  const nodes = blocks.flatMap((block) => block.nodes);
  const columns = fitting(nodes, width - INDENT);
  const state = columns.indexOf('STATE');
  const [heading = '', ...rows] = table(rowsOf(nodes, columns), (text, row, column) =>
    column === state ? paint(nodes[row - 1]?.tone, text) : text,
  );
  let next = 0;
  return blocks.flatMap((block, i) => [
    ...(i > 0 ? [''] : []),
    ...wrapped(block.title, width, INDENT),
    ...(block.nodes.length === 0 ? [] : wrapped(' '.repeat(INDENT) + heading, width, INDENT)),
    ...block.nodes.flatMap(({ trouble }) => [
      ...wrapped(' '.repeat(INDENT) + (rows[next++] ?? ''), width, 2 * INDENT),
      ...trouble.flatMap((text) => wrapped(' '.repeat(2 * INDENT) + text, width, 3 * INDENT)),
    ]),
  ]);
}

function rowsOf(nodes: readonly NodeLine[], columns: readonly string[]): string[][] {
  return [[...columns], ...nodes.map(({ cells }) => columns.map((column) => cells[column] ?? ''))];
}

function fitting(nodes: readonly NodeLine[], width: number): readonly string[] {
  let columns: readonly string[] = ORDER;
  for (const column of DROPPED) {
    if (widest(table(rowsOf(nodes, columns))) <= width) break;
    columns = columns.filter((one) => one !== column);
  }
  return columns;
}

export function widest(lines: readonly string[]): number {
  return lines.reduce((most, line) => Math.max(most, line.length), 0);
}

/** SGR takes no room on a terminal. */
const SGR = /\x1b\[\d+m/g;

/** At spaces where there are any; what follows is indented. */
export function wrapped(line: string, width: number, indent: number): string[] {
  if (line.replace(SGR, '').length <= width || width <= indent + 1) return [line];
  // A line with colours is cut where it has none: it is made again without them.
  const plain = line.replace(SGR, '');
  const lines: string[] = [];
  let rest = plain;
  while (rest.length > width) {
    const own = /^ */.exec(rest)?.[0].length ?? 0;
    const space = rest.lastIndexOf(' ', width);
    const at = space > own ? space : width;
    lines.push(rest.slice(0, at).trimEnd());
    rest = ' '.repeat(indent) + rest.slice(at).trimStart();
  }
  return [...lines, rest];
}
