// One short campaign: 50 events in some seconds, and everything that its checker holds against the gateway.
import { expect } from 'vitest';
import { runCampaign } from './campaign.ts';
import { EVENT_KINDS } from './events/kinds.ts';

const SHORT = { events: 50, durationMs: 11_000 };
/** What a campaign of this length brings about on the slowest of machines. */
const LEAST_MESSAGES = 1_000;

export async function expectKept(profile: string, seed: number): Promise<void> {
  const { violations, figures, logs } = await runCampaign({ ...SHORT, seed, profile });
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
}
