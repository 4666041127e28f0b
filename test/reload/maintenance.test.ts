// F121: a reload logs maintenance only where an operator wants it; a node that it changes or takes out is no such thing.
import { expect, test } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { allTo, poolOf, reload } from './room.ts';

test.for(['drain', 'maintenance'] as const)(
  'F121 a reload is no maintenance, beside an operator’s %s',
  async (wanted) => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using c = await startFaultyNode();
    const config = (urls: readonly string[], pool: Record<string, unknown> = {}): string =>
      allTo('pool', { ...poolOf(urls), ...pool });
    await using gw = await startGateway(config([a.url, b.url, c.url]));
    const states = (): unknown[] =>
      gw.log
        .filter(({ msg }) => String(msg).startsWith('node '))
        .map(({ msg, node, reason }) => [msg, node, reason].filter((one) => one !== undefined).join(' '));
    const nodeOf = (name: string) =>
      gw.gateway.pools.runtimes.get('pool')?.nodes.find((one) => one.name === name);
    nodeOf('b')?.[wanted]('wanted from 10.0.0.9');
    const state = wanted === 'drain' ? 'draining' : 'maintenance';
    expect(states()).toEqual([`node ${state} b wanted from 10.0.0.9`]);

    // All nodes have other settings now, and c is gone.
    await reload(gw, config([a.url, b.url], { timeouts: { ack: '7s' } }));
    expect(nodeOf('b')).toMatchObject({ adminState: state });
    expect(nodeOf('b')?.status.reason).toBe('wanted from 10.0.0.9');
    expect(nodeOf('a')).toMatchObject({ adminState: 'ready' });
    expect(
      states()
        .slice(1)
        .filter((line) => /maintenance|drain|config/.test(String(line))),
    ).toEqual([]);
    expect(states()).toContain('node closed c');
    expect(JSON.stringify(gw.log)).not.toMatch(/not in the config/);

    // The other pool under that name takes the place of this one.
    await reload(gw, config([a.url], { persistence: { by: ['MSH-3'] } }));
    expect(
      states()
        .slice(1)
        .filter((line) => /maintenance|drain/.test(String(line))),
    ).toEqual([]);
    await using sender = await connectSender(gw.port());
    expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
  },
);
