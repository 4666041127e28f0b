// What happens to a pair, each to a new one: who does what, when it is over, and what senders saw of it.
import { until } from '../../helpers/until.ts';
import { Pair, type PairOptions } from './pair.ts';
import type { Account, Traffic } from './traffic.ts';

export interface PairEvent {
  readonly name: string;
  readonly options?: PairOptions;
  /** Seconds without service that issue 19 asks for: by new connections, and by one that is open. */
  readonly target?: readonly [number, number];
  /** Resolves when it has happened; senders send meanwhile. */
  readonly happen: (pair: Pair, senders: readonly Traffic[]) => Promise<void>;
}

export interface PairFigures {
  /** Longest times without an acknowledgement, in seconds. */
  readonly new4: number;
  readonly open4: number;
  readonly new6: number | undefined;
  readonly account: Account;
}

/** Enough to see that it has settled: a second and more of each sender. */
const MORE = 40;

async function moved(pair: Pair, from: string): Promise<void> {
  await until(() => pair.holders().length === 1 && !pair.holders().includes(from as 'gw1'), {
    what: `the VIPs leave ${from}`,
  });
}

async function settled(senders: readonly Traffic[]): Promise<void> {
  await Promise.all(senders.map((sender) => sender.more(MORE)));
}

export const PAIR_EVENTS: readonly PairEvent[] = [
  {
    name: 'the gateway ends in order (SIGTERM)',
    target: [0.3, 0.3],
    happen: async (pair) => {
      const { holder } = pair;
      holder.gateway.kill('SIGTERM');
      await moved(pair, holder.name);
    },
  },
  {
    name: 'the gateway is killed, keepalived watches the process',
    options: { watchesProcess: true },
    target: [0.2, 0.4],
    happen: async (pair) => {
      const { holder } = pair;
      holder.gateway.kill('SIGKILL');
      await moved(pair, holder.name);
    },
  },
  {
    name: 'the gateway is killed, keepalived only asks it (in a container)',
    happen: async (pair) => {
      const { holder } = pair;
      holder.gateway.kill('SIGKILL');
      await moved(pair, holder.name);
    },
  },
  {
    name: 'the gateway hangs (SIGSTOP)',
    target: [3, Number.POSITIVE_INFINITY],
    happen: async (pair, senders) => {
      const { holder } = pair;
      holder.gateway.kill('SIGSTOP');
      await moved(pair, holder.name);
      await settled(senders);
      holder.gateway.kill('SIGCONT');
    },
  },
  {
    name: 'keepalived ends in order',
    happen: async (pair) => {
      const { holder } = pair;
      holder.keepalived.kill('SIGTERM');
      await moved(pair, holder.name);
    },
  },
  {
    name: 'keepalived is killed, and leaves the VIPs on its machine',
    happen: async (pair) => {
      const { holder, backup } = pair;
      pair.killKeepalived(holder);
      await until(() => pair.holders().includes(backup.name), { what: `${backup.name} has the VIPs` });
    },
  },
  {
    name: "the machine's cable is pulled",
    target: [0.5, 0.7],
    happen: async (pair) => {
      const { holder } = pair;
      holder.host.link('eth1').pull();
      await moved(pair, holder.name);
    },
  },
  {
    name: 'the machine is silent',
    target: [0.5, 0.7],
    happen: async (pair) => {
      const { holder, backup } = pair;
      holder.host.link('eth1').silence();
      await until(() => pair.holders().includes(backup.name), { what: `${backup.name} has the VIPs` });
    },
  },
  {
    name: 'a hot restart (`--replace`)',
    happen: async (pair) => {
      await pair.hotRestart(pair.holder);
    },
  },
  {
    name: 'both are restarted, the one without the VIPs first',
    happen: async (pair, senders) => {
      const { holder, backup } = pair;
      for (const member of [backup, holder]) {
        member.gateway.kill('SIGTERM');
        await member.gateway.exited;
        await pair.startAgain(member);
        await settled(senders);
      }
    },
  },
  {
    name: 'the members do not hear each other (split brain)',
    happen: async (pair, senders) => {
      pair.part();
      await until(() => pair.holders().length === 2, { what: 'both have the VIPs' });
      await settled(senders);
    },
  },
  {
    name: 'and hear each other again',
    happen: async (pair, senders) => {
      pair.part();
      await until(() => pair.holders().length === 2, { what: 'both have the VIPs' });
      await settled(senders);
      for (const sender of senders) sender.mark();
      pair.heal();
      await until(() => pair.holders().join() === 'gw1', { what: 'gw1 alone has the VIPs' });
    },
  },
];

export async function runEvent({ options = {}, happen }: PairEvent): Promise<PairFigures> {
  await using pair = await Pair.start(options);
  const senders = [pair.send('new'), pair.send('open')];
  // The machine that the test runs on lets the VIP of the other family alone.
  if (options.watchesProcess !== true) senders.push(pair.send('new', 6));
  await settled(senders);
  for (const sender of senders) sender.mark();
  await happen(pair, senders);
  await settled(senders);
  const [new4 = 0, open4 = 0, new6] = senders.map(({ longestGapMs }) => longestGapMs / 1000);
  return { new4, open4, new6, account: await pair.account() };
}
