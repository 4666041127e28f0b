// A Mirth node as the gateway knows it: where it is, whether it may be given messages, how much is under way to it.
// Joins what checks and messages say of it (health/node-health.ts) with what an operator wants of it.
import { type ErrorCode, GatewayError } from '../errors.ts';
import { type AckCode, isNegative } from '../hl7/ack.ts';
import { monotonicMs } from '../platform/time.ts';
import { turnTime } from '../turn.ts';
import type { Channel, Delivery } from './delivery.ts';
import { isRefused } from './dial.ts';
import type { HealthVerdict } from './health/mirrored-health.ts';
import {
  type Health,
  type HealthJudge,
  type HealthOptions,
  type HealthOwner,
  NodeHealth,
} from './health/node-health.ts';
import { SlowStart } from './health/slow-start.ts';
import type { LostAnswer } from './mllp/node-quirks.ts';
import {
  type AdminState,
  type EndedCheck,
  NOT_TRIED,
  NodeRecord,
  type NodeState,
  type NodeStatus,
} from './node-status.ts';
import type { Upstream, UpstreamLoad, UpstreamOwner } from './upstream.ts';

export interface NodeOptions extends HealthOptions {
  readonly name: string;
  readonly pool: string;
  readonly weight: number;
  readonly backup: boolean;
  readonly slowStartMs: number;
  /** No message of its pool is answered (F42): one that is written is as good as answered. */
  readonly answerless: boolean;
  /** Who judges its health; undefined: this process. */
  readonly judge?: ((options: HealthOptions, owner: HealthOwner) => HealthJudge) | undefined;
}

export interface NodeWatcher {
  /** There is room for one more message. */
  onRoom(node: Node): void;
  /** `usable`, `draining` or the weight may have changed. */
  onUsable(node: Node): void;
  /** `reason`: an error code, what a check said, or who wanted it. */
  onState(node: Node, state: Health | AdminState, reason: string): void;
  onStrayAnswer(node: Node): void;
  /** Application acknowledgements of it that no sender was told of. */
  onLostAnswer?(node: Node, reason: LostAnswer, count: number): void;
  /** One of its connections made way for a message whose control id was a repeated one on all of them. */
  onRepeatedId(node: Node): void;
  /** F84: its answers have been seen to name their messages by other than MSH-10 as it was sent. */
  onAlike(node: Node): void;
  /** Other nodes can do its work while it is out. */
  mayEject(node: Node): boolean;
}

/** HAProxy's range. */
const MAX_WEIGHT = 256;
/** A node has closed a check's connection so soon after its end, and takes another one. */
const CHECK_LEFT_MS = 100;

export class Node implements UpstreamOwner {
  readonly name: string;
  readonly pool: string;
  readonly backup: boolean;
  readonly #watcher: NodeWatcher;
  readonly #upstream: Upstream;
  readonly #health: HealthJudge;
  readonly #slowStart: SlowStart;
  readonly #record: NodeRecord;
  readonly #answerless: boolean;
  #adminState: AdminState = 'ready';
  #weight: number;
  #hasBeenUp: boolean;
  /** Neither down nor in maintenance; asked for each message, as is the next. */
  #isOpen: boolean;
  #onTrial = false;
  /** A reload has no use for it. */
  #hasLeft = false;
  /** Until then a check's connection may be open at the node, in monotonicMs() milliseconds. */
  #checkEndsAt = 0;

  constructor(options: NodeOptions, watcher: NodeWatcher, upstream: (owner: UpstreamOwner) => Upstream) {
    const { name, pool, backup, weight, answerless, slowStartMs, initial } = options;
    this.name = name;
    this.pool = pool;
    this.backup = backup;
    this.#weight = weight;
    this.#answerless = answerless;
    this.#watcher = watcher;
    this.#slowStart = new SlowStart(slowStartMs);
    this.#hasBeenUp = initial === 'up';
    this.#isOpen = initial === 'up';
    this.#record = new NodeRecord(initial, initial === 'up' ? NOT_TRIED : 'not checked yet');
    this.#upstream = upstream(this);
    const owner: HealthOwner = {
      mayEject: () => watcher.mayEject(this),
      inFlight: () => this.#upstream.inFlight,
      onHealth: (health, reason) => this.#onHealth(health, reason),
      onTrial: (reason) => {
        this.#record.reason = reason ?? this.#record.reason;
        this.#onChange();
      },
    };
    this.#health = options.judge?.(options, owner) ?? new NodeHealth(options, owner);
  }

  get state(): NodeState {
    if (this.#adminState === 'maintenance') return 'maintenance';
    if (this.#health.state === 'down') return 'down';
    if (this.#adminState === 'draining') return 'draining';
    return this.#upstream.isFull ? 'full' : 'up';
  }

  /** What checks and messages say, whatever an operator wants. */
  get health(): Health {
    return this.#health.state;
  }

  get adminState(): AdminState {
    return this.#adminState;
  }

  /** The share that it has of new senders; less than configured for a while after it came back. */
  get weight(): number {
    return this.#slowStart.isOver ? this.#weight : this.#weight * this.#slowStart.share(monotonicMs());
  }

  get inFlight(): number {
    return this.#upstream.inFlight;
  }

  get openConnections(): number {
    return this.#upstream.openConnections;
  }

  /** F96: it has a connection of the gateway's, or is about to: that it refuses another one says no more than that it is full. */
  get isInContact(): boolean {
    return this.#upstream.openConnections > 0 || this.#upstream.isDialling === true;
  }

  /** F96: a check on the port of messages has nothing to find out and would take a place that they need. */
  get isServingAllItCan(): boolean {
    if (this.#health.state !== 'up' || this.#upstream.isLimited !== true) return false;
    return this.#upstream.openConnections > 0;
  }

  /** A message may be given to it, now or once it has room. */
  get usable(): boolean {
    if (!this.#isOpen || (this.#onTrial && this.#upstream.inFlight > 0)) return false;
    return !this.#upstream.isFull;
  }

  /** It takes one more message right now. */
  get hasRoom(): boolean {
    return this.#upstream.hasRoom;
  }

  /** Not while it has less than its share: that holds within a turn as well. */
  get joinsTurn(): boolean {
    return this.#upstream.joinsTurn === true && this.#slowStart.isOver;
  }

  /** It takes no sender that is not bound to it. */
  get draining(): boolean {
    return this.#adminState === 'draining';
  }

  /** A message should go there before any other node is considered: its answer decides whether the node is back. */
  get wantsTrial(): boolean {
    return this.#onTrial && this.#health.wantsTrial;
  }

  /** Takes a full part in its pool's work. */
  get isServing(): boolean {
    return this.#health.state === 'up' && !this.#onTrial && this.#adminState === 'ready' && this.#weight > 0;
  }

  /** Left out for what messages met there. */
  get isEjected(): boolean {
    return this.#health.isEjected;
  }

  /** A check has nothing new to find out. */
  get isSteady(): boolean {
    return this.#health.isSteady;
  }

  /** When it last gave an answer, in monotonicMs() milliseconds. */
  get lastAnswerAt(): number {
    return this.#record.lastAnswerAt;
  }

  /** The same, if nothing has failed there since. */
  get answeredAt(): number {
    const { lastAnswerAt, hasFailedSince } = this.#record;
    return hasFailedSince ? Number.NEGATIVE_INFINITY : lastAnswerAt;
  }

  /** What other processes go by. */
  get verdict(): HealthVerdict {
    const { state, trial, wantsTrial, isEjected } = this.#health;
    return { state, trial, wantsTrial, isEjected, reason: this.#record.reason };
  }

  /** Of its connections, for other processes. */
  get load(): UpstreamLoad {
    const { inFlight, openConnections, isFull, isDialling = false, isLimited = false } = this.#upstream;
    return { inFlight, connections: openConnections, isFull, isDialling, isLimited };
  }

  get status(): NodeStatus {
    const { name, pool, backup, state, inFlight } = this;
    const { count, leftMs } = this.#health.ejections;
    return {
      name,
      pool,
      backup,
      state,
      health: this.#health.state,
      adminState: this.#adminState,
      trial: this.#onTrial,
      weight: this.#weight,
      effectiveWeight: this.weight,
      inFlight,
      connections: this.openConnections,
      ejections: count,
      ejectedForMs: leftMs,
      ...this.#record.about(state),
    };
  }

  /** Only where `hasRoom`, or on a `channel` that takes it. */
  send(delivery: Delivery, channel?: Channel): void {
    this.#upstream.send(delivery, channel);
  }

  close(): void {
    this.#health.close();
    this.#upstream.close();
  }

  /** Keeps the senders that are bound to it until they fall silent, takes no new ones. */
  drain(reason = 'an operator wants it'): void {
    this.#setAdminState('draining', reason);
  }

  /** Is given nothing from now on. What it has is answered; what waits for it goes elsewhere. */
  maintenance(reason = 'an operator wants it'): void {
    this.#setAdminState('maintenance', reason);
    this.#upstream.giveBack?.();
    this.#upstream.retire?.();
  }

  /** The same at the end of its life: a reload has no use for it, which is no operator's doing and told as none. */
  leave(): void {
    this.#hasLeft = true;
    this.#adminState = 'maintenance';
    this.#onChange();
    this.#upstream.giveBack?.();
    this.#upstream.retire?.();
  }

  /** It takes the place of one with other settings: what an operator wants of that holds for it, and is no news. */
  succeed(other: Node): void {
    this.#adminState = other.#adminState;
    this.#record.adminReason = other.#record.adminReason;
    this.#onChange();
  }

  /** What waits for a connection to it goes elsewhere. */
  giveBack(): void {
    this.#upstream.giveBack?.();
  }

  /** Ends both of the above. One that was left out for a time need not wait any longer, but must still show itself. */
  ready(reason = 'an operator wants it'): void {
    if (this.#adminState === 'maintenance') this.#slowStart.begin(monotonicMs());
    this.#setAdminState('ready', reason);
    this.#health.pardon();
  }

  /** @throws GatewayError GW_ERR_USAGE for what is no weight */
  setWeight(weight: number): void {
    if (!(weight >= 0 && weight <= MAX_WEIGHT))
      throw new GatewayError('GW_ERR_USAGE', { detail: `a weight is a number from 0 to ${MAX_WEIGHT}` });
    this.#weight = weight;
    this.#watcher.onUsable(this);
  }

  /** A health check on the port of messages begins. */
  checkBegins(): void {
    this.#checkEndsAt = Number.POSITIVE_INFINITY;
  }

  /** A health check has come to an end. */
  checked(check: EndedCheck): void {
    if (this.#checkEndsAt > 0) this.#checkEndsAt = monotonicMs() + CHECK_LEFT_MS;
    this.#record.checked(check);
    const { verdict } = check;
    if (verdict.kind === 'failed') this.failedBy(`check: ${verdict.reason}`);
    else if (verdict.kind !== 'unknown') this.passed(verdict.kind === 'full');
  }

  /** A health check succeeded; `full`: no further than that the node is there. */
  passed(full = false): void {
    this.#health.checkPassed(full);
  }

  /** A health check failed. */
  failedBy(reason: string): void {
    this.#health.checkFailed(reason);
  }

  /** Other processes had so many answers of it. */
  answeredElsewhere(positive: number, negative: number): void {
    const now = monotonicMs();
    this.#record.lastAnswerAt = now;
    this.#record.hasFailedSince = false;
    // The negative ones last: their share is then at no time more than it is in the end.
    for (let i = 0; i < positive; i++) this.#health.answered(false, now);
    for (let i = 0; i < negative; i++) this.#health.answered(true, now);
  }

  /** The same of a dial that failed there, or a connection that broke. */
  failedElsewhere(written: boolean, reason: string, isRefusal: boolean): void {
    // F96: see `onFailure`.
    if (isRefusal && monotonicMs() < this.#checkEndsAt) return;
    this.#record.hasFailedSince = true;
    this.#health.failed(written, reason, isRefusal);
  }

  /** A message that it was given failed. For people: it changes nothing. */
  count(code: ErrorCode): void {
    // F100: it has not been asked.
    if (code === 'GW_ERR_OPEN_FILES') return;
    this.#record.counts.failure(code);
  }

  onReached(): void {
    // A dial proves little (a hung node accepts too), so it does not end a run of failures.
  }

  onAnswered(code?: AckCode | 'none'): void {
    this.#record.counts.answer(code ?? 'other');
    // That the operating system took a message says nothing of the node, unless the node never says anything.
    if (code === 'none' && !this.#answerless) return;
    const now = turnTime();
    this.#record.lastAnswerAt = now;
    this.#record.hasFailedSince = false;
    this.#health.answered(code !== undefined && code !== 'none' && isNegative(code), now);
  }

  onFailure(error: GatewayError): void {
    // Full is not down (F32): what it has, it serves. A connection that had gone says nothing of its node (F31).
    if (error.code === 'GW_ERR_NODE_FULL' || error.code === 'GW_ERR_NODE_STALE') return;
    // F100: nor does the gateway's own want of descriptors.
    if (error.code === 'GW_ERR_OPEN_FILES') return;
    // Another client's address may do.
    if (error.code === 'GW_ERR_CLIENT_SOURCE') return;
    // F96: where a node takes one connection, a check that has it is why it refuses this one. The check says more of it.
    if (isRefused(error) && monotonicMs() < this.#checkEndsAt) return;
    this.#record.hasFailedSince = true;
    const reason = error.detail === undefined ? error.code : `${error.code} (${error.detail})`;
    this.#health.failed(error.resend !== 'safe', reason, isRefused(error));
  }

  onRoom(): void {
    this.#health.onRoom();
    // On trial, an end of what is in flight is what makes it usable.
    if (this.#onTrial) this.#watcher.onUsable(this);
    else this.#watcher.onRoom(this);
  }

  onFullness(): void {
    this.#onChange();
  }

  onStrayAnswer(): void {
    this.#record.strayAnswers++;
    this.#watcher.onStrayAnswer(this);
  }

  onLostAnswer(reason: LostAnswer, count: number): void {
    this.#watcher.onLostAnswer?.(this, reason, count);
  }

  onRepeatedId(): void {
    this.#watcher.onRepeatedId(this);
  }

  onAlike(): void {
    this.#watcher.onAlike(this);
  }

  #onHealth(health: Health, reason: string): void {
    this.#record.reason = reason;
    if (health === 'up') {
      if (this.#hasBeenUp) this.#slowStart.begin(monotonicMs());
      this.#hasBeenUp = true;
    }
    this.#update();
    // What becomes of its last messages is no news of the node that has its name now.
    if (!this.#hasLeft) this.#watcher.onState(this, health, reason);
    this.#watcher.onUsable(this);
    if (health === 'up') return;
    // What is open leads to something that is gone or hangs, and so may what is dialled: a trial is to find out what is there now.
    this.#upstream.giveBack?.();
    this.#upstream.retire?.();
  }

  #setAdminState(state: AdminState, reason: string): void {
    if (this.#adminState === state) return;
    this.#adminState = state;
    this.#record.adminReason = reason;
    this.#update();
    this.#watcher.onState(this, state, reason);
    this.#watcher.onUsable(this);
  }

  #onChange(): void {
    this.#update();
    this.#watcher.onUsable(this);
  }

  #update(): void {
    this.#onTrial = this.#health.trial;
    this.#isOpen = this.#adminState !== 'maintenance' && (this.#health.state === 'up' || this.#onTrial);
    this.#record.note(this.state);
  }
}
