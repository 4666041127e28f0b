// A pair with real keepalived, on machines of its own: whatever happens to it, no message that was acknowledged is lost, none comes twice
// that was answered, and no sender's node changes. Prints how long nobody was served; `npm run pair` makes a table of it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { whyNoNamespaces } from '../helpers/namespaces.ts';
import { until } from '../helpers/until.ts';
import { PAIR_EVENTS, runEvent } from './pair/events.ts';
import { MEMBERS, Pair } from './pair/pair.ts';

/** Several processes start for each, on cores that others use as well. */
const LONG = { timeout: 240_000 };
/** A hang is found after 3 s, and an open connection waits for its answer for 5: anything beyond is no failover. */
const LONGEST_GAP_S = 30;

const why =
  whyNoNamespaces ?? (spawnSync('keepalived', ['--version']).status === 0 ? undefined : 'no keepalived');

describe.skipIf(why !== undefined)(`a pair${why === undefined ? '' : ` (skipped: ${why})`}`, LONG, () => {
  test.each(PAIR_EVENTS)('$name: nothing is lost', async (event) => {
    const { new4, open4, new6, account } = await runEvent(event);
    const seconds = { new4, open4, new6 };
    console.log(event.name, seconds, `${account.ambiguous.length} sent again and delivered twice`);
    const { lost, twice, moved, acknowledged } = account;
    expect({ lost, twice, moved }).toEqual({ lost: [], twice: [], moved: [] });
    expect(acknowledged).toBeGreaterThan(100);
    for (const gap of [new4, open4, new6 ?? 0]) expect(gap).toBeLessThan(LONGEST_GAP_S);
  });

  test('`status --cluster` shows it as a whole, in a split brain, too', async () => {
    await using pair = await Pair.start();
    await using _ = { [Symbol.asyncDispose]: async () => pair.heal() };
    const check = () => pair.command('status', '--cluster', '--check');
    const view = async () => JSON.parse((await pair.command('status', '--cluster', '--json')).out);
    expect(await check()).toMatchObject({ code: 0, out: expect.stringMatching(/^HL7-GATEWAY OK: /) });
    expect(await view()).toMatchObject({
      configsDiffer: false,
      members: [
        { member: 'gw1', state: 'fit' },
        { member: 'gw2', state: 'fit' },
      ],
      vips: [pair.vip, pair.vip6].map((address) => ({ address, state: 'held', heldBy: [{ member: 'gw1' }] })),
    });
    pair.part();
    await until(() => pair.holders().length === 2, { what: 'both have the VIPs' });
    await until(async () => (await view()).vips[0].state === 'split brain');
    expect(await check()).toMatchObject({
      code: 2,
      out: expect.stringContaining('CRITICAL: split brain: gw1 and gw2'),
    });
    pair.heal();
    await until(async () => (await check()).code === 0);
    pair.killKeepalived(pair.member('gw1'));
    pair.member('gw2').keepalived.kill('SIGTERM');
    pair.member('gw2').gateway.kill('SIGKILL');
    await until(async () => (await view()).members[1].state === 'unreachable');
  });

  test('`--all` acts on both, and says where it did not; each has it in its audit trail', async () => {
    await using pair = await Pair.start();
    const drained = await pair.command('drain', 'mirth/a', '--all');
    expect([drained.code, drained.out]).toEqual([
      0,
      expect.stringMatching(/^gw1: mirth\/a: draining .*\ngw2: mirth\/a: draining .*\n$/),
    ]);
    for (const name of MEMBERS)
      await until(() => readFileSync(pair.auditFile(name), 'utf8').includes('pools.mirth.nodes.a'), {
        what: `${name}'s audit`,
      });
    pair.backup.gateway.kill('SIGKILL');
    await pair.backup.gateway.exited;
    const back = await pair.command('ready', 'mirth/a', '--all');
    expect([back.code, back.out]).toEqual([1, expect.stringMatching(/^gw1: mirth\/a: up .*\n$/)]);
    expect(back.err.split('\n')).toEqual([
      expect.stringContaining('over http:// the token crosses the network'),
      expect.stringMatching(/^gw2: NOT DONE: .*nothing listens there/),
      'done on 1 of 2 members; what is done stays so',
      '',
    ]);
  });
});
