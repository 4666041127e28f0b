// The stage: a gateway on a config, simulated nodes behind it, and the record of every message, found again for whoever
// sent it. Promises that closing it leaves no port and no connection behind.
import type { GatewayConfig } from '../../../config/config.ts';
import { Gateway } from '../../../gateway.ts';
import { createLog } from '../../../observe/log/log.ts';
import type { Observer } from '../../../observe/observer.ts';
import { delay, monotonicMs } from '../../../platform/time.ts';
import type { ProxiedRequest } from '../../../relay/http-scheduler.ts';
import type { Message } from '../../../relay/message.ts';
import type { Node } from '../../../upstream/node.ts';
import { stagedConfig } from '../config/staged-config.ts';
import type { TempCerts } from '../config/temp-certs.ts';
import type { SentStep } from '../senders/sent.ts';
import { StagedNode } from './staged-node.ts';

export interface StageOptions {
  readonly throwAway: TempCerts;
  readonly speed: number;
  readonly behindProxy: ReadonlySet<string>;
}

/** How long the gateway's record of a message may come behind its answer. */
const RECORD_MS = 300;
const RECORD_POLL_MS = 2;
/** A log line with a code is 300 bytes; a scenario's expectations need the codes only. */
const MOST_FAULTS = 1000;

export class TestBed implements Observer {
  readonly nodes = new Map<string, StagedNode>();
  /** Codes that the log holds. */
  readonly faults: string[] = [];
  readonly notes = new Set<string>();
  readonly #options: StageOptions;
  readonly #unmatched: SentStep[] = [];
  readonly #parts = new Map<number, Message[]>();
  #gateway: Gateway | undefined;
  #order = 0;

  constructor(options: StageOptions) {
    this.#options = options;
  }

  /** @throws GatewayError GW_ERR_LISTEN, GW_ERR_TLS_FILE */
  async open(config: GatewayConfig): Promise<void> {
    const staged = await this.#staged(config);
    const log = createLog({ level: 'warn', format: 'json' }, { write: (line) => this.#onLog(line) });
    this.#gateway = new Gateway(staged, log, { observers: [this] });
    await this.#gateway.start();
  }

  /** Resolves to what has changed, as the gateway says it. */
  async reload(config: GatewayConfig): Promise<readonly string[]> {
    return this.gateway.reload(await this.#staged(config));
  }

  get gateway(): Gateway {
    if (this.#gateway === undefined) throw new Error('the stage is not open');
    return this.#gateway;
  }

  /** By `NODE`, in every pool that has one of that name, or `POOL/NODE`. */
  find(name: string): readonly StagedNode[] {
    return [...this.nodes.values()].filter((node) => node.path === name || node.name === name);
  }

  /** As the gateway knows it. */
  known(name: string): readonly Node[] {
    return [...this.gateway.pools.runtimes.values()].flatMap((runtime) =>
      runtime.nodes.filter((node) => node.name === name || `${runtime.name}/${node.name}` === name),
    );
  }

  /** Its record is looked for when the gateway is through with it. */
  await(sent: SentStep): void {
    sent.order = this.#order++;
    this.#unmatched.push(sent);
  }

  /** The gateway tells of a message when its sender has been answered, which may be a moment later; of some never. */
  async recorded(all: readonly SentStep[]): Promise<void> {
    const end = monotonicMs() + RECORD_MS;
    const isDue = (sent: SentStep): boolean =>
      sent.message === undefined && sent.proxied === undefined && sent.end !== 'late';
    while (all.some(isDue) && monotonicMs() < end) await delay(RECORD_POLL_MS);
  }

  async close(): Promise<void> {
    // First what messages may hang on, so that the gateway has nothing to wait for.
    await Promise.all([...this.nodes.values()].map((node) => node.stop()));
    await this.#gateway?.stop();
  }

  async #staged(config: GatewayConfig): Promise<GatewayConfig> {
    for (const pool of config.pools) {
      for (const node of pool.nodes) {
        const path = `${pool.name}/${node.name}`;
        if (this.nodes.has(path)) continue;
        const { throwAway, speed } = this.#options;
        const staged = new StagedNode(pool.name, node, { throwAway, speed, nextOrder: () => this.#order++ });
        this.nodes.set(path, staged);
        await staged.start();
      }
    }
    return stagedConfig(config, {
      ...this.#options,
      portOf: (pool, node) => this.nodes.get(`${pool}/${node}`)?.port ?? 0,
      note: (text) => void this.notes.add(text),
    });
  }

  #onLog(line: string): void {
    const code = /"code":"([A-Z_]+)"/.exec(line)?.[1];
    if (code !== undefined && this.faults.length < MOST_FAULTS) this.faults.push(code);
  }

  onMessage(message: Message): void {
    const { batch } = message;
    if (batch !== undefined) {
      const parts = this.#parts.get(batch.serial);
      if (parts === undefined) this.#parts.set(batch.serial, [message]);
      else parts.push(message);
      return;
    }
    const { payload } = message;
    const isOf = (sent: SentStep): boolean =>
      !sent.isRequest && sent.message === undefined && sent.payload.equals(payload);
    const { port } = message.origin.peer;
    const sent = this.#take((one) => isOf(one) && one.port === port) ?? this.#take(isOf);
    sent?.parts.push(...(this.#parts.get(message.serial) ?? []));
    sent?.settled(message);
  }

  onRequest(record: ProxiedRequest): void {
    const isOf = (sent: SentStep): boolean =>
      sent.proxied === undefined && sent.message === undefined && sent.response === undefined;
    const { port } = record.peer;
    const sent =
      this.#take((one) => isOf(one) && one.port === port) ?? this.#take((one) => one.port === port);
    if (sent !== undefined) sent.proxied = record;
  }

  #take(is: (sent: SentStep) => boolean): SentStep | undefined {
    const at = this.#unmatched.findIndex(is);
    return at < 0 ? undefined : this.#unmatched.splice(at, 1)[0];
  }
}
