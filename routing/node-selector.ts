// Chooses a message's node. Pure: no sockets, no timers, nothing made for a choice but the choice itself.
// What a node can take it is asked anew each time.
import { isDeepStrictEqual } from 'node:util';
import type { PoolConfig } from '../src/config/config.ts';
import { monotonicMs } from '../src/platform/time.ts';
import { charge, leastInFlight, roundRobin } from './balance.ts';
import type { Candidate, Member } from './candidate.ts';
import { memberOf, rendezvous } from './rendezvous.ts';
import { StickTable } from './stick-table.ts';
import { isStreamKey } from './sticky-key.ts';

export type { Candidate } from './candidate.ts';

export type SelectionReason =
  | 'sticky-hash'
  | 'sticky-table'
  | 'round-robin'
  | 'least-in-flight'
  | 'hash'
  | 'trial'
  | 'same-turn';

export type Choice<N> =
  | {
      readonly node: N;
      readonly selectionReason: SelectionReason;
      /** The node has no room now: the message waits in its queue. */
      readonly wait: boolean;
    }
  | undefined;

type Chosen = Pick<PoolConfig, 'name' | 'balance' | 'persistence'>;

export class NodeSelector<N extends Candidate> {
  readonly name: string;
  /** Set by who wants to know: `table` has given a sender a node, or another one. */
  onBound: ((key: string, node: string) => void) | undefined;
  /** Set likewise: the node of a sender that `table` does not know, where somebody else does. */
  elsewhere: ((key: string) => string | undefined) | undefined;
  readonly #now: () => number;
  #config: Chosen;
  #balance: PoolConfig['balance'];
  #mode: 'hash' | 'table' | undefined;
  #table: StickTable | undefined;
  #nodes: readonly N[] = [];
  #members: readonly Member<N>[] = [];
  #byName = new Map<string, Member<N>>();

  // What one `choose` works with; made once, refilled each time.
  #candidates: Member<N>[] = [];
  #candidateCount = 0;
  #roomy: Member<N>[] = [];
  #roomyCount = 0;
  /** Of the roomy ones, one that wants a trial. */
  #trial: Member<N> | undefined;
  /** Picked last for a message of no sender, and how many have followed it in the same turn of the event loop. */
  #last: Member<N> | undefined;
  #followers = 0;
  /** No primary can be chosen, so the candidates are backups. */
  #onBackups = false;

  constructor(config: Chosen, nodes: readonly N[], now: () => number = () => monotonicMs()) {
    this.name = config.name;
    this.#now = now;
    this.#config = config;
    this.#balance = config.balance;
    this.#mode = config.persistence?.mode;
    this.#table = this.#tableFor(config);
    this.setNodes(nodes);
  }

  /** Goes by another config from now on. Senders keep their nodes unless what they are known by has changed. */
  reconfigure(config: Chosen): void {
    const { persistence } = config;
    const before = this.#config.persistence;
    if (persistence?.mode === 'table' && isDeepStrictEqual(persistence.by, before?.by) && this.#table)
      this.#table.reconfigure(persistence);
    else if (!isDeepStrictEqual(persistence, before)) this.#table = this.#tableFor(config);
    this.#config = config;
    this.#balance = config.balance;
    this.#mode = config.persistence?.mode;
  }

  get nodes(): readonly N[] {
    return this.#nodes;
  }

  /**
   * Replaces the nodes. One that keeps its name keeps its turns and the senders that the table gave it, so that a reload
   * moves nobody; the senders of one that is gone are given a node anew when they next send.
   */
  setNodes(nodes: readonly N[]): void {
    const before = this.#byName;
    this.#nodes = [...nodes];
    this.#members = nodes.map((node) => {
      const member = memberOf(node);
      member.credit = before.get(node.name)?.credit ?? 0;
      return member;
    });
    this.#byName = new Map(this.#members.map((member) => [member.node.name, member]));
    // Not the old arrays: what they hold beyond the count would keep nodes that are gone.
    this.#candidates = [];
    this.#roomy = [];
    this.#last = undefined;
    this.#followers = 0;
  }

  /**
   * The node for a message of the sender `key` (undefined: of no particular sender), none of `exclude`; undefined if no
   * node may be given it.
   */
  choose(key: string | undefined, exclude?: ReadonlySet<N>): Choice<N> {
    if (key === undefined && this.#mayFollow(exclude)) {
      this.#followers++;
      return chosen(this.#last, 'same-turn', false);
    }
    this.#gather(exclude);
    if (key !== undefined && this.#mode === 'hash') return this.#stickByHash(key);
    // F81: such a pool keeps no senders together, but this message belongs to others.
    if (key !== undefined && this.#table === undefined && isStreamKey(key)) return this.#stickByHash(key);
    if (key !== undefined && this.#table !== undefined) return this.#stickByTable(key, this.#table, exclude);
    return this.#pick(key);
  }

  /**
   * What no sender binds goes where the message before it went in this turn of the event loop: one write of several messages
   * costs little more than one of one. What the others are owed for it they get in the turns that come.
   */
  #mayFollow(exclude: ReadonlySet<N> | undefined): boolean {
    const node = this.#last?.node;
    if (node?.joinsTurn !== true || !node.usable || !node.hasRoom) return false;
    return node.weight > 0 && node.draining !== true && exclude?.has(node) !== true;
  }

  /** May a message or request that is bound to `node` by something of its own (a cookie) go there? */
  mayKeep(node: N): boolean {
    this.#gather(undefined);
    return this.#mayStay(node);
  }

  /** `table` only: which senders have which nodes. */
  get senders(): StickTable | undefined {
    return this.#table;
  }

  /** `table` only: the sender `key` has shown that it belongs to `node`. */
  learn(key: string, node: N): void {
    this.#table?.set(key, node.name);
  }

  /**
   * Candidates are the usable primaries with weight above 0 that are not draining and not excluded; where there are none,
   * the backups of which the same holds. A backup never shares the load with a primary.
   */
  #gather(exclude: ReadonlySet<N> | undefined): void {
    this.#onBackups = false;
    this.#fill(exclude);
    if (this.#candidateCount > 0) return;
    this.#onBackups = true;
    this.#fill(exclude);
  }

  #fill(exclude: ReadonlySet<N> | undefined): void {
    let candidates = 0;
    let roomy = 0;
    this.#trial = undefined;
    for (let i = 0; i < this.#members.length; i++) {
      const member = this.#members[i] as Member<N>;
      const { node } = member;
      if (node.backup !== this.#onBackups || !(node.weight > 0) || !node.usable || exclude?.has(node))
        continue;
      if (node.draining === true) continue;
      this.#candidates[candidates++] = member;
      if (!node.hasRoom) continue;
      this.#roomy[roomy++] = member;
      if (node.wantsTrial === true) this.#trial = member;
    }
    this.#candidateCount = candidates;
    this.#roomyCount = roomy;
  }

  /**
   * Mode `hash`: the sender's node among all candidates, whether it has room or not. A full node's senders wait for it,
   * else their messages would overtake each other by way of another node. With weight 0, and while it is draining, a node
   * loses its senders here: nothing remembers them, so none could be told from a new one.
   */
  #stickByHash(key: string): Choice<N> {
    const member = rendezvous(this.#candidates, this.#candidateCount, key);
    return member && { node: member.node, selectionReason: 'sticky-hash', wait: !member.node.hasRoom };
  }

  /**
   * Mode `table`: the node that the sender had, if it may still have it; like above, room or not. Otherwise the balance
   * picks one and the table remembers that. A sender moves back from a backup as soon as a primary is there.
   */
  #stickByTable(key: string, table: StickTable, exclude: ReadonlySet<N> | undefined): Choice<N> {
    const name = table.get(key);
    const node = name === undefined ? undefined : this.#byName.get(name)?.node;
    if (node !== undefined && this.#mayStay(node) && !exclude?.has(node)) {
      return { node, selectionReason: 'sticky-table', wait: !node.hasRoom };
    }
    const choice = this.#pick(key);
    if (choice !== undefined) table.set(key, choice.node.name);
    return choice;
  }

  #tableFor({ persistence }: Chosen): StickTable | undefined {
    if (persistence?.mode !== 'table') return undefined;
    const { maxSenders, idleMs } = persistence;
    const onBound = (key: string, node: string): void => this.onBound?.(key, node);
    const elsewhere = (key: string): string | undefined => this.elsewhere?.(key);
    return new StickTable({ maxSenders, idleMs, now: this.#now, onBound, elsewhere });
  }

  /** The rule for candidates, but for the weight and draining: such nodes keep the senders they have. */
  #mayStay(node: N): boolean {
    return node.usable && (!node.backup || this.#onBackups);
  }

  /**
   * No sender to keep together: balance among the candidates that have room; if none has, the message waits for the one
   * that the balance would pick.
   */
  #pick(key: string | undefined): Choice<N> {
    if (this.#trial !== undefined) return chosen(this.#trial, 'trial', false);
    const wait = this.#roomyCount === 0;
    const members = wait ? this.#candidates : this.#roomy;
    const count = wait ? this.#candidateCount : this.#roomyCount;
    if (this.#last !== undefined && this.#followers > 0) charge(members, count, this.#last, this.#followers);
    this.#followers = 0;
    let reason: SelectionReason = this.#balance;
    let member: Member<N> | undefined;
    if (this.#balance === 'least-in-flight') member = leastInFlight(members, count);
    else if (this.#balance === 'hash' && key !== undefined) member = rendezvous(members, count, key);
    else {
      // Balance `hash` without a key has nothing to hash.
      reason = 'round-robin';
      member = roundRobin(members, count);
    }
    this.#last = wait ? undefined : member;
    return chosen(member, reason, wait);
  }
}

function chosen<N extends Candidate>(
  member: Member<N> | undefined,
  selectionReason: SelectionReason,
  wait: boolean,
): Choice<N> {
  return member && { node: member.node, selectionReason, wait };
}
