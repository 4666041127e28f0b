// What a fuzzer of one side of the gateway is made of. Promises: nothing here, or in a target, is made of the product's own code.
import type { Prng } from '../../src/tools/world/prng.ts';
import type { FuzzedGateway } from './gateway.ts';

/** What a target has at hand. */
export interface Surroundings {
  /** Starts the gateway with this config; once. */
  start(config: { readonly listeners: object }): Promise<FuzzedGateway>;
  /** Certificate files of a listener, and what a client trusts. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
  /** A node saw what it must not see. With the input that it belongs to, where it says so. */
  report(finding: string): void;
}

export interface Running extends AsyncDisposable {
  /**
   * One input, from first byte to last. Returns what is wrong. Ends in any case: every wait in it has a limit, and one that is
   * not met is a finding.
   */
  run(index: number, prng: Prng): Promise<string | undefined>;
  /** A plain message or request. Returns what is wrong with its answer. */
  probe(): Promise<string | undefined>;
}

export interface Target {
  readonly name: string;
  open(surroundings: Surroundings): Promise<Running>;
}

/** `make`: what is started before it is given inputs. */
export function targetOf(
  name: string,
  make: (surroundings: Surroundings) => Running & { start(): Promise<void> },
): Target {
  return {
    name,
    async open(surroundings) {
      const running = make(surroundings);
      await running.start();
      return running;
    },
  };
}

/** For what is not finished: in the config of the gateways. Longer than what a busy machine takes for what is. */
export const DEADLINE = '12s';
/** For nodes that answer, and messages that wait for them. */
export const LONG = '60s';
/** Longer than either, and than what a gateway takes to let go. */
export const HANG_MS = 90_000;
