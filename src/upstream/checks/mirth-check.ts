// Check of type mirth: asks Mirth's REST API whether the server is up, and with credentials whether a channel is started.
// The data port is left alone. What the API says is shared with all checks that ask the same server (mirth-server.ts).
import type { MirthCheckConfig } from '../../config/health-config.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../../platform/time.ts';
import { type Check, type CheckResult, failed, type Occasion, type Proof } from './check.ts';
import { NOT_IN_TIME, NoAnswer } from './http-request.ts';
import { readChannelState, readServerStatus, serverStatusText } from './mirth-api.ts';
import type { MirthTarget, Session } from './mirth-server.ts';
import type { MirthLease } from './mirth-servers.ts';

/** A node that has answered a message within this time, and failed at none since, works, however late its API is. */
const ANSWERED_LATELY_MS = 60_000;

const ALONE: Occasion = { maxAgeMs: 0, answeredAt: Number.NEGATIVE_INFINITY };

export class MirthCheck implements Check {
  readonly type = 'mirth';
  readonly onDataPort = false;
  readonly proof: Proof = { port: false, answer: true };
  readonly #target: MirthTarget;
  /** Of a channel that must be started. */
  readonly #channel: string | undefined;
  readonly #lease: MirthLease;

  constructor(target: MirthTarget, { channel }: MirthCheckConfig, lease: MirthLease) {
    this.#target = target;
    this.#channel = channel;
    this.#lease = lease;
  }

  async ask(signal: AbortSignal, { maxAgeMs, answeredAt }: Occasion = ALONE): Promise<CheckResult> {
    const { server } = this.#lease;
    server.noteAnswer(this, answeredAt);
    const found = await within(this.#look(maxAgeMs), this.#target.timeoutMs, signal);
    if (found !== 'late') return found;
    // Of any pool's messages: the API is that of the whole server.
    const answers = monotonicMs() - server.answeredAt < ANSWERED_LATELY_MS;
    return answers ? { kind: 'unknown', reason: NOT_IN_TIME } : failed(NOT_IN_TIME);
  }

  close(): void {
    this.#lease.server.forget(this);
    this.#lease.release();
  }

  async #look(maxAgeMs: number): Promise<CheckResult | 'late'> {
    // The value counts and not HTTP 200: the web server answers seconds before the channels listen.
    const { value: answer, at } = await this.#lease.server.status(this.#target, maxAgeMs);
    if (answer instanceof NoAnswer) return noAnswer(answer);
    if (answer.status !== 200) return failed(`HTTP ${answer.status}`);
    const status = readServerStatus(answer.body);
    if (status === undefined) return failed('the answer is no server status');
    if (status !== 0) return failed(serverStatusText(status));
    const { session } = this.#lease;
    return this.#channel === undefined || session === undefined
      ? { kind: 'passed', observedAt: at }
      : this.#lookAt(this.#channel, session, maxAgeMs);
  }

  async #lookAt(name: string, session: Session, maxAgeMs: number): Promise<CheckResult | 'late'> {
    const { server } = this.#lease;
    const { value: answer, at: observedAt } = await server.channels(this.#target, session, maxAgeMs);
    if (answer instanceof NoAnswer) return noAnswer(answer);
    // A password that has run out says nothing of the node, and must not take every node of the pool down at once.
    if (answer === 'refused')
      return { kind: 'passed', note: 'the API refuses user and password', observedAt };
    if (answer.status === 403)
      return { kind: 'passed', note: 'the API does not show this user its channels', observedAt };
    if (answer.status !== 200) return failed(`channels: HTTP ${answer.status}`);
    const state = readChannelState(answer.body, name);
    if (state === 'unreadable') return failed('the answer is no list of channels');
    if (state === undefined) return failed('the channel is not deployed');
    return state === 'STARTED' ? { kind: 'passed', observedAt } : failed(`the channel is ${state}`);
  }
}

function noAnswer({ late, reason }: NoAnswer): CheckResult | 'late' {
  return late === undefined ? failed(reason) : 'late';
}

/** What is asked goes on to its end; only the wait for it is over. */
function within(
  looking: Promise<CheckResult | 'late'>,
  ms: number,
  signal: AbortSignal,
): Promise<CheckResult | 'late'> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => end('late'), ms);
    const onAbort = (): void => end(failed('aborted'));
    const end = (found: CheckResult | 'late'): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(found);
    };
    signal.addEventListener('abort', onAbort);
    void looking.then(end);
  });
}
