// Counts connections that are passed on as they are: how many, how long, how many bytes each way. Those that are open count with what
// they have carried so far, as many stay open for days.
import type { TcpConnection } from '../../../relay/tcp-scheduler.ts';
import { type Family, histograms, numbers } from '../family.ts';
import { BucketHistogram } from '../histogram.ts';
import { SeriesTable } from '../series-table.ts';
import type { Present, TraceIdOf } from './message-counts.ts';

/** How a connection ended: whose end came first, or that no node had it. */
const ENDS = ['sender', 'node', 'gateway', 'refused'] as const;

interface Carried {
  readonly ends: Record<(typeof ENDS)[number], number>;
  bytesToNode: number;
  bytesToSender: number;
}

export class TcpCounts {
  /** By listener, route, pool and node. */
  readonly #cells = new SeriesTable(
    (): Carried => ({
      ends: { sender: 0, node: 0, gateway: 0, refused: 0 },
      bytesToNode: 0,
      bytesToSender: 0,
    }),
  );
  /** By pool and node. */
  readonly #seconds = new SeriesTable(() => new BucketHistogram());
  readonly #open = new Set<TcpConnection>();
  readonly #traceIdOf: TraceIdOf;

  constructor(traceIdOf: TraceIdOf) {
    this.#traceIdOf = traceIdOf;
  }

  /** A node has it. */
  began(record: TcpConnection): void {
    this.#open.add(record);
  }

  /** It is over. */
  add(record: TcpConnection): void {
    const { listener, route, pool, node, receivedAt, settledAt } = record;
    const wasCarried = this.#open.delete(record);
    const cell = this.#cells.of(listener, route?.name, pool?.name, node);
    cell.ends[wasCarried ? (record.endedBy ?? 'gateway') : 'refused']++;
    cell.bytesToNode += record.bytesToNode;
    cell.bytesToSender += record.bytesToSender;
    if (wasCarried && settledAt !== undefined)
      this.#seconds
        .of(pool?.name ?? '', node ?? '')
        .record((settledAt - receivedAt) / 1000, this.#traceIdOf(record));
  }

  families(present: Present): readonly Family[] {
    this.#seconds.prune(([pool, node]) => present.node(pool, node));
    this.#cells.prune(
      ([listener, route, pool, node]) =>
        present.listener(listener) && present.route(route) && present.node(pool, node),
    );
    const open = new Map<Carried, { toNode: number; toSender: number }>();
    for (const { listener, route, pool, node, bytesToNode, bytesToSender } of this.#open) {
      const cell = this.#cells.of(listener, route?.name, pool?.name, node);
      const sum = open.get(cell) ?? { toNode: 0, toSender: 0 };
      open.set(cell, { toNode: sum.toNode + bytesToNode, toSender: sum.toSender + bytesToSender });
    }
    const cells = this.#cells.all;
    return [
      numbers(
        'hl7_gateway_tcp_connections_total',
        cells.flatMap(({ names: [listener, route, pool, node], cell }) =>
          ENDS.map((end) => ({ labels: { listener, route, pool, node, end }, value: cell.ends[end] })),
        ),
      ),
      numbers(
        'hl7_gateway_tcp_bytes_total',
        cells.flatMap(({ names: [listener, route, pool, node], cell }) => {
          const labels = { listener, route, pool, node };
          const now = open.get(cell);
          return [
            { labels: { ...labels, to: 'node' }, value: cell.bytesToNode + (now?.toNode ?? 0) },
            { labels: { ...labels, to: 'sender' }, value: cell.bytesToSender + (now?.toSender ?? 0) },
          ];
        }),
      ),
      histograms(
        'hl7_gateway_tcp_connection_seconds',
        this.#seconds.all.map(({ names: [pool, node], cell }) => ({
          labels: { pool, node },
          histogram: cell,
        })),
      ),
    ];
  }
}
