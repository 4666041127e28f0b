// Wires all rooms: listeners to the relay, the relay to pools of nodes, everything to the log; and wires them anew when
// the config changes. Nothing else does.
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Certificate } from '../certs/certificate.ts';
import { ServerTls } from '../certs/server-tls.ts';
import { CertificateStore, type TlsUser } from '../certs/store.ts';
import { BufferBudget } from '../listeners/accept/buffer-budget.ts';
import { hasSameBinding } from '../listeners/accept/same-binding.ts';
import { HttpListener } from '../listeners/http/http-listener.ts';
import { ReverseProxy } from '../listeners/http/proxy/reverse-proxy.ts';
import type { Listener } from '../listeners/listener.ts';
import { MllpListener } from '../listeners/mllp/mllp-listener.ts';
import { FieldQueries } from '../routing/field-queries.ts';
import { Router } from '../routing/router.ts';
import { changesBetween, isSameWay, waitingForStart } from './config/changes.ts';
import type { GatewayConfig, ListenerConfig } from './config/config.ts';
import { asGatewayError, causeCode, GatewayError } from './errors.ts';
import { Parsing } from './hl7/parsing.ts';
import type { Log } from './observe/log/log.ts';
import { MessageLog } from './observe/log/message-log.ts';
import { Repeats } from './observe/log/repeats.ts';
import { stackOf } from './observe/log/stack.ts';
import { GatewayMetrics } from './observe/metrics/gateway/gateway-metrics.ts';
import { type Observer, Observers } from './observe/observer.ts';
import { Identifiers } from './observe/traces/identifiers.ts';
import { MessageTracer } from './observe/traces/spans/message-tracer.ts';
import { openFileLimit, openFilesNeeded } from './open-files.ts';
import { Pools } from './pools/pools.ts';
import type { HttpScheduler } from './relay/http-scheduler.ts';
import { Pipeline } from './relay/pipeline.ts';
import type { Dispatcher } from './relay/pool-queue.ts';
import type { RoutingSnapshot } from './relay/route-resolver.ts';

export interface GatewayOptions {
  /** Told of all that happens, after the gateway's own: metrics, log, traces. */
  readonly observers?: readonly Observer[];
  /** Runs in the threads of the parse pool instead of src/hl7/parse-worker.ts. */
  readonly parseWorker?: URL;
}

/** A shutdown may take this much longer than it must. */
const IDLE_POLL_MS = 10;

export class Gateway {
  readonly pools: Pools;
  readonly parsing: Parsing;
  readonly metrics: GatewayMetrics;
  readonly traces: MessageTracer;
  readonly observers: Observers;
  readonly #log: Log;
  readonly #store: CertificateStore;
  readonly #budget: BufferBudget;
  readonly #relay: Pipeline;
  readonly #proxy: ReverseProxy;
  readonly #secured = new Map<Listener, ServerTls>();
  /** Those that a reload replaced, until their last connection has ended. */
  readonly #leaving = new Set<Listener>();
  readonly #startedWith: GatewayConfig;
  #config: GatewayConfig;
  #identifiers: Identifiers;
  #listeners: readonly Listener[];
  #reloading: Promise<unknown> = Promise.resolve();
  readonly #repeats = new Repeats();
  #draining = false;
  #stopped = false;
  #isClean = true;

  /** @throws GatewayError GW_ERR_TLS_FILE where certificate files are not usable */
  constructor(config: GatewayConfig, log: Log, options: GatewayOptions = {}) {
    this.#startedWith = config;
    this.#config = config;
    this.#log = log;
    this.#store = new CertificateStore({
      onLoaded: (where) => log.info({ where }, 'certificates loaded'),
      onKept: (where, { code, detail }) =>
        log.error({ where, code, detail }, 'the old certificates stay in use'),
      onExpiry: ({ file, subject }, days) =>
        log.warn(
          { file, subject, days },
          days < 0 ? 'a certificate has expired' : 'a certificate is about to expire',
        ),
    });
    this.#budget = new BufferBudget(config.maxBufferedBytes);
    this.pools = new Pools(config, { store: this.#store, log });
    this.parsing = new Parsing(config.parsing, options.parseWorker, (cause) => {
      if (cause === undefined) log.info('parsing: threads start again');
      else log.error({ cause }, 'parsing: threads do not start; messages that need one are refused');
    });
    this.#identifiers = new Identifiers(config.identifiers);
    this.traces = new MessageTracer(log);
    const questions = new FieldQueries(config.routes, config.pools);
    const router = new Router(config.routes);
    const ways = this.#waysBy(router, questions);
    this.#relay = new Pipeline(ways, this.pools.rerouting, this.parsing, this.traces);
    this.#proxy = new ReverseProxy(this.#budget, this.traces);
    const { traces } = this;
    this.metrics = new GatewayMetrics(this, {
      traceIdOf: (record) => (traces.willRecord(record) ? record.trace.traceId : undefined),
      spans: () => traces.stats,
      onPush: (state, reason) =>
        log[state === 'ok' ? 'info' : 'warn']({ reason: reason || undefined }, `metrics by OTLP: ${state}`),
    });
    const messageLog = new MessageLog(log, {
      hasMessages: () => this.#config.log.messages,
      identifiers: () => this.#identifiers,
    });
    this.observers = new Observers(
      [this.metrics, messageLog, traces, ...(options.observers ?? [])],
      (observer, event, thrown) => this.#onObserverFailed(observer.constructor.name, event, thrown),
    );
    this.#listeners = config.listeners.map((listener) => this.#createListener(listener));
    for (const listener of this.#listeners) this.#register(listener);
  }

  /** The one in force. */
  get config(): GatewayConfig {
    return this.#config;
  }

  /** Keys of the config in force that take effect at the next start. */
  get atNextStart(): readonly string[] {
    return waitingForStart(this.#startedWith, this.#config);
  }

  /** How logs, traces and the audit trail show identifiers. */
  get identifiers(): Identifiers {
    return this.#identifiers;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  get dispatchers(): ReadonlyMap<string, Dispatcher> {
    return this.pools.dispatchers;
  }

  /** Of pools with HTTP nodes, for what is proxied to them. */
  get httpPools(): ReadonlyMap<string, HttpScheduler> {
    return this.pools.httpPools;
  }

  /**
   * The certificates of what belongs to the gateway and is not made here (the admin API): its files are watched and
   * taken up with the others from now on, in the place of what was there. Undefined: there is none any more.
   */
  secure(where: string, secured: TlsUser | undefined): void {
    if (secured === undefined) this.#store.remove(where);
    else this.#store.add(where, secured);
  }

  /** Every certificate in use, of listeners, nodes and the authorities that they trust. */
  get certificates(): readonly (Certificate & { readonly where: string })[] {
    return this.#store.placed;
  }

  /** It takes no new connections any more. */
  get isDraining(): boolean {
    return this.#draining;
  }

  /**
   * Takes up the certificate files as they are now, each listener's and node's for itself; one that is not usable keeps
   * what it has, and the log says why. No connection is touched. Returns whether all were taken.
   */
  reloadCertificates(): boolean {
    return this.#store.reload();
  }

  /** Bytes of messages held for their answers. */
  get heldBytes(): number {
    return this.#budget.heldBytes;
  }

  get maxHeldBytes(): number {
    return this.#budget.maxBytes;
  }

  /**
   * Opens every listener, or none.
   *
   * @throws GatewayError GW_ERR_LISTEN
   */
  async start(): Promise<void> {
    await this.traces.configure(this.#config, this.#identifiers);
    try {
      for (const listener of this.#listeners) await this.#open(listener);
    } catch (error) {
      this.#stopNow();
      throw error;
    }
    this.#warnOfOpenFiles(this.#config);
    this.pools.start();
    this.#startParsing(this.#config, new FieldQueries(this.#config.routes, this.#config.pools));
    this.#store.start({ watchFiles: this.#config.watchCertificates });
    this.metrics.start();
  }

  /**
   * Goes by another config from now on. What is the same in both is not touched: listeners keep their ports and
   * connections, nodes their connections and what they have. Messages that wait go by the new config, those that are with
   * a node are answered. Resolves to what has changed, in words for people.
   *
   * @throws GatewayError GW_ERR_TLS_FILE, GW_ERR_LISTEN; then the old config stays in force
   */
  async reload(config: GatewayConfig): Promise<readonly string[]> {
    // It would open what is being closed.
    if (this.#draining)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the gateway is about to end' });
    // One after the other: each is a difference to the one before.
    const reloaded = this.#reloading.then(() => this.#reload(config));
    this.#reloading = reloaded.catch(() => {});
    return reloaded;
  }

  /** `drain` and `close` in one. Resolves to whether nothing had to be cut. */
  async stop(): Promise<boolean> {
    const clean = await this.drain();
    await this.close();
    return clean;
  }

  /**
   * Takes no new connection, answers what has come, ends each connection at a message boundary, then those to the nodes.
   * After `shutdown.timeout` what is left is ended as it is. Resolves to whether nothing had to be cut.
   */
  async drain(): Promise<boolean> {
    this.#draining = true;
    const { timeoutMs } = this.#config.shutdown;
    this.#log.info({ timeoutMs }, 'draining');
    const timer = new AbortController();
    const late = setTimeout(timeoutMs, false, { signal: timer.signal });
    late.catch(() => {});
    this.#isClean = await Promise.race([this.#drained(), late]);
    timer.abort();
    this.#stopNow();
    return this.#isClean;
  }

  /** Resolves when the threads are ended and collectors have got the last of what they are owed, or would not take it. */
  async close(): Promise<void> {
    await Promise.all([this.parsing.close(), this.metrics.stop(), this.traces.stop()]);
    this.#log.info({ clean: this.#isClean }, 'stopped');
  }

  async #drained(): Promise<true> {
    await this.#reloading;
    await Promise.all([...this.#listeners, ...this.#leaving].map((listener) => listener.drain()));
    // Messages whose senders are gone are with their nodes still (F26).
    await this.#idle();
    return true;
  }

  async #reload(config: GatewayConfig): Promise<readonly string[]> {
    const before = this.#config;
    const router = new Router(config.routes);
    const questions = new FieldQueries(config.routes, config.pools);
    const kept = new Map<ListenerConfig, Listener>();
    const made: Listener[] = [];
    let prepared = this.pools.prepare(config);
    /** On the port of one that is there: it has to leave first. */
    const reopened: [Listener, Listener][] = [];
    const closed: Listener[] = [];
    try {
      for (const one of config.listeners) {
        const old = this.#listeners.find(({ name }) => name === one.name);
        if (old !== undefined && hasSameBinding(old.config, one)) kept.set(one, old);
        else {
          const listener = this.#createListener(one);
          made.push(listener);
          kept.set(one, listener);
          const holder = this.#listeners.find(
            ({ config: { bind } }) => isDeepStrictEqual(bind, one.bind) && bind.port !== 0,
          );
          if (holder === undefined) await this.#open(listener);
          else reopened.push([holder, listener]);
        }
      }
      for (const [holder, listener] of reopened) {
        // The port is closed for a moment: connections are refused then, none that was accepted is lost.
        closed.push(holder);
        holder.close();
        await this.#open(listener);
      }
      if (prepared.isStale) {
        const anew = this.pools.prepare(config);
        prepared.discard();
        prepared = anew;
      }
    } catch (thrown) {
      prepared.discard();
      for (const listener of made) {
        listener.stop();
        this.#secured.delete(listener);
      }
      for (const holder of closed) await this.#openAgain(holder);
      throw thrown;
    }

    const changes = changesBetween(before, config);
    this.#config = config;
    prepared.commit();
    const listeners = new Set(config.listeners.map(({ name }) => name));
    const gone = this.#listeners.filter(({ name }) => !listeners.has(name));
    this.#relay.reconfigure({
      ways: this.#waysBy(router, questions),
      listeners,
      gone: gone.map(({ admission }) => admission),
      taken: isSameWay(before, config) ? undefined : this.pools.taken,
    });
    this.parsing.reconfigure(config.parsing);
    this.#startParsing(config, questions);
    const giving = [...this.#leaving, ...gone];
    prepared.announce(
      () => this.#relay.isReadingOld || giving.some((listener) => this.#leaving.has(listener)),
    );
    const old = this.#listeners;
    this.#listeners = config.listeners.map((one) => kept.get(one) as Listener);
    for (const [one, listener] of kept) {
      if (!made.includes(listener) && !isDeepStrictEqual(listener.config, one)) listener.reconfigure(one);
    }
    for (const listener of old) if (!this.#listeners.includes(listener)) this.#leave(listener);
    for (const listener of made) this.#register(listener);
    this.#budget.maxBytes = config.maxBufferedBytes;
    this.metrics.reconfigure();
    this.#log.level = config.log.level;
    if (!isDeepStrictEqual(before.identifiers, config.identifiers))
      this.#identifiers = new Identifiers(config.identifiers);
    // Not to be waited for: the collector that there was may take its time over what it is still owed.
    void this.traces.configure(config, this.#identifiers);
    this.#log.info({ changes }, 'config loaded');
    this.#warnOfOpenFiles(config);
    const { atNextStart } = this;
    if (atNextStart.length > 0) this.#log.warn({ atNextStart }, 'takes effect at the next start');
    this.#store.watchFiles(config.watchCertificates);
    // What a certificate file holds may have changed as well.
    this.#store.reload();
    return changes;
  }

  #onObserverFailed(observer: string, event: string, thrown: unknown): void {
    const code = 'GW_ERR_INTERNAL';
    const tell = (leftOut: number): void =>
      this.#log.warn({ observer, code, leftOut }, 'lines were left out: too many alike');
    if (this.#repeats.admits(`${observer} ${event}`, tell))
      this.#log.error(
        { observer, event, code, cause: causeCode(thrown), stack: stackOf(thrown) },
        'an observer failed: this is a defect in the gateway',
      );
  }

  /** F100: where every listener is full. Said before it happens, as then messages wait. */
  #warnOfOpenFiles(config: GatewayConfig): void {
    const limit = openFileLimit();
    const needed = openFilesNeeded(config);
    if (limit !== undefined && limit < needed)
      this.#log.warn({ limit, needed }, 'the process may open fewer files than the config can need');
  }

  #waysBy(router: Router, questions: FieldQueries): RoutingSnapshot {
    const { dispatchers, httpPools } = this.pools;
    return { router, questions, dispatchers, httpPools };
  }

  /** Some messages cannot be routed by their header alone. */
  #startParsing({ listeners }: GatewayConfig, questions: FieldQueries): void {
    this.parsing.start(listeners.some((listener) => questions.isDeep(listener)));
  }

  async #open(listener: Listener): Promise<void> {
    await listener.start();
    this.#log.info({ listener: listener.name, address: listener.address }, 'listening');
  }

  async #openAgain(listener: Listener): Promise<void> {
    try {
      await listener.start();
    } catch (thrown) {
      this.#log.error({ listener: listener.name }, asGatewayError(thrown).message);
    }
  }

  /** Its connections end at a message boundary. */
  #leave(listener: Listener): void {
    this.#leaving.add(listener);
    const secured = this.#secured.get(listener);
    if (secured !== undefined) this.#store.remove(`listeners.${listener.name}`, secured);
    this.#secured.delete(listener);
    const { timeoutMs } = this.#config.shutdown;
    const late = globalThis.setTimeout(() => listener.stop(), timeoutMs);
    late.unref();
    listener.drain().then(() => {
      clearTimeout(late);
      listener.stop();
      this.#leaving.delete(listener);
      this.#log.info({ listener: listener.name }, 'listener closed');
    });
  }

  #createListener(config: ListenerConfig): Listener {
    const tls = config.tls && new ServerTls(config.tls);
    const listener =
      config.protocol === 'http'
        ? new HttpListener(config, tls, this.#relay, this.#proxy, this.#budget, this.observers)
        : new MllpListener(config, tls, this.#relay, this.#budget, this.observers);
    if (tls !== undefined) this.#secured.set(listener, tls);
    return listener;
  }

  #register(listener: Listener): void {
    const secured = this.#secured.get(listener);
    if (secured !== undefined) this.#store.add(`listeners.${listener.name}`, secured);
  }

  /** Resolves when no message waits and none is with a node. */
  async #idle(): Promise<void> {
    while (!this.#stopped && (this.#relay.reading > 0 || this.pools.isBusy)) await setTimeout(IDLE_POLL_MS);
  }

  #stopNow(): void {
    this.#stopped = true;
    this.#store.stop();
    for (const listener of [...this.#listeners, ...this.#leaving]) listener.stop();
    this.pools.close();
  }
}
