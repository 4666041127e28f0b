// This gateway as a member of its cluster: tells keepalived whether it is fit, and everybody who has the VIPs. Promises 1 until the
// listeners listen and from the moment in which the last connection is closed, and that with no node at all one member stays fit.
import type { ClusterConfig } from '../config/config.ts';
import { asGatewayError } from '../errors.ts';
import type { Log } from '../observe/log/log.ts';
import { clearInterval, setInterval } from '../platform/time.ts';
import { type HeldVip, HeldVips } from './held-vips.ts';
import type { OtherMember } from './other-members.ts';
import { TrackedFile } from './tracked-file.ts';

export interface MembershipOptions {
  readonly log: Log;
  readonly others: readonly OtherMember[];
  /** Some node of some pool can be given messages, or no pool is needed. */
  readonly hasNode: () => boolean;
  /** Connections can be answered when the VIPs have moved. Asked when this member leaves. */
  readonly answersAfterMove?: () => boolean;
  readonly vips?: HeldVips;
}

export interface MembershipReport {
  readonly cluster: string;
  readonly member: string;
  /** What the file says. */
  readonly fit: boolean;
  /** Why it is not; undefined: it is. */
  readonly reason: string | undefined;
  readonly vips: readonly HeldVip[];
}

/** A move of the VIPs takes 0.1 s, so it is seen soon; looking costs 0.1 ms. */
const LOOK_MS = 250;
/** Between two questions to the other members. */
const ASK_EVERY_LOOKS = 4;

const NOT_LISTENING = 'the listeners are not open yet';
const ENDS = 'the gateway ends, and answers what it has';
const ENDED = 'the gateway has ended its work';

export class Membership {
  readonly #config: ClusterConfig;
  readonly #options: MembershipOptions;
  readonly #file: TrackedFile;
  readonly #vips: HeldVips;
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #isAsking = false;
  /** Undefined: fit. */
  #reason: string | undefined = NOT_LISTENING;
  #isStored = true;
  #isLeaving = false;

  constructor(config: ClusterConfig, options: MembershipOptions) {
    this.#config = config;
    this.#options = options;
    this.#file = new TrackedFile(config.track);
    this.#vips = options.vips ?? new HeldVips(config.vips);
  }

  /** What all members have in common. */
  get shared(): Pick<ClusterConfig, 'members' | 'vips'> {
    return this.#config;
  }

  get report(): MembershipReport {
    const { name: cluster, member } = this.#config;
    const reason = this.#reason;
    return { cluster, member, fit: reason === undefined, reason, vips: this.#vips.all };
  }

  get hasVip(): boolean {
    this.#look();
    return this.#vips.all.some(({ held }) => held);
  }

  /** Before the listeners. `takesOver`: another process of this machine is fit until then. @throws GatewayError GW_ERR_FILE */
  begin(takesOver: boolean): void {
    if (!takesOver) this.#file.take(false);
  }

  /** They listen. @throws GatewayError GW_ERR_FILE */
  listening(): void {
    this.#reason = undefined;
    this.#file.take(true);
    const { log } = this.#options;
    for (const { address, held } of this.#vips.all)
      if (held) log.info({ address }, 'this member has the VIP');
    this.#timer = setInterval(() => this.#tick(), LOOK_MS);
    this.#timer.unref();
  }

  /**
   * Where the VIPs are here and go, and connections can be answered behind them, tells keepalived and runs `drain` with all of its
   * time. Where they cannot, runs it for at most `drainTimeout`, as nobody can connect meanwhile and a sender that waits for an answer
   * when the VIPs have gone would wait for its own timeout; and tells keepalived then. Another process that has taken over keeps them.
   */
  async leave(drain: (limitMs: number | undefined) => Promise<boolean>): Promise<boolean> {
    this.#isLeaving = true;
    clearInterval(this.#timer);
    const moves = this.#file.isOwn && this.hasVip;
    const goesFirst = moves && this.#options.answersAfterMove?.() === true;
    if (goesFirst) {
      this.#reason = ENDS;
      this.#store();
    }
    try {
      return await drain(moves && !goesFirst ? this.#config.drainTimeoutMs : undefined);
    } finally {
      this.#reason = ENDED;
      if (this.#file.isOwn) this.#store();
    }
  }

  #look(): void {
    const { log } = this.#options;
    for (const { address, held } of this.#vips.look()) {
      if (held) log.info({ address }, 'this member has the VIP');
      else log.info({ address }, 'this member has the VIP no more');
    }
  }

  #tick(): void {
    this.#look();
    if (!this.#file.isOwn) {
      clearInterval(this.#timer);
      return;
    }
    if (!this.#isStored || !this.#file.isThere) this.#store();
    if (this.#options.hasNode()) this.#judge(undefined);
    else if (this.#looks++ % ASK_EVERY_LOOKS === 0) void this.#ask();
  }

  /** With no node here, whether somebody else has one. */
  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const { others, hasNode } = this.#options;
      const ready = await Promise.all(others.map((other) => other.isReady()));
      const name = others.find((_, i) => ready[i] === true)?.name;
      if (this.#isLeaving || !this.#file.isOwn) return;
      this.#judge(
        name === undefined || hasNode() ? undefined : `no node is available here, and ${name} is ready`,
      );
    } finally {
      this.#isAsking = false;
    }
  }

  #judge(reason: string | undefined): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    const { log } = this.#options;
    if (reason === undefined) log.info('cluster: this member is fit');
    else log.warn({ reason }, 'cluster: this member is not fit');
    this.#store();
  }

  #store(): void {
    const { log } = this.#options;
    try {
      this.#file.write(this.#reason === undefined);
      if (!this.#isStored) log.info('cluster: the tracked file is written again');
      this.#isStored = true;
    } catch (thrown) {
      if (this.#isStored) {
        const { code, detail } = asGatewayError(thrown);
        log.error({ code, detail }, 'cluster: the tracked file cannot be written; tried again');
      }
      this.#isStored = false;
    }
  }
}
