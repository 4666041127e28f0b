// A reload: all parts take up the config, or none does. Parts are prepared one after the other; where one fails, those
// before it are rolled back, the last one first. All commit in one turn of the event loop, so no message meets half a config.
import { GatewayError } from '../errors.ts';
import type { Prepared, Reconfigurable } from './reconfigurable.ts';

/** In the order in which they prepare, commit and settle. */
export type ReloadParts<Config> = readonly (readonly [name: string, part: Reconfigurable<Config>])[];

export interface ReloadHooks {
  /** All parts have committed but those that are named; none has settled yet. */
  onCommitted?(failed: readonly string[]): void;
  /** A step that must not fail has failed. The reload goes on. */
  onDefect(part: string, step: 'commit' | 'rollback' | 'settle', thrown: unknown): void;
}

interface Step<Config> {
  readonly name: string;
  readonly part: Reconfigurable<Config>;
  prepared: Prepared;
}

/** An operator changes nodes one by one: more changes during one reload come from a script in a loop. */
const MOST_TRIES = 10;

/**
 * Returns the parts that failed to commit. That is a defect, and the others commit all the same: what is committed cannot be
 * taken back (docs/decisions/0017-a-reload-is-one-transaction.md).
 *
 * @throws what the part has thrown that could not be prepared; then all parts are as they were
 */
export async function reloadAll<Config>(
  parts: ReloadParts<Config>,
  config: Config,
  hooks: ReloadHooks,
): Promise<readonly string[]> {
  const steps: Step<Config>[] = [];
  try {
    for (const [name, part] of parts) steps.push({ name, part, prepared: await part.prepare(config) });
    // Nothing is awaited between the last look and the commits.
    for (let tries = 0; steps.some(({ prepared }) => prepared.isStale); tries++) {
      if (tries === MOST_TRIES)
        throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'nodes are changed all the time' });
      await prepareAgain(steps, config);
    }
  } catch (thrown) {
    for (const step of steps.toReversed()) await rollBack(step, hooks);
    throw thrown;
  }
  const failed = commitAll(steps, hooks);
  try {
    hooks.onCommitted?.(failed);
  } catch (thrown) {
    hooks.onDefect('observers', 'commit', thrown);
  }
  for (const step of steps) settle(step, hooks);
  return failed;
}

/** What is stale is rolled back when its successor is there, so that what both need stays open. */
async function prepareAgain<Config>(steps: readonly Step<Config>[], config: Config): Promise<void> {
  for (const step of steps) {
    if (!step.prepared.isStale) continue;
    const stale = step.prepared;
    step.prepared = await step.part.prepare(config);
    await stale.rollback();
  }
}

function commitAll<Config>(steps: readonly Step<Config>[], { onDefect }: ReloadHooks): readonly string[] {
  const failed: string[] = [];
  for (const { name, prepared } of steps) {
    try {
      prepared.commit();
    } catch (thrown) {
      failed.push(name);
      onDefect(name, 'commit', thrown);
    }
  }
  return failed;
}

async function rollBack<Config>({ name, prepared }: Step<Config>, { onDefect }: ReloadHooks): Promise<void> {
  try {
    await prepared.rollback();
  } catch (thrown) {
    onDefect(name, 'rollback', thrown);
  }
}

/** Of a part that failed to commit too: it may have come so far that somebody waits for it. */
function settle<Config>({ name, prepared }: Step<Config>, { onDefect }: ReloadHooks): void {
  try {
    prepared.settle?.()?.catch((thrown: unknown) => onDefect(name, 'settle', thrown));
  } catch (thrown) {
    onDefect(name, 'settle', thrown);
  }
}
