// A part of the gateway that takes up another config while it runs, in three steps: prepare, commit (or roll back), settle.

export interface Reconfigurable<Config> {
  /**
   * Makes and opens what `config` needs beyond what is there. All that can fail, fails here. What is in force stays in force.
   *
   * @throws GatewayError; then the part is as it was
   */
  prepare(config: Config): Prepared | Promise<Prepared>;
}

/** What `prepare` made ready. Either `commit` and then `settle` are called, or `rollback`. */
export interface Prepared {
  /** What it was made from has changed since: it has to be prepared again before it is committed. */
  readonly isStale?: boolean;
  /** The part goes by the new config from now on. It tells nobody yet: other parts may still go by the old one. */
  commit(): void;
  /** Closes what was made, and opens again what had to be closed for it. */
  rollback(): void | Promise<void>;
  /**
   * All parts have committed, in this turn of the event loop. Tells those who wait, and begins to drain what is gone. The
   * reload does not wait for the promise.
   */
  settle?(): void | Promise<void>;
}

/** For a part that only has to be told: nothing about it can fail. */
export function committing<Config>(
  commit: (config: Config) => void,
  settle?: (config: Config) => void | Promise<void>,
): Reconfigurable<Config> {
  return {
    prepare: (config) => ({
      commit: () => commit(config),
      rollback: () => {},
      settle: () => settle?.(config),
    }),
  };
}
