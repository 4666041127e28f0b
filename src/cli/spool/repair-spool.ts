// `spool repair`: reads what can be read of a damaged store into a new one, and says in words what could not. Numbers of messages only:
// nothing of what they hold.
import { readSpoolKeys } from '../../spool/store/key-file.ts';
import { type RepairReport, repairStore } from '../../spool/store/repair.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { warnIfOpen } from '../usage.ts';

export interface RepairOptions {
  readonly folder: string;
  readonly into: string;
  /** A file. */
  readonly key: string | undefined;
  readonly json: boolean;
}

/** Ranges in one line; a store of which a gigabyte is gone has thousands. */
const MOST_RANGES = 20;

/** @throws GatewayError where nothing can be read */
export function repairSpool({ folder, into, key, json }: RepairOptions, terminal: Terminal): number {
  if (key !== undefined) warnIfOpen(key, terminal);
  const report = repairStore(folder, into, key === undefined ? [] : readSpoolKeys(key));
  const isWhole = report.unreadable.length + report.perhaps.length === 0 && report.lost === undefined;
  if (json) terminal.out(JSON.stringify(report));
  else for (const line of linesOf(report, into)) terminal.out(line);
  return isWhole ? EXIT.good : EXIT.failed;
}

function linesOf(
  { messages, unknownState, unreadable, perhaps, lost, answers }: RepairReport,
  into: string,
): string[] {
  const lines = [`${into}: ${messages} messages and ${answers} remembered answers`];
  if (unknownState.length > 0)
    lines.push(`dead letters now, as their state was lost: ${rangesOf(unknownState)}`);
  if (unreadable.length > 0) lines.push(`lost, as they cannot be read: ${rangesOf(unreadable)}`);
  if (perhaps.length > 0)
    lines.push(`lost, if they were still stored, as that part cannot be read: ${rangesOf(perhaps)}`);
  if (lost !== undefined) lines.push(`lost, stored last: ${lost.from} to ${lost.to}`);
  return lines;
}

function rangesOf(ids: readonly number[]): string {
  const ranges: [from: number, to: number][] = [];
  for (const id of ids) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === id - 1) last[1] = id;
    else ranges.push([id, id]);
  }
  const texts = ranges.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`));
  const more = texts.length - MOST_RANGES;
  return texts.slice(0, MOST_RANGES).join(', ') + (more > 0 ? ` and ${more} more (--json has all)` : '');
}
