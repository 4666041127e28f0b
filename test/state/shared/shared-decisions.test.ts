// Members that share decisions come to the same, whatever the order of decisions, cuts and wipes; and which one goes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Log } from '../../../src/observe/log/log.ts';
import type { Decisions, PoolDecisions } from '../../../src/state/decisions.ts';
import {
  type Decided,
  decidedByKey,
  decisionKey,
  placeOfKey,
} from '../../../src/state/shared/decision-keys.ts';
import { readPending, SharedDecisions } from '../../../src/state/shared/shared-decisions.ts';
import { Link, MemoryServer } from './memory-bucket.ts';

type State = 'ready' | 'draining' | 'maintenance';

class Member {
  readonly lines: [string, Record<string, unknown>][] = [];
  readonly states = new Map<string, State>();
  readonly weights = new Map<string, number>();
  readonly nodes: Set<string>;
  shared: SharedDecisions;
  link: Link | undefined;
  readonly #server: MemoryServer;
  readonly #name: string;

  constructor(server: MemoryServer, name: string, nodes: readonly string[] = ['n0', 'n1']) {
    this.#server = server;
    this.#name = name;
    this.nodes = new Set(nodes);
    this.shared = this.#make();
  }

  #make(): SharedDecisions {
    const write = (fields: Record<string, unknown>, text: string) => this.lines.push([text, fields]);
    return new SharedDecisions({
      member: this.#name,
      log: { info: write, warn: write } as unknown as Log,
      onFailed: () => this.cut(),
      target: { decisions: () => this.decisions(), apply: (decided) => this.#apply(decided) },
    });
  }

  decisions(): Decisions {
    const states = [...this.states].filter(([, state]) => state !== 'ready');
    const pool = {
      states: Object.fromEntries(states.map(([node, state]) => [node, { state, reason: this.#name }])),
      weights: Object.fromEntries(this.weights),
      removed: [],
      added: {},
    };
    return { p: pool as unknown as PoolDecisions };
  }

  #apply({ node, value }: Decided): string | undefined {
    if (!this.nodes.has(node)) return 'no node of that name';
    if (value.is === 'state') this.states.set(node, value.state);
    if (value.is === 'weight') {
      if (value.weight === undefined) this.weights.delete(node);
      else this.weights.set(node, value.weight);
    }
    return undefined;
  }

  decide(node: string, what: State | number): void {
    if (typeof what === 'number') this.weights.set(node, what);
    else this.states.set(node, what);
    this.shared.decided();
  }

  connect(): void {
    if (this.link !== undefined) return;
    this.link = new Link(this.#server);
    void this.link.watch(this.shared.begin(this.link));
  }

  cut(arrive = 0): void {
    this.link?.cut(arrive);
    this.link = undefined;
    this.shared.end();
  }

  /** Its process ends and another takes its place; what stands in the state file goes over. */
  restart(): void {
    const pending = readPending(JSON.parse(JSON.stringify(this.shared.pending)));
    this.cut();
    this.shared = this.#make();
    this.shared.restore(pending);
  }

  get inForce(): object {
    return Object.fromEntries(
      [...decidedByKey(this.decisions())].sort().map(([key, { value }]) => {
        return [key, value.is === 'state' ? value.state : value];
      }),
    );
  }

  said(part: string): number {
    return this.lines.filter(([text]) => text.includes(part)).length;
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}

/** All cuts are healed, and all that waits arrives. */
async function settle(server: MemoryServer, members: readonly Member[]): Promise<void> {
  for (let rounds = 0; rounds < 500; rounds++) {
    for (const member of members) {
      if (member.link !== undefined && !server.links.has(member.link)) member.cut();
      member.connect();
    }
    await turns();
    const moved = members.map(({ link }) => link?.step() === true);
    await turns();
    if (
      !moved.includes(true) &&
      members.every(({ shared, link }) => shared.queued === 0 && link !== undefined)
    )
      return;
  }
  throw new Error('it does not come to an end');
}

async function pair(nodes?: readonly string[]): Promise<readonly [MemoryServer, Member, Member]> {
  const server = new MemoryServer();
  const members = [new Member(server, 'gw1'), new Member(server, 'gw2', nodes)] as const;
  await settle(server, members);
  return [server, ...members];
}

describe('shared decisions', () => {
  it('what is decided at one is in force at the other, told once, and not written back', async () => {
    const [server, one, other] = await pair();
    one.decide('n0', 'draining');
    one.decide('n1', 5);
    await settle(server, [one, other]);
    expect(other.states.get('n0')).toBe('draining');
    expect(other.weights.get('n1')).toBe(5);
    expect(other.said('decided at another member')).toBe(2);
    expect(server.revision).toBe(2);
    other.decide('n0', 'ready');
    await settle(server, [one, other]);
    expect(one.states.get('n0')).toBe('ready');
    expect(server.revision).toBe(3);
  });

  it('of two decisions in the same moment the one with the higher revision goes at both', async () => {
    const [server, one, other] = await pair();
    one.decide('n0', 'draining');
    other.decide('n0', 'maintenance');
    await turns();
    // The other's comes first.
    other.link?.step();
    await settle(server, [one, other]);
    expect([one.states.get('n0'), other.states.get('n0')]).toEqual(['draining', 'draining']);
  });

  it('what is decided while it is away is written when it is back, and told', async () => {
    const [server, one, other] = await pair();
    one.cut();
    one.decide('n0', 'maintenance');
    one.decide('n0', 'draining');
    await settle(server, [one, other]);
    expect(other.states.get('n0')).toBe('draining');
    expect(one.said('while NATS was away, written now')).toBe(1);
    expect(one.shared.counts).toMatchObject({ written: 1, yielded: 0 });
  });

  it('it gives way to what another member has stored meanwhile, and says so', async () => {
    const [server, one, other] = await pair();
    one.cut();
    one.decide('n0', 'maintenance');
    other.decide('n0', 'draining');
    await settle(server, [other]);
    await settle(server, [one, other]);
    expect(one.states.get('n0')).toBe('draining');
    expect(one.said('gives way')).toBe(1);
    expect(one.shared.counts).toMatchObject({ written: 0, yielded: 1 });
  });

  it('a write whose answer is lost is not written again over a later decision', async () => {
    const [server, one, other] = await pair();
    one.decide('n0', 'maintenance');
    await turns();
    one.cut(1);
    await settle(server, [other]);
    expect(other.states.get('n0')).toBe('maintenance');
    other.decide('n0', 'ready');
    await settle(server, [other]);
    await settle(server, [one, other]);
    expect([one.states.get('n0'), other.states.get('n0')]).toEqual(['ready', 'ready']);
  });

  it('a bucket that was wiped is filled again, with the later one of two that members know', async () => {
    const [server, one, other] = await pair();
    one.decide('n0', 'draining');
    await settle(server, [one, other]);
    other.cut();
    one.decide('n0', 'ready');
    await settle(server, [one]);
    server.wipe();
    // Who knows less is there first.
    await settle(server, [other]);
    await settle(server, [one, other]);
    expect([one.states.get('n0'), other.states.get('n0')]).toEqual(['ready', 'ready']);
    expect(server.last.size).toBe(1);
  });

  it('what does not fit the config is told once, stays stored, and goes once the config has it', async () => {
    const [server, one, other] = await pair(['n0']);
    one.decide('n1', 'draining');
    await settle(server, [one, other]);
    expect(other.said('dropped')).toBe(1);
    other.cut();
    await settle(server, [one, other]);
    expect(other.said('dropped')).toBe(1);
    other.nodes.add('n1');
    other.shared.rebase();
    expect(other.states.get('n1')).toBe('draining');
    expect(server.revision).toBe(1);
  });

  it('what a reload drops here is no decision: the other keeps it', async () => {
    const [server, one, other] = await pair();
    one.decide('n0', 'draining');
    await settle(server, [one, other]);
    other.nodes.delete('n0');
    other.states.delete('n0');
    other.shared.rebase();
    other.decide('n1', 'draining');
    await settle(server, [one, other]);
    expect(one.states.get('n0')).toBe('draining');
  });

  it('what no member has written changes nothing', async () => {
    const [server, one, other] = await pair();
    const key = decisionKey('p', 'n0', 'state');
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{"is":"state"}',
      '{"id":"x/1","count":1,"state":"gone"}',
      'x'.repeat(300_000),
    ])
      server.write(key, text, undefined);
    server.write('a.b.c.d', '{}', undefined);
    await settle(server, [one, other]);
    expect([one.inForce, other.inForce]).toEqual([{}, {}]);
    one.decide('n0', 'draining');
    await settle(server, [one, other]);
    expect(other.states.get('n0')).toBe('draining');
  });

  it('any order of decisions, cuts, restarts and wipes comes to the same at all members', async () => {
    const member = fc.nat(2);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ is: fc.constant('step' as const), member }) },
      {
        weight: 4,
        arbitrary: fc.record({
          is: fc.constant('decide' as const),
          member,
          node: fc.constantFrom('n0', 'n1'),
          what: fc.constantFrom<State | number>('ready', 'draining', 'maintenance', 1, 2),
        }),
      },
      { weight: 2, arbitrary: fc.record({ is: fc.constant('cut' as const), member, arrive: fc.nat(2) }) },
      { weight: 2, arbitrary: fc.record({ is: fc.constant('connect' as const), member }) },
      { weight: 1, arbitrary: fc.record({ is: fc.constant('restart' as const), member }) },
      { weight: 1, arbitrary: fc.record({ is: fc.constant('wipe' as const), member }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const server = new MemoryServer();
        const members = ['gw1', 'gw2', 'gw3'].map((name) => new Member(server, name));
        for (const one of steps) {
          const who = members[one.member] as Member;
          if (one.is === 'step') who.link?.step();
          else if (one.is === 'decide') who.decide(one.node, one.what);
          else if (one.is === 'cut') who.cut(one.arrive);
          else if (one.is === 'connect') who.connect();
          else if (one.is === 'restart') who.restart();
          else {
            server.wipe();
            for (const each of members) each.cut();
          }
          await turns();
        }
        await settle(server, members);
        const [first, ...others] = members.map(({ inForce }) => inForce);
        for (const other of others) expect(other).toEqual(first);
        for (const key of server.last.keys()) expect(placeOfKey(key)).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe('keys of decisions', () => {
  it('hold any name, and are told apart', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (pool, node) => {
        const key = decisionKey(pool, node, 'weight');
        expect(key).toMatch(/^[-/=.\w]+$/);
        expect(placeOfKey(key)).toEqual({
          pool: pool.toWellFormed(),
          node: node.toWellFormed(),
          aspect: 'weight',
        });
      }),
    );
  });
});
