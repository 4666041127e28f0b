// The two files of stored state: what an operator decided (JSON, some kilobytes, written at each change), and which sender has which
// node (a line each, up to megabytes, written now and then). Promises that what it reads is as it was written whole, or nothing.
import { readFileSync } from 'node:fs';
import type { SenderRecord } from '../../routing/earlier-senders.ts';
import { setImmediate, wallMs } from '../platform/time.ts';
import { type Decisions, readDecisions } from './decisions.ts';

/** Of one pool with `persistence.mode: table`. */
export interface PoolSenders {
  /** What senders are known by; by anything else the hashes would never match. */
  readonly by: string;
  readonly records: readonly SenderRecord[];
}

export interface StoredSenders {
  /** Of the hashes. */
  readonly salt: string;
  /** By pool. */
  readonly pools: ReadonlyMap<string, PoolSenders>;
}

export interface StoredDecisions {
  /** Which process wrote it: a random name. */
  readonly writer: string;
  readonly decisions: Decisions;
  /** What other members have not been told of yet, as whoever tells them has it. */
  readonly untold?: unknown;
}

const VERSION = 1;

export function sendersFileOf(file: string): string {
  return `${file}.senders`;
}

export function decisionsText({ writer, decisions, untold }: StoredDecisions): string {
  const { pid } = process;
  const writtenAt = new Date(wallMs()).toISOString();
  return `${JSON.stringify({ version: VERSION, pid, writer, writtenAt, pools: decisions, untold }, undefined, 2)}\n`;
}

/** Undefined: there is no such file. @throws Error with why it cannot be used */
export function readDecisionsFile(file: string): StoredDecisions | undefined {
  const text = textOf(file);
  return text === undefined ? undefined : parseDecisions(text);
}

/** @throws Error */
export function parseDecisions(text: string): StoredDecisions {
  const value = JSON.parse(text) as {
    version?: unknown;
    writer?: unknown;
    pools?: unknown;
    untold?: unknown;
  };
  if (value?.version !== VERSION)
    throw new Error(`it is of version ${JSON.stringify(value?.version) ?? 'none'}, not ${VERSION}`);
  return { writer: String(value.writer), decisions: readDecisions(value.pools), untold: value.untold };
}

/** Some thousand senders a piece, so that the event loop is not held for long. */
const SENDERS_A_PIECE = 2000;

/** `idleAt`: now, in milliseconds since 1970; idle times go on while nothing runs. */
export async function* sendersText(
  salt: string,
  pools: Iterable<readonly [pool: string, by: string, records: Iterable<SenderRecord>]>,
): AsyncGenerator<string> {
  yield `${JSON.stringify({ version: VERSION, salt, writtenAt: wallMs() })}\n`;
  for (const [pool, by, records] of pools) {
    let piece = `${JSON.stringify({ pool, by })}\n`;
    let count = 0;
    for (const { hash, node, idleMs } of records) {
      piece += `${JSON.stringify([hash, node, Math.round(idleMs)])}\n`;
      if (++count % SENDERS_A_PIECE > 0) continue;
      yield piece;
      piece = '';
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    yield piece;
  }
  // Without it the file was cut off.
  yield `${JSON.stringify({ end: true })}\n`;
}

/** Undefined: there is no such file. @throws Error with why it cannot be used */
export function readSendersFile(file: string): StoredSenders | undefined {
  const text = textOf(file);
  return text === undefined ? undefined : parseSenders(text);
}

/** @throws Error */
export function parseSenders(text: string): StoredSenders {
  const lines = text.split('\n');
  const head = JSON.parse(lines[0] ?? '') as { version?: unknown; salt?: unknown; writtenAt?: unknown };
  if (head?.version !== VERSION || typeof head.salt !== 'string' || typeof head.writtenAt !== 'number')
    throw new Error('it is of another version');
  const pools = new Map<string, PoolSenders>();
  const sinceMs = Math.max(0, wallMs() - head.writtenAt);
  let records: SenderRecord[] = [];
  let isWhole = false;
  for (const line of lines.slice(1)) {
    if (line === '') continue;
    const value = JSON.parse(line) as unknown;
    if (Array.isArray(value)) {
      const [hash, node, idleMs] = value as unknown[];
      if (typeof hash === 'string' && typeof node === 'string' && typeof idleMs === 'number')
        records.push({ hash, node, idleMs: idleMs + sinceMs });
      continue;
    }
    const { pool, by, end } = value as { pool?: unknown; by?: unknown; end?: unknown };
    if (end === true) isWhole = true;
    else if (typeof pool === 'string' && typeof by === 'string') {
      records = [];
      pools.set(pool, { by, records });
    }
  }
  if (!isWhole) throw new Error('its end is missing');
  return { salt: head.salt, pools };
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
}
