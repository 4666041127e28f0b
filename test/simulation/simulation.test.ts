// Some simulated days, and that a day is what its seed says. Many more: `npm run simulate`.
import { describe, expect, it } from 'vitest';
import { dayOf, PROFILE_NAMES } from './day.ts';
import { digestOf, runDay } from './run-day.ts';

describe('a simulated day', () => {
  it.each(PROFILE_NAMES)('of the profile %s keeps every promise', async (profile) => {
    const { violations, messages } = await runDay(dayOf(1, profile));
    expect(violations).toEqual([]);
    expect(messages).toBeGreaterThan(100);
  });

  // Each once had one that was broken: docs/reliability.md, “Found in the gateway”.
  it.each([
    { seed: 90, profile: 'enhanced-shared-ids' },
    { seed: 165, profile: 'enhanced-shared-ids' },
    { seed: 103, profile: 'any' },
    { seed: 883, profile: 'same-node' },
    { seed: 3380, profile: 'default' },
  ] as const)('$seed of the profile $profile keeps every promise', async ({ seed, profile }) => {
    expect((await runDay(dayOf(seed, profile))).violations).toEqual([]);
  });

  it('is the same to the byte with the same seed, log lines and spans included, and another with another', async () => {
    const [seed = 0, next = 0] = Array.from({ length: 100 }, (_, i) => i).filter((i) => dayOf(i).hasTraces);
    const [one, again, other] = [
      await runDay(dayOf(seed)),
      await runDay(dayOf(seed)),
      await runDay(dayOf(next)),
    ];
    expect(one.spans.length).toBeGreaterThan(0);
    expect(digestOf(again)).toBe(digestOf(one));
    expect(digestOf(other)).not.toBe(digestOf(one));
  });
});
