// Counts proxied HTTP requests: by where they came from, where they went, and the class of the status that they got.
import { statusOf } from '../../../../listeners/http/statuses.ts';
import type { ProxiedRequest } from '../../../relay/http-scheduler.ts';
import { type Family, histograms, numbers } from '../family.ts';
import { BucketHistogram } from '../histogram.ts';
import { SeriesTable } from '../series-table.ts';
import type { Present, TraceIdOf } from './message-counts.ts';

/** `none`: the client was gone before there was one. */
export const STATUSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'] as const;

export class RequestCounts {
  /** By listener, route, pool and node: how many of each class, in the order of STATUSES. */
  readonly #cells = new SeriesTable(() => STATUSES.map(() => 0));
  readonly #traceIdOf: TraceIdOf;
  /** By pool and node. */
  readonly #seconds = new SeriesTable(() => new BucketHistogram());

  constructor(traceIdOf: TraceIdOf) {
    this.#traceIdOf = traceIdOf;
  }

  add(record: ProxiedRequest): void {
    const { listener, route, pool, attempts, receivedAt, settledAt } = record;
    const node = attempts[attempts.length - 1]?.node;
    const cell = this.#cells.of(listener, route?.name, pool?.name, node);
    const index = classOf(statusGiven(record));
    cell[index] = (cell[index] ?? 0) + 1;
    if (settledAt !== undefined && node !== undefined)
      this.#seconds
        .of(pool?.name ?? '', node)
        .record((settledAt - receivedAt) / 1000, this.#traceIdOf(record));
  }

  families(present: Present): readonly Family[] {
    this.#seconds.prune(([pool, node]) => present.node(pool, node));
    this.#cells.prune(
      ([listener, route, pool, node]) =>
        present.listener(listener) && present.route(route) && present.node(pool, node),
    );
    return [
      numbers(
        'hl7_gateway_http_requests_total',
        this.#cells.all.flatMap(({ names: [listener, route, pool, node], cell }) =>
          STATUSES.map((status, index) => ({
            labels: { listener, route, pool, node, status },
            value: cell[index] ?? 0,
          })),
        ),
      ),
      histograms(
        'hl7_gateway_http_request_seconds',
        this.#seconds.all.map(({ names: [pool, node], cell }) => ({
          labels: { pool, node },
          histogram: cell,
        })),
      ),
    ];
  }
}

/** A node's; else the gateway's own, unless nobody was there any more to be given one. */
function statusGiven({ status, error }: ProxiedRequest): number | undefined {
  if (status !== undefined || error === undefined || error.code === 'GW_ERR_HTTP_CUT') return status;
  return statusOf(error.code);
}

/** RFC 9110 15: a status has three digits, and its first is its class. */
function classOf(status: number | undefined): number {
  const index = Math.floor((status ?? 0) / 100) - 1;
  return index >= 0 && index < STATUSES.length - 1 ? index : STATUSES.length - 1;
}
