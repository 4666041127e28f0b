// Ready-made behaviours before a message is complete: what a node does on a connection's arrival, or on its n-th byte.
// Promises: each fits `node.onConnection` or `node.onBytes`, as its group says.
import type { NodeConnection } from './node-connection.ts';

/** For `node.onConnection`. */
export const arrivals = {
  /** Accepts, then FIN at once. `maxConnections` does the same for those that are too many. */
  close: () => (connection: NodeConnection) => connection.close(),
  /** Accepts, then RST before anything is read. */
  reset: () => (connection: NodeConnection) => connection.reset(),
  /** Accepts and never reads. Undone by `connection.resumeReading()`. */
  pauseReading: () => (connection: NodeConnection) => connection.pauseReading(),
  /** Speaks first, which no MLLP node does: a banner, or an ACK that nobody asked for. */
  say: (bytes: Buffer) => (connection: NodeConnection) => void connection.write(bytes),
} as const;

/** For `node.onBytes`: once `count` bytes of a connection have been read; what was read with them is on record, too. */
export const afterBytes = {
  close: (count: number) => once(count, (connection) => connection.close()),
  reset: (count: number) => once(count, (connection) => connection.reset()),
  pauseReading: (count: number) => once(count, (connection) => connection.pauseReading()),
} as const;

function once(
  count: number,
  act: (connection: NodeConnection) => void,
): (connection: NodeConnection) => void {
  const done = new WeakSet<NodeConnection>();
  return (connection) => {
    if (connection.byteCount < count || done.has(connection)) return;
    done.add(connection);
    act(connection);
  };
}
