// What other gateways know of senders. Promises an answer at once: it comes from memory, and what is told to others is only queued.

export interface SharedSenders {
  /** Name of the node that the sender has at another gateway; undefined: none is known. */
  nodeOf(pool: string, key: string): string | undefined;
  /** A sender has been given a node here, or another one. */
  bound(pool: string, key: string, node: string): void;
}
