// What a list of stored messages is asked for, and its pages. Promises an error that says what would be right for whatever is none of that.
import { GatewayError } from '../errors.ts';
import type { StoredState } from '../spool/spool-store.ts';
import type { StoredQuery, StoredReport } from './spool-control.ts';

const STATES: readonly StoredState[] = ['waiting', 'dead', 'delivered'];
const MESSAGES = 100;
const MOST_MESSAGES = 1000;
const MAX_ID = 2 ** 53 - 1;
const KNOWN = ['state', 'controlId', 'since', 'until', 'after', 'limit'] as const;

export function storedQueryIn(query: URLSearchParams): StoredQuery {
  const other = [...query.keys()].find((key) => !KNOWN.some((known) => known === key));
  if (other !== undefined) throw wrong(`it takes ${KNOWN.join(', ')}`);
  const state = query.get('state') ?? undefined;
  const known = STATES.find((one) => one === state);
  if (state !== undefined && known === undefined) throw wrong(`state is one of ${STATES.join(', ')}`);
  const limit = Number(query.get('limit') ?? MESSAGES);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_MESSAGES)
    throw wrong(`limit is an integer from 1 to ${MOST_MESSAGES}`);
  return {
    limit,
    after: query.has('after') ? storedIdIn(query.get('after') ?? '') : 0,
    state: known,
    controlId: query.get('controlId') ?? undefined,
    since: timeIn(query, 'since'),
    until: timeIn(query, 'until'),
  };
}

/** A path's part, or a parameter. */
export function storedIdIn(text: string): number {
  const id = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  if (id < 0 || id > MAX_ID) throw wrong('an id is a whole number, as the list has it');
  return id;
}

interface StoredPage {
  readonly messages: readonly StoredReport[];
  /** What to ask for as `after`; undefined: this was the last page. */
  readonly next: number | undefined;
}

/** `found`: one more than is told, where there is another page. */
export function storedPage(found: readonly StoredReport[], limit: number): StoredPage {
  const messages = found.slice(0, limit);
  return { messages, next: found.length > limit ? messages.at(-1)?.id : undefined };
}

function timeIn(query: URLSearchParams, name: 'since' | 'until'): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw wrong(`${name} is a time such as 2026-03-01T08:00:00Z`);
  return ms;
}

function wrong(detail: string): GatewayError {
  return new GatewayError('GW_ERR_ADMIN_REQUEST', { detail });
}
