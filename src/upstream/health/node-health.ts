// Whether a node is up, from what checks say and from what messages meet there; when it is left out, and what brings it
// back. Flips only after as many signs as the config asks for. Knows no sockets.
import type { EjectionConfig } from '../../config/health-config.ts';
import { monotonicMs } from '../../platform/time.ts';
import type { Proof } from '../checks/check.ts';
import { EjectionTimer } from './ejection-timer.ts';
import { ErrorRate } from './error-rate.ts';

export type Health = 'up' | 'down';

export interface HealthOptions {
  /** Failures in a row that make it down. */
  readonly fall: number;
  /** Good checks in a row that bring it back. */
  readonly rise: number;
  readonly initial: Health;
  /** What a good check shows; undefined: it is never asked. */
  readonly proof: Proof | undefined;
  readonly ejection: EjectionConfig;
}

export interface HealthOwner {
  /** Others do its work while it is out. */
  mayEject(): boolean;
  /** Messages under way to it. */
  inFlight(): number;
  onHealth(health: Health, reason: string): void;
  /** `trial` has changed, and `health` has not; `reason`: why it stays down. */
  onTrial(reason?: string): void;
}

/**
 * What must be shown before a node that went down gets messages as before, from less to more:
 * `check`: it was asked and was not well: good checks.
 * `reach`: messages could not be brought to it: good checks of the port that messages go to.
 * `answer`: it took messages and did not answer (F33–F37): an answer. A hung node accepts connections for hours.
 * `acceptance`: it answered, negatively and too often: a positive answer.
 */
type Need = 'check' | 'reach' | 'answer' | 'acceptance';

/** A node that is the last one is tried again and again; this long after a trial that failed. */
const LAST_NODE_PAUSE_MS = 100;

export class NodeHealth {
  readonly #options: HealthOptions;
  readonly #owner: HealthOwner;
  readonly #errors: ErrorRate | undefined;
  #state: Health;
  #need: Need = 'check';
  /** Failures in a row: of checks, of dials, of messages that were written. */
  #checkFailures = 0;
  #unreached = 0;
  #unanswered = 0;
  #passes = 0;
  /** Nothing has failed since a check last passed. */
  #isSettled = true;
  /** It has never been up. */
  #isNew = true;
  #trial = false;
  /** What is in flight was sent on trial, and not before. */
  #trialIsClear = false;
  #ejected = false;
  /** It is out and yet in use, as nobody else is there or too many are out already. */
  #kept = false;
  #upSince = Number.NEGATIVE_INFINITY;
  readonly #absence: EjectionTimer;

  constructor(options: HealthOptions, owner: HealthOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#state = options.initial;
    this.#isNew = options.initial === 'down';
    this.#absence = new EjectionTimer(options.ejection, () => this.#return());
    const { errors } = options.ejection;
    this.#errors = errors === undefined ? undefined : new ErrorRate(errors);
  }

  get state(): Health {
    return this.#state;
  }

  /** One message at a time, until it has answered one (half-open). */
  get trial(): boolean {
    return this.#trial;
  }

  /** The next message should go there, if it may: it decides whether the node comes back. */
  get wantsTrial(): boolean {
    return this.#trial && !this.#kept;
  }

  get isEjected(): boolean {
    return this.#ejected;
  }

  /** A check has nothing new to find out: it has passed since anything failed, and what else is to come messages bring. */
  get isSteady(): boolean {
    return this.#isSettled && (this.#state === 'up' || this.#trial);
  }

  /** How often it has been ejected, and for how much longer it is. */
  get ejections(): { readonly count: number; readonly leftMs: number } {
    const { count, leftMs } = this.#absence;
    return { count, leftMs };
  }

  get #failures(): number {
    return this.#checkFailures + this.#unreached + this.#unanswered;
  }

  close(): void {
    this.#absence.end();
  }

  /** `full`: all that was shown is that it is there. */
  checkPassed(full = false): void {
    this.#isSettled = true;
    this.#checkFailures = 0;
    // A check of something else than the data port shows nothing of that.
    if (this.#options.proof?.port === true) this.#unreached = 0;
    if (this.#state === 'up' || (full && this.#need !== 'check' && this.#need !== 'reach')) return;
    this.#passes++;
    this.#return();
  }

  checkFailed(reason: string): void {
    this.#isSettled = false;
    this.#passes = 0;
    this.#checkFailures++;
    const { fall } = this.#options;
    if (this.#state === 'up') {
      if (this.#failures >= fall) this.#down(reason, this.#met());
    } else if (this.#trial && this.#checkFailures >= fall) {
      // No message need be risked to find out what a check has just said.
      this.#setTrial(false);
      this.#owner.onTrial();
    }
  }

  /** A dial failed, or a connection broke that had messages under way (`written`). */
  failed(written: boolean, reason: string): void {
    this.#isSettled = false;
    if (this.#trial) {
      if (!this.#trialIsClear) return;
      this.#eject(reason, more(this.#need, written ? 'answer' : 'reach'));
      return;
    }
    if (this.#state === 'down') {
      // It was asked and was not well; what it had is lost now, too.
      if (written) this.#need = more(this.#need, 'answer');
      return;
    }
    if (written) this.#unanswered++;
    else this.#unreached++;
    if (this.#failures < this.#options.fall) return;
    const need = this.#met();
    const checkSees = need === 'reach' && this.#options.proof?.port === true;
    if (checkSees || this.#checkFailures > 0) this.#down(reason, need);
    else this.#eject(reason, need);
  }

  /** `negative`: AE, AR, CE, CR. */
  answered(negative: boolean, now: number): void {
    this.#unreached = 0;
    this.#unanswered = 0;
    if (this.#options.proof?.port !== false) this.#checkFailures = 0;
    if (this.#trial) {
      if (negative && this.#need === 'acceptance') {
        if (this.#trialIsClear) this.#eject('answered negatively on trial', 'acceptance');
      } else this.#up('answered on trial', false);
      return;
    }
    if (this.#errors?.add(negative, now) !== true || this.#state === 'down') return;
    this.#errors.clear();
    this.#eject('too many negative answers', 'acceptance');
  }

  /** Something that was in flight is over. */
  onRoom(): void {
    if (this.#trial && this.#owner.inFlight() === 0) this.#trialIsClear = true;
  }

  /** An operator says that it is well: it need not wait any longer, but must still show it. */
  pardon(): void {
    if (this.#absence.isOver) return;
    this.#absence.end();
    this.#return();
  }

  /** What the failures in a row were about. */
  #met(): Need {
    if (this.#unanswered > 0) return 'answer';
    return this.#unreached > 0 ? 'reach' : 'check';
  }

  /** Out for a time that grows, or out on trial at once if nobody else is there. */
  #eject(reason: string, need: Need): void {
    const again = this.#trial;
    const kept = !this.#owner.mayEject();
    // The last node that answers at all is worth more than none.
    if (kept && need === 'acceptance' && !again) return;
    this.#kept = kept;
    this.#ejected = !kept;
    if (!again && monotonicMs() - this.#upSince >= this.#options.ejection.maxMs) this.#absence.forget();
    if (kept) this.#absence.beginFor(again ? LAST_NODE_PAUSE_MS : 0);
    else this.#absence.beginLonger();
    this.#down(kept ? `${reason}; still tried, one message at a time` : reason, need);
    this.#return();
  }

  #down(reason: string, need: Need): void {
    this.#need = need;
    this.#passes = 0;
    this.#unreached = 0;
    this.#unanswered = 0;
    this.#setTrial(false);
    this.#isNew = false;
    if (this.#state === 'down') {
      this.#owner.onTrial(reason);
      return;
    }
    this.#state = 'down';
    this.#owner.onHealth('down', reason);
  }

  /** Comes back as far as what has been shown goes. */
  #return(): void {
    if (this.#state === 'up' || !this.#absence.isOver) return;
    const { proof, rise } = this.#options;
    const asked = proof !== undefined && this.#passes >= (this.#isNew ? 1 : rise);
    // The last node is not asked to wait for good checks as well.
    if (proof !== undefined && !asked && !this.#kept) return;
    const reason = `${this.#passes} good check${this.#passes === 1 ? '' : 's'}`;
    if (asked && this.#isShown(proof)) this.#up(reason, false);
    // It answers, though elsewhere than where messages go: up, and one message first.
    else if (asked && proof.answer && this.#need !== 'acceptance') this.#up(reason, true);
    else if (!this.#trial) {
      this.#setTrial(true);
      this.#owner.onTrial();
    }
  }

  /** Do good checks show all that there is to show? */
  #isShown({ port, answer }: Proof): boolean {
    if (this.#need === 'check') return true;
    return port && (this.#need === 'reach' || (this.#need === 'answer' && answer));
  }

  #up(reason: string, trial: boolean): void {
    const before = this.#state;
    this.#state = 'up';
    this.#passes = 0;
    this.#unreached = 0;
    this.#unanswered = 0;
    this.#isNew = false;
    this.#ejected = false;
    this.#kept = false;
    this.#absence.end();
    this.#setTrial(trial);
    if (!trial) this.#need = 'check';
    if (before === 'up') this.#owner.onTrial();
    else {
      this.#upSince = monotonicMs();
      this.#owner.onHealth('up', reason);
    }
  }

  #setTrial(trial: boolean): void {
    this.#trial = trial;
    this.#trialIsClear = trial && this.#owner.inFlight() === 0;
  }
}

/** Who judges a node for it: this process (NodeHealth), or another one (MirroredHealth). */
export interface HealthJudge extends Omit<Pick<NodeHealth, keyof NodeHealth>, 'failed'> {
  /** `isRefusal`: the node refused the connection. */
  failed(written: boolean, reason: string, isRefusal: boolean): void;
}

const ORDER: readonly Need[] = ['check', 'reach', 'answer', 'acceptance'];

function more(a: Need, b: Need): Need {
  return ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b;
}
