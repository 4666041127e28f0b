// The campaign's short form, and the proof that its checker would see what it is there for. The long form is run.ts.
// Promises: seeds are fixed, so that a run that fails can be done again; its logs are kept, and the failure says where.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCampaign } from './campaign.ts';
import { EVENT_KINDS } from './events/kinds.ts';
import { MUTANTS, makeMutant, runMutant } from './mutants.ts';

const SHORT = { events: 50, durationMs: 11_000 };
/** With the time for the others to be over, as not all of them are done at once. */
const TIMEOUT_MS = 900_000;
/** Each is a dozen processes: more of them at once only wait for each other. */
const AT_ONCE = 2;
/** What a campaign of this length brings about on the slowest of machines. */
const LEAST_MESSAGES = 1_000;

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  if (running === AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await run();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

/** Descriptors are counted under /proc. */
const onLinux = process.platform === 'linux';

describe.runIf(onLinux)(
  'F30 F31 F32 F33 F34 F35 F36 F39 F40 F41 F44 F125 nodes and senders that fail as they like',
  () => {
    // Both policies, one and more messages on a connection, with and without a sticky node.
    test.concurrent.each([
      ['default', 6],
      ['pipelined', 2],
      ['balanced', 4],
      // The wires, routes and pools that the others do not have.
      ['mixed', 3],
    ])('%s: every promise is kept through 50 events', { timeout: TIMEOUT_MS }, async (profile, seed) => {
      const { violations, figures, logs } = await inTurn(() => runCampaign({ ...SHORT, seed, profile }));
      expect(violations, `logs in ${logs}`).toEqual([]);
      expect(figures.positive).toBeGreaterThan(LEAST_MESSAGES);
      expect(figures.senderConnections).toBeGreaterThan(8);
      // Each kind has come about: the gateway can do them all.
      expect(Object.keys(figures.events).toSorted()).toEqual(
        EVENT_KINDS.map(({ kind }) => kind)
          .filter((kind) => kind !== 'crowd')
          .toSorted(),
      );
      // The disturbance has reached the messages; where a resend is allowed, it may have failed none of them.
      expect(figures.retried + Object.keys(figures.failed).length).toBeGreaterThan(0);
    });
  },
);

describe.runIf(onLinux)('F34 F35 F41 F125 a gateway that is wrong is caught', () => {
  test.concurrent.each(MUTANTS.filter(({ isLong }) => isLong !== true))(
    '$name',
    { timeout: TIMEOUT_MS },
    async (mutant) => {
      const { violations } = await inTurn(() => runMutant(mutant, 2));
      const rules = new Set(violations.map(({ rule }) => rule));
      expect(mutant.caughtBy.filter((rule) => rules.has(rule))).not.toEqual([]);
    },
  );
});

test('a mutant whose place in the source is gone, or there twice, is an error', () => {
  const patch = { file: 'src/relay/retry.ts', put: '' };
  for (const find of ['not in there', 'return'])
    expect(() => makeMutant({ name: 'test', patches: [{ ...patch, find }] })).toThrow(
      'the mutant “test” does not fit src/relay/retry.ts any more',
    );
});

test('nothing here is made of the product’s own code', () => {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
  const imports = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(join(import.meta.dirname, file), 'utf8');
      return [...text.matchAll(/\bfrom '(\.[^']+)'/g)].map(([, path]) => [file, path as string] as const);
    });
  expect(imports.length).toBeGreaterThan(30);
  const outside = imports.filter(([file, path]) =>
    relative(import.meta.dirname, resolve(import.meta.dirname, dirname(file), path)).startsWith('..'),
  );
  expect(outside).toEqual([]);
});
