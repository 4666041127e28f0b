// Makes traces of messages and requests that are over, for as long as the config wants them. Promises that the line
// notices nothing of it: spans are made in a turn of their own, for those that are recorded alone, and only where there
// is room for them.
import { isDeepStrictEqual } from 'node:util';
import { compileCondition } from '../../../../routing/condition.ts';
import type { MessageView } from '../../../../routing/message-view.ts';
import { type TraceSampler, traceFields } from '../../../../routing/trace-sampler.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { causeCode } from '../../../errors.ts';
import { clearImmediate, monotonicMs, setImmediate } from '../../../platform/time.ts';
import type { ProxiedRequest } from '../../../relay/http-scheduler.ts';
import { Message } from '../../../relay/message.ts';
import { TcpConnection } from '../../../relay/tcp-scheduler.ts';
import type { Log } from '../../log/log.ts';
import type { Observer, SenderFault } from '../../observer.ts';
import { toldOf } from '../collector-answer.ts';
import { openCollectorLine } from '../collector-line.ts';
import { tellDiagnostics } from '../diagnostics.ts';
import { DropReport } from '../drop-report.ts';
import { type EffectiveTraces, type Environment, underEnvironment } from '../environment.ts';
import { type Identifiers, PLAIN_IDENTIFIERS } from '../identifiers.ts';
import { Sampling, withThreshold } from '../sampling.ts';
import { alignClock } from '../span-clock.ts';
import { type QueueStats, SpanQueue } from '../span-queue.ts';
import type { SpanWriter } from '../span-writer.ts';
import type { TraceContext } from '../trace-context.ts';
import { unheededIn } from '../variables.ts';
import type { SpanContext } from './attempt-spans.ts';
import { connectionSpanCount, isConnectionWorthIt, writeConnection } from './connection-spans.ts';
import { isWorthIt, messageSpanCount, writeMessage } from './message-spans.ts';
import { isProxiedWorthIt, proxiedSpanCount, writeFault, writeProxied } from './proxied-spans.ts';

/** What a trace is made of. */
type Traced = Message | ProxiedRequest | TcpConnection;

/** A shutdown waits so long for the collector: a container's grace period has room for it behind `shutdown.timeout`. */
const FLUSH_MS = 2_000;

const NOTHING: QueueStats = { exported: 0, dropped: 0, failedExports: 0, queued: 0 };

/** A turn of the event loop writes the spans of so many messages, which takes about a millisecond. */
const TURN_MESSAGES = 200;

export class MessageTracer implements TraceSampler, Observer {
  readonly #log: Log;
  readonly #env: Environment;
  #context: SpanContext = { identifiers: PLAIN_IDENTIFIERS, encrypted: new Set() };
  readonly #drops: DropReport;
  #effective: EffectiveTraces | undefined;
  #queue: SpanQueue | undefined;
  #sampling = new Sampling({ share: 0, parent: 'never' });
  #always: readonly ((view: MessageView) => boolean)[] = [];
  #fields: TraceSampler['fields'];
  /** Of queues that are no more. */
  #past = NOTHING;
  #ended: Traced[] = [];
  #endedSpans = 0;
  #turn: NodeJS.Immediate | undefined;
  #isOwed = false;
  #hasNamed = false;
  /** One after the other: the second of two quick reloads must not be overtaken by the first. */
  #configuring: Promise<void> = Promise.resolve();

  constructor(log: Log, env: Environment = process.env) {
    this.#log = log;
    this.#env = env;
    this.#drops = new DropReport(log);
  }

  get isOn(): boolean {
    return this.#queue !== undefined;
  }

  get fields(): TraceSampler['fields'] {
    return this.#fields;
  }

  /** Counted since the gateway started. */
  get stats(): QueueStats {
    return this.#queue === undefined ? this.#past : sum(this.#past, this.#queue.stats);
  }

  /** Batches that were sent, and that the collector has neither taken nor refused. */
  get underWay(): number {
    return this.#queue?.underWay ?? 0;
  }

  /** It was stopped with batches under way, which opentelemetry-js goes on trying to send for some seconds. */
  get isOwed(): boolean {
    return this.#isOwed;
  }

  /** Goes by this config from now on. Never rejects: without its traces a gateway is a gateway. */
  configure(config: Pick<GatewayConfig, 'traces' | 'listeners'>, identifiers: Identifiers): Promise<void> {
    this.#configuring = this.#configuring.then(() => this.#configure(config, identifiers));
    return this.#configuring;
  }

  async #configure(
    { traces, listeners }: Pick<GatewayConfig, 'traces' | 'listeners'>,
    identifiers: Identifiers,
  ): Promise<void> {
    const encrypted = listeners.filter(({ tls }) => tls !== undefined).map(({ name }) => name);
    const hasPeers = traces?.nodes === 'services';
    this.#context = { identifiers, encrypted: new Set(encrypted), hasPeers };
    if (traces !== undefined) this.#nameUnheeded();
    const warn = (variable: string): void =>
      this.#log.warn({ variable }, 'traces: the value of a variable is none that it can have; it is ignored');
    const effective = traces && underEnvironment(traces, this.#env, warn);
    this.#sampling = new Sampling({ share: effective?.sample ?? 0, parent: effective?.parent ?? 'never' });
    this.#always = traces?.always.map((condition) => compileCondition(condition)) ?? [];
    this.#fields = traces?.segment === undefined ? undefined : traceFields(traces.segment);
    if (isDeepStrictEqual(effective, this.#effective)) return;
    this.#effective = effective;
    const queue = effective && (await this.#start(effective));
    await this.#swap(queue);
  }

  /** Once: whoever set them expects something of them. */
  #nameUnheeded(): void {
    if (this.#hasNamed) return;
    this.#hasNamed = true;
    for (const variable of unheededIn(this.#env))
      this.#log.warn({ variable }, 'traces: a variable of OpenTelemetry is not heeded');
  }

  /** Sends what there is, for two seconds at most. */
  async stop(): Promise<void> {
    await this.#configuring;
    this.#effective = undefined;
    await this.#swap(undefined);
  }

  takes(trace: TraceContext, view: MessageView): boolean {
    trace.sampled ??= this.#sampling.takes(trace) || this.#isNamed(view);
    return trace.sampled;
  }

  /** Of one that is over: will it be sent, if there is room? */
  willRecord(record: Traced): boolean {
    if (this.#queue === undefined) return false;
    if (record instanceof Message) return isWorthIt(record) || this.#takes(record.trace, record);
    const isUrgent = record instanceof TcpConnection ? isConnectionWorthIt(record) : isProxiedWorthIt(record);
    return isUrgent || this.#takes(record.trace, undefined);
  }

  /** `isDelivered`: its reply is on its way to the sender since now. */
  onReply(message: Message, isDelivered: boolean): void {
    if (this.#queue === undefined) return;
    const isUrgent = isWorthIt(message);
    if (!isUrgent && !this.#takes(message.trace, message)) return;
    if (isDelivered) message.replied();
    this.#keep(message, messageSpanCount(message, this.#context), isUrgent);
  }

  onRequest(record: ProxiedRequest): void {
    if (this.#queue === undefined) return;
    const isUrgent = isProxiedWorthIt(record);
    if (isUrgent || this.#takes(record.trace, undefined))
      this.#keep(record, proxiedSpanCount(record, this.#context), isUrgent);
  }

  onConnection(record: TcpConnection): void {
    if (this.#queue === undefined) return;
    const isUrgent = isConnectionWorthIt(record);
    if (isUrgent || this.#takes(record.trace, undefined))
      this.#keep(record, connectionSpanCount(record, this.#context), isUrgent);
  }

  /** Something that never became a message. */
  onFault(fault: SenderFault): void {
    const queue = this.#queue;
    // A sender that has nothing to say is no failure.
    if (queue === undefined || fault.error.code === 'GW_ERR_SENDER_IDLE') return;
    if (!queue.hasRoom(this.#endedSpans + 1, true)) queue.drop(1);
    else queue.add((out) => writeFault(out, fault, this.#context, this.#stateOf(fault.trace, true)));
  }

  #takes(trace: TraceContext, message: Message | undefined): boolean {
    trace.sampled ??=
      this.#sampling.takes(trace) ||
      (message !== undefined && this.#always.length > 0 && this.#isNamed(viewOf(message)));
    return trace.sampled;
  }

  #isNamed(view: MessageView): boolean {
    return this.#always.some((holds) => holds(view));
  }

  #keep(record: Traced, spans: number, isUrgent: boolean): void {
    const queue = this.#queue;
    if (queue?.hasRoom(this.#endedSpans + spans, isUrgent) !== true) {
      queue?.drop(spans);
      return;
    }
    this.#ended.push(record);
    this.#endedSpans += spans;
    this.#turn ??= setImmediate(() => this.#write(TURN_MESSAGES));
  }

  #write(most: number): void {
    this.#turn = undefined;
    const records = this.#ended.splice(0, most);
    alignClock(monotonicMs());
    this.#queue?.add((out) => {
      for (const record of records) this.#writeOne(out, record);
    });
    if (this.#ended.length === 0) this.#endedSpans = 0;
    else this.#turn = setImmediate(() => this.#write(TURN_MESSAGES));
  }

  #writeOne(out: SpanWriter, record: Traced): void {
    if (record instanceof Message) {
      const isSure = isWorthIt(record) || (this.#always.length > 0 && this.#isNamed(viewOf(record)));
      writeMessage(out, record, this.#context, this.#stateOf(record.trace, isSure));
    } else if (record instanceof TcpConnection)
      writeConnection(out, record, this.#context, this.#stateOf(record.trace, isConnectionWorthIt(record)));
    else writeProxied(out, record, this.#context, this.#stateOf(record.trace, isProxiedWorthIt(record)));
  }

  /** `isSure`: it is recorded whatever the share, so it stands for itself alone. */
  #stateOf(trace: TraceContext, isSure: boolean): string | undefined {
    const threshold = isSure ? '0' : this.#sampling.threshold(trace);
    const state = trace.remote?.state;
    return threshold === undefined ? state : withThreshold(state, threshold);
  }

  async #start(effective: EffectiveTraces): Promise<SpanQueue | undefined> {
    try {
      tellDiagnostics(this.#log);
      const { url, line, source } = await openCollectorLine(effective);
      const { protocol } = effective;
      return new SpanQueue(line, source, effective.queue, {
        onFailing: (error) => {
          const { cause, answer } = toldOf(error, protocol);
          this.#log.warn({ url, protocol, cause, answer }, 'traces: the collector does not take them');
        },
        onRecovered: () => this.#log.info({ url }, 'traces: the collector takes them again'),
        onDropped: (spans) => this.#drops.note(spans),
      });
    } catch (thrown) {
      this.#log.error({ cause: causeCode(thrown) }, 'traces: they could not be started, and are off');
      return undefined;
    }
  }

  async #swap(queue: SpanQueue | undefined): Promise<void> {
    clearImmediate(this.#turn);
    this.#write(Number.POSITIVE_INFINITY);
    const old = this.#queue;
    this.#queue = queue;
    if (old === undefined) return;
    const unsent = await old.shutdown(FLUSH_MS);
    this.#drops.flush();
    if (unsent > 0)
      this.#log.warn({ spans: unsent }, 'traces: the collector did not take the last ones in time');
    this.#isOwed ||= old.underWay > 0;
    this.#past = { ...sum(this.#past, old.stats), queued: 0 };
  }
}

function viewOf(message: Message): MessageView {
  const { listener, peer, http } = message.origin;
  return { header: message.hasHeader ? message.header : undefined, listener, peer, http };
}

function sum(a: QueueStats, b: QueueStats): QueueStats {
  return {
    exported: a.exported + b.exported,
    dropped: a.dropped + b.dropped,
    failedExports: a.failedExports + b.failedExports,
    queued: a.queued + b.queued,
  };
}
