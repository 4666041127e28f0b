// Wires all rooms: listeners to the relay, the relay to pools of nodes, everything to the log; and lists the parts that take
// up another config. Nothing else does.
import type { Certificate } from '../certs/certificate.ts';
import type { ServerTls } from '../certs/server-tls.ts';
import { CertificateStore, type TlsUser } from '../certs/store.ts';
import { BufferBudget } from '../listeners/accept/buffer-budget.ts';
import type { ConnectionSource } from '../listeners/accept/connection-source.ts';
import { type ConnectionDistributor, FrontListener } from '../listeners/accept/front-listener.ts';
import { HttpListener } from '../listeners/http/http-listener.ts';
import { ReverseProxy } from '../listeners/http/proxy/reverse-proxy.ts';
import type { Listener } from '../listeners/listener.ts';
import { ListenerSet } from '../listeners/listener-set.ts';
import { MllpListener } from '../listeners/mllp/mllp-listener.ts';
import { TcpListener } from '../listeners/tcp/tcp-listener.ts';
import { FieldQueries } from '../routing/field-queries.ts';
import { Router } from '../routing/router.ts';
import { changesBetween, isSameWay, waitingForStart } from './config/changes.ts';
import type { GatewayConfig, ListenerConfig } from './config/config.ts';
import { causeCode, GatewayError } from './errors.ts';
import { Parsing } from './hl7/parsing.ts';
import type { Log } from './observe/log/log.ts';
import { MessageLog } from './observe/log/message-log.ts';
import { stackOf } from './observe/log/stack.ts';
import { GatewayMetrics } from './observe/metrics/gateway/gateway-metrics.ts';
import { type Observer, Observers } from './observe/observer.ts';
import { IdentifierSettings, type Identifiers } from './observe/traces/identifiers.ts';
import { MessageTracer } from './observe/traces/spans/message-tracer.ts';
import { warnOfOpenFiles } from './open-files.ts';
import { delay } from './platform/time.ts';
import { Pools } from './pools/pools.ts';
import type { HttpScheduler } from './relay/http-scheduler.ts';
import type { KeyOwnership } from './relay/key-ownership.ts';
import { Pipeline } from './relay/pipeline.ts';
import type { PoolQueue } from './relay/pool-queue.ts';
import type { RoutingSnapshot } from './relay/route-resolver.ts';
import { committing, type Reconfigurable } from './reload/reconfigurable.ts';
import { type ReloadParts, reloadAll } from './reload/transaction.ts';
import { diskStores } from './spool/delivery/disk-store.ts';
import { type OpenStore, Spools } from './spool/delivery/spools.ts';
import { StoredMessages } from './spool/delivery/stored-message.ts';
import type { NodeSharing } from './upstream/node-sharing.ts';

/** What one of several processes does (src/workers/). */
export interface ProcessRole {
  readonly sharing: NodeSharing;
  /** It accepts connections for others, which carry the messages. */
  readonly distributor?: ConnectionDistributor;
  /** Another process accepts its connections. */
  readonly source?: ConnectionSource;
  /** Other processes have messages of the same sticky keys. */
  readonly keys?: KeyOwnership;
  /** Certificate files are to be taken up; others take them up as well. */
  readonly onCertificates?: () => void;
  /** Takes up a config behind all other parts. */
  readonly parts: ReloadParts<GatewayConfig>;
}

export interface GatewayOptions {
  /** Told of all that happens, after the gateway's own: metrics, log, traces. */
  readonly observers?: readonly Observer[];
  /** What else goes by the same config: the admin API, the audit trail. */
  readonly parts?: ReloadParts<GatewayConfig>;
  /** Runs in the threads of the parse pool instead of src/hl7/parse-worker.ts. */
  readonly parseWorker?: URL;
  /** Undefined: this process does everything. */
  readonly role?: ProcessRole | undefined;
  /** Opens the stores of spools in another way than on the disk. */
  readonly openStore?: OpenStore;
  /** Another process runs still that this one takes over from. */
  readonly takesOver?: boolean;
}

function noop(): void {}

/** A shutdown may take this much longer than it must. */
const IDLE_POLL_MS = 10;

export class Gateway {
  readonly pools: Pools;
  readonly spools: Spools;
  readonly parsing: Parsing;
  readonly metrics: GatewayMetrics;
  readonly traces: MessageTracer;
  readonly observers: Observers;
  readonly #log: Log;
  readonly #store: CertificateStore;
  readonly #budget: BufferBudget;
  readonly #relay: Pipeline;
  #proxy: ReverseProxy | undefined;
  readonly #listeners: ListenerSet;
  readonly #otherParts: ReloadParts<GatewayConfig>;
  readonly #role: ProcessRole | undefined;
  readonly #startedWith: GatewayConfig;
  #config: GatewayConfig;
  readonly #identifiers: IdentifierSettings;
  #reloading: Promise<unknown> = Promise.resolve();
  #draining = false;
  #stopped = false;
  #isClean = true;

  /** @throws GatewayError GW_ERR_TLS_FILE where certificate files are not usable */
  constructor(config: GatewayConfig, log: Log, options: GatewayOptions = {}) {
    this.#startedWith = config;
    this.#config = config;
    this.#log = log;
    this.#otherParts = options.parts ?? [];
    this.#role = options.role;
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
    this.pools = new Pools(config, {
      store: this.#store,
      log,
      whileOldMessages: () => this.#oldMessages(),
      sharing: options.role?.sharing,
    });
    this.parsing = new Parsing(config.parsing, options.parseWorker, (cause) => {
      if (cause === undefined) log.info('parsing: threads start again');
      else log.error({ cause }, 'parsing: threads do not start; messages that need one are refused');
    });
    this.#identifiers = new IdentifierSettings(config.identifiers);
    this.traces = new MessageTracer(log);
    const questions = new FieldQueries(config.routes, config.pools);
    const router = new Router(config.routes);
    const ways = this.#waysBy(router, questions);
    this.#relay = new Pipeline(ways, this.pools.rerouting, this.parsing, this.traces, options.role?.keys);
    const { traces } = this;
    this.metrics = new GatewayMetrics(this, {
      traceIdOf: (record) => (traces.willRecord(record) ? record.trace.traceId : undefined),
      spans: () => traces.stats,
      onPush: (state, reason) =>
        log[state === 'ok' ? 'info' : 'warn']({ reason: reason || undefined }, `metrics by OTLP: ${state}`),
    });
    const messageLog = new MessageLog(log, {
      hasMessages: () => this.#config.log.messages,
      identifiers: () => this.identifiers,
    });
    const own = [this.metrics, messageLog, traces];
    this.observers = new Observers([...own, ...(options.observers ?? [])], log);
    this.spools = new Spools(config, {
      log,
      open: options.openStore ?? diskStores(log),
      takesOver: options.takesOver === true,
      queues: () => this.pools.queues,
      identifiers: () => this.identifiers,
      messagesBy: ({ routes }) => new StoredMessages(routes, traces),
      onDelivery: (message) => {
        this.observers.onMessage(message);
        this.observers.onReply(message, true);
      },
    });
    this.#listeners = new ListenerSet(config, {
      create: (listener, tls) => this.#createListener(listener, tls),
      store: this.#store,
      log,
      isBehindOther: options.role?.source !== undefined,
      // Asked again when it ends: what is accepted before must have it, too.
      onStarted: (listener) => void (config.cluster && listener.answerAfterMove()),
    });
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
    return this.#identifiers.current;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners.all;
  }

  get queues(): ReadonlyMap<string, PoolQueue> {
    return this.pools.queues;
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
    this.#role?.onCertificates?.();
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
    await this.traces.configure(this.#config, this.identifiers);
    await this.spools.start(this.#config);
    try {
      await this.#listeners.start();
    } catch (error) {
      this.#stopNow();
      await this.spools.close();
      throw error;
    }
    warnOfOpenFiles(this.#config, this.#log);
    this.pools.start();
    this.#startParsing(this.#config, new FieldQueries(this.#config.routes, this.#config.pools));
    this.#store.start({ watchFiles: this.#config.watchCertificates });
    this.metrics.start();
  }

  /**
   * Goes by another config from now on. What is the same in both is not touched: listeners keep their ports and
   * connections, nodes their connections and what they have. Messages that wait go by the new config, those that are with
   * a node are answered. Resolves to what has changed, in words for people; observers are told of it as `by`'s doing.
   *
   * @throws GatewayError GW_ERR_TLS_FILE, GW_ERR_LISTEN, …; then the old config stays in force
   * @throws GatewayError GW_ERR_INTERNAL where a part failed to take it up: `config` says which one is in force
   */
  async reload(config: GatewayConfig, by = 'the process'): Promise<readonly string[]> {
    // It would open what is being closed.
    if (this.#draining)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the gateway is about to end' });
    // One after the other: each is a difference to the one before.
    const reloaded = this.#reloading.then(() => this.#reload(config, by));
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
   * After `shutdown.timeout`, or `limitMs` if that is less, what is left is ended as it is. Resolves to whether nothing had to be cut.
   */
  async drain(limitMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    this.#draining = true;
    this.spools.stopDelivery();
    const timeoutMs = Math.min(this.#config.shutdown.timeoutMs, limitMs);
    this.#log.info({ timeoutMs }, 'draining');
    const timer = new AbortController();
    const late = delay(timeoutMs, timer.signal).then(() => false);
    this.#isClean = await Promise.race([this.#drained(), late]);
    timer.abort();
    this.#stopNow();
    return this.#isClean;
  }

  /** Resolves when the threads are ended and collectors have got the last of what they are owed, or would not take it. */
  async close(): Promise<void> {
    await Promise.all([this.parsing.close(), this.metrics.stop(), this.traces.stop(), this.spools.close()]);
    this.#log.info({ clean: this.#isClean }, 'stopped');
  }

  async #drained(): Promise<true> {
    await this.#reloading;
    await this.#listeners.drain();
    // Messages whose senders are gone are with their nodes still (F26).
    await this.#idle();
    return true;
  }

  async #reload(config: GatewayConfig, by: string): Promise<readonly string[]> {
    const changes = changesBetween(this.#config, config);
    const failed = await reloadAll(this.#parts(), config, {
      onCommitted: (behind) => {
        if (behind.length === 0) this.#onReloaded(by, changes);
      },
      onDefect: (part, step, thrown) =>
        this.#log.error(
          { part, step, code: 'GW_ERR_INTERNAL', cause: causeCode(thrown), stack: stackOf(thrown) },
          'a step of a reload failed: this is a defect in the gateway',
        ),
    });
    if (failed.length > 0)
      throw new GatewayError('GW_ERR_INTERNAL', {
        detail: `${failed.join(', ')} did not take up the config; a restart does`,
      });
    return changes;
  }

  /** What takes up a config, in the order of its steps. Those that fail without having touched anything are first. */
  #parts(): ReloadParts<GatewayConfig> {
    return [
      [
        'config',
        committing((config) => {
          this.#config = config;
        }),
      ],
      ['pools', this.pools],
      ['spools', this.spools],
      ['routes', this.#routes()],
      ['parsing', committing(({ parsing }) => this.parsing.reconfigure(parsing))],
      ...this.#otherParts,
      ['listeners', this.#listeners],
      [
        'limits',
        committing(({ maxBufferedBytes }) => {
          this.#budget.maxBytes = maxBufferedBytes;
        }),
      ],
      ['metrics', committing(() => this.metrics.reconfigure())],
      [
        'log',
        committing(({ log }) => {
          this.#log.level = log.level;
        }),
      ],
      ['identifiers', this.#identifiers],
      ['traces', committing(noop, (config) => this.traces.configure(config, this.identifiers))],
      [
        'certificates',
        committing(noop, ({ watchCertificates }) => {
          this.#store.watchFiles(watchCertificates);
          // What a certificate file holds may have changed as well.
          this.#store.reload();
        }),
      ],
      ...(this.#role?.parts ?? []),
    ];
  }

  /** Messages that wait are routed again where the config may send them another way. */
  #routes(): Reconfigurable<GatewayConfig> {
    return {
      prepare: (config) => {
        const isSame = isSameWay(this.#config, config);
        const router = new Router(config.routes);
        const questions = new FieldQueries(config.routes, config.pools);
        const listeners = new Set(config.listeners.map(({ name }) => name));
        return {
          commit: () =>
            this.#relay.reconfigure({
              ways: this.#waysBy(router, questions),
              listeners,
              gone: this.listeners
                .filter(({ name }) => !listeners.has(name))
                .map(({ admission }) => admission),
              taken: isSame ? undefined : this.pools.taken,
            }),
          rollback: noop,
          settle: () => this.#startParsing(config, questions),
        };
      },
    };
  }

  #onReloaded(by: string, changed: readonly string[]): void {
    this.#log.info({ changes: changed }, 'config loaded');
    warnOfOpenFiles(this.#config, this.#log);
    const { atNextStart } = this;
    if (atNextStart.length > 0) this.#log.warn({ atNextStart }, 'takes effect at the next start');
    this.observers.onOperator(by, { kind: 'reload', error: undefined, changed });
  }

  /** To be asked from now on: is there anything still that goes by an earlier config, to pools that are gone? */
  #oldMessages(): () => boolean {
    const haveConnections = this.#listeners.oldOnes();
    return () => this.#relay.isReadingOld || haveConnections();
  }

  #waysBy(router: Router, questions: FieldQueries): RoutingSnapshot {
    const { queues, httpPools, tcpPools } = this.pools;
    return { router, questions, queues, httpPools, tcpPools };
  }

  /** Some messages cannot be routed by their header alone. */
  #startParsing({ listeners }: GatewayConfig, questions: FieldQueries): void {
    if (this.#role?.distributor !== undefined) return;
    this.parsing.start(listeners.some((listener) => questions.isDeep(listener)));
  }

  #createListener(config: ListenerConfig, tls: ServerTls | undefined): Listener {
    const { distributor, source } = this.#role ?? {};
    if (distributor !== undefined) return new FrontListener(config, this.observers, distributor);
    if (config.protocol === 'tcp')
      return new TcpListener(config, tls, this.#relay.routes, this.observers, source);
    if (config.protocol === 'mllp')
      return new MllpListener(config, tls, this.#relay, this.#budget, this.observers, source);
    this.#proxy ??= new ReverseProxy(this.#budget, this.traces);
    return new HttpListener(config, tls, this.#relay, this.#proxy, this.#budget, this.observers, source);
  }

  /** Resolves when no message waits and none is with a node. */
  async #idle(): Promise<void> {
    const isBusy = (): boolean => this.#relay.reading > 0 || this.pools.isBusy || this.spools.isBusy;
    while (!this.#stopped && isBusy()) await delay(IDLE_POLL_MS);
  }

  #stopNow(): void {
    this.#stopped = true;
    this.#store.stop();
    this.#listeners.stop();
    this.pools.close();
  }
}
