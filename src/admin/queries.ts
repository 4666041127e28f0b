// What a report is asked for: how much of it, which part, from where on. Promises an error that says what would be right for whatever
// is none of that.
import { GatewayError } from '../errors.ts';
import { cursorOf } from './control/message-search.ts';
import type { ExplainRequest, MessageQuery, MessageReport, SenderReport } from './control.ts';

/** 200 bytes each. More are asked for by number. */
const SENDERS = 1000;
const MOST_SENDERS = 100_000;
const MESSAGES = 100;
const MOST_MESSAGES = 1000;
/** A control id has 199 characters at most (v2.9). */
const MAX_TEXT = 200;

const FILTERS = [
  'listener',
  'source',
  'sender',
  'type',
  'controlId',
  'route',
  'pool',
  'node',
  'outcome',
  'code',
] as const;

export function messageQueryIn(query: URLSearchParams): MessageQuery {
  onlyKnown(query, ['limit', 'before', ...FILTERS]);
  const before = query.get('before') ?? undefined;
  if (before !== undefined && !/^\d{4}-[-\dT:.]{10,30}Z_[\d-]{1,20}$/.test(before))
    throw wrong('before is what the answer before this one has as next');
  const filters = FILTERS.flatMap((name) => {
    const value = query.get(name);
    if (value === null || value === '') return [];
    if (value.length > MAX_TEXT) throw wrong(`${name} has at most ${MAX_TEXT} characters`);
    return [[name, value] as const];
  });
  const limit = integerIn(query, 'limit', [1, MOST_MESSAGES], MESSAGES);
  return { limit, before, filters: Object.fromEntries(filters) };
}

interface MessagesPage {
  readonly messages: readonly MessageReport[];
  /** Undefined: this was the last page. */
  readonly next: string | undefined;
}

export function messagesPage(found: readonly MessageReport[], limit: number): MessagesPage {
  const messages = found.slice(0, limit);
  const last = messages.at(-1);
  return { messages, next: found.length > limit && last !== undefined ? cursorOf(last) : undefined };
}

interface SenderQuery {
  readonly limit: number;
  readonly offset: number;
  readonly listener: string | undefined;
  readonly search: string;
  readonly sort: SenderOrder;
}

/** In which order: as they came, the one that is silent for longest first, the fastest first, the one with most messages first. */
const SENDER_ORDERS = ['connected', 'silent', 'rate', 'messages'] as const;
type SenderOrder = (typeof SENDER_ORDERS)[number];

export function senderQueryIn(query: URLSearchParams): SenderQuery {
  const wanted = query.get('sort') ?? 'connected';
  const sort = SENDER_ORDERS.find((order) => order === wanted);
  if (sort === undefined) throw wrong(`sort is one of ${SENDER_ORDERS.join(', ')}`);
  return {
    sort,
    limit: integerIn(query, 'limit', [1, MOST_SENDERS], SENDERS),
    offset: integerIn(query, 'offset', [0, MOST_SENDERS], 0),
    listener: query.get('listener') ?? undefined,
    search: (query.get('search') ?? '').toLowerCase(),
  };
}

interface SendersPage {
  /** Of those that were asked for. */
  readonly total: number;
  readonly senders: readonly SenderReport[];
}

export function sendersPage(
  all: readonly SenderReport[],
  { limit, offset, listener, search, sort }: SenderQuery,
): SendersPage {
  const found = all.filter(
    (one) =>
      (listener === undefined || one.listener === listener) &&
      (search === '' ||
        one.address.includes(search) ||
        one.sender?.toLowerCase().includes(search) === true ||
        one.tlsSubject?.toLowerCase().includes(search) === true),
  );
  const compare = COMPARISONS[sort];
  if (compare !== undefined) found.sort(compare);
  return { total: found.length, senders: found.slice(offset, offset + limit) };
}

const COMPARISONS: Readonly<
  Record<SenderOrder, ((one: SenderReport, other: SenderReport) => number) | undefined>
> = {
  connected: undefined,
  silent: (one, other) => (lastOf(one) < lastOf(other) ? -1 : 1),
  rate: (one, other) => other.messagesPerSecond - one.messagesPerSecond,
  messages: (one, other) => other.messages - one.messages,
};

/** RFC 3339 in UTC sorts as text. */
function lastOf({ lastAt, since }: SenderReport): string {
  return lastAt ?? since;
}

/** `body`: the message as it is, in any line ends. */
export function explainIn(query: URLSearchParams, body: Buffer): ExplainRequest {
  onlyKnown(query, ['listener', 'source', 'path', 'host']);
  if (body.length === 0) throw wrong('the body is a message, beginning with MSH');
  return {
    message: body,
    listener: query.get('listener') ?? undefined,
    source: query.get('source') ?? '127.0.0.1',
    path: query.get('path') ?? '/',
    host: query.get('host') ?? 'localhost',
  };
}

/** Why something is done, in the words of whoever asks: for the audit trail, `status` and the other members. */
export function reasonIn(query: URLSearchParams): string | undefined {
  const reason = query.get('reason')?.trim() ?? '';
  if (reason.length > MAX_TEXT || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(reason))
    throw wrong(`reason is one line of at most ${MAX_TEXT} characters`);
  return reason === '' ? undefined : reason.toWellFormed();
}

function onlyKnown(query: URLSearchParams, known: readonly string[]): void {
  const other = [...query.keys()].find((key) => !known.includes(key));
  if (other !== undefined) throw wrong(`it takes ${known.join(', ')}`);
}

function integerIn(
  query: URLSearchParams,
  name: string,
  [least, most]: readonly [number, number],
  preset: number,
): number {
  const text = query.get(name) ?? String(preset);
  const value = /^\d{1,6}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw wrong(`${name} is an integer from ${least} to ${most}`);
}

function wrong(detail: string): GatewayError {
  return new GatewayError('GW_ERR_ADMIN_REQUEST', { detail });
}
