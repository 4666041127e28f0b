// What stands beside the gateway and goes by the same config (the admin API, the audit trail) is made ready for another one
// before that is taken up. Promises that of several either all go by the new config or none.
import type { GatewayConfig } from '../../config/config.ts';

/** What another config needs is there; one of the two is to be called. */
export interface PreparedChange {
  commit(): void;
  discard(): Promise<void>;
}

/** Rejects where something that it needs cannot be had; then nothing has changed. */
export type Prepare = (config: GatewayConfig) => Promise<PreparedChange>;

export function inTurn(...parts: readonly Prepare[]): Prepare {
  return async (config) => {
    const ready: PreparedChange[] = [];
    const discard = async (): Promise<void> => {
      for (const one of ready.toReversed()) await one.discard();
    };
    try {
      for (const part of parts) ready.push(await part(config));
    } catch (thrown) {
      await discard();
      throw thrown;
    }
    return {
      commit: () => {
        for (const one of ready) one.commit();
      },
      discard,
    };
  };
}
