// What a tap is asked for, from the query of its request. Promises that there is a bound for everything.
import { parseCount, parseDuration, parseSize } from '../../config/formats.ts';
import { GatewayError } from '../../errors.ts';
import type { TapRequest } from '../control.ts';

/** A million messages are two days of a busy interface, or ten minutes of a gateway at its limit. */
const MOST_MESSAGES = 1_000_000;
/** Longer than an hour nobody watches a recording; a second one goes on where it ends. */
const LONGEST_MS = 3_600_000;
const MOST_BYTES = 1024 ** 3;

export function tapIn(query: URLSearchParams): TapRequest {
  const known = ['listener', 'count', 'for', 'maxBytes'];
  const other = [...query.keys()].find((key) => !known.includes(key));
  if (other !== undefined) throw wrong(`a tap takes ${known.join(', ')}`);
  const count = parseCount(query.get('count') ?? '1000');
  if (count === undefined || count < 1 || count > MOST_MESSAGES)
    throw wrong(`count is an integer from 1 to ${MOST_MESSAGES}`);
  const forMs = parseDuration(query.get('for') ?? '1m');
  if (forMs === undefined || forMs < 1 || forMs > LONGEST_MS)
    throw wrong('for is a duration up to 1h, as 30s');
  const maxBytes = parseSize(query.get('maxBytes') ?? '64MiB');
  if (maxBytes === undefined || maxBytes < 1 || maxBytes > MOST_BYTES)
    throw wrong('maxBytes is a size up to 1GiB, as 64MiB');
  return { listener: query.get('listener') ?? undefined, count, forMs, maxBytes };
}

function wrong(detail: string): GatewayError {
  return new GatewayError('GW_ERR_ADMIN_REQUEST', { detail });
}
