// The processes of a campaign as its events see them: nodes that keep their address over kill and restart, senders, the
// gateway. Promises: what was started is ended with the campaign, a stopped one too.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Memory } from '../checks/ends.ts';
import type { Features, GatewayTarget, NodeTarget, SenderTarget } from '../events/kinds.ts';
import { type NodeEntry, readLog, type SenderEntry } from '../wire/log.ts';
import {
  type Child,
  type GatewayChild,
  type NodeChild,
  startGateway,
  startNode,
  startSender,
} from './child.ts';
import type { NodeMode, NodeStart, SenderAct, SenderStart } from './orders.ts';

export class NodeProcess implements NodeTarget {
  readonly name: string;
  readonly #start: Omit<NodeStart, 'run' | 'log'>;
  readonly #folder: string;
  readonly #logs: string[] = [];
  #child: NodeChild | undefined;
  #port: number;

  constructor(start: Omit<NodeStart, 'run' | 'log'>, folder: string) {
    this.name = start.name;
    this.#start = start;
    this.#port = start.port;
    this.#folder = folder;
  }

  get url(): string {
    return `mllp://${this.#start.host}:${this.#port}`;
  }

  /** Started, and not ended by itself. */
  get alive(): boolean {
    return this.#child?.gone === false;
  }

  async restart(): Promise<void> {
    const run = this.#logs.length + 1;
    const log = join(this.#folder, `node-${this.name}.${run}.jsonl`);
    this.#logs.push(log);
    this.#child = await startNode({
      ...this.#start,
      port: this.#port,
      seed: this.#start.seed + run,
      run,
      log,
    });
    this.#port = this.#child.port;
  }

  mode(mode: NodeMode): void {
    this.#child?.send({ mode });
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.signal(signal);
  }

  async kill(): Promise<void> {
    await this.#child?.[Symbol.asyncDispose]();
  }

  readLogs(): NodeEntry[][] {
    return this.#logs.map((log) => readLog<NodeEntry>(log));
  }
}

export class SenderProcess implements SenderTarget {
  readonly name: string;
  readonly #log: string;
  readonly #child: Child;

  constructor(start: SenderStart) {
    this.name = start.name;
    this.#log = start.log;
    this.#child = startSender(start);
  }

  get exited(): Promise<unknown> {
    return this.#child.exited;
  }

  act(act: SenderAct): void {
    this.#child.send({ act });
  }

  async kill(): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  /** How much it has written so far. */
  get logBytes(): number {
    return statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0;
  }

  readLog(): SenderEntry[] {
    return readLog<SenderEntry>(this.#log);
  }
}

const ADMIN_TOKEN = 'campaign';

export class GatewayProcess implements GatewayTarget {
  readonly name = 'gateway';
  readonly features: Features;
  readonly #child: GatewayChild;

  private constructor(child: GatewayChild) {
    this.#child = child;
    this.features = featuresOf();
  }

  static async start(root: string, config: string, folder: string): Promise<GatewayProcess> {
    return new GatewayProcess(await startGateway(root, config, folder));
  }

  get port(): number {
    return this.#child.port;
  }

  get gone(): boolean {
    return this.#child.gone;
  }

  signal(signal: 'SIGHUP' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.signal(signal);
  }

  async admin(method: 'POST' | 'PUT', path: string): Promise<void> {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const response = await fetch(`http://${this.features.admin}${path}`, { method, headers });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }

  /** What each of its open descriptors is: Linux only. */
  descriptors(): string[] {
    const folder = `/proc/${this.#child.pid}/fd`;
    // One may be closed between the two calls.
    return readdirSync(folder).flatMap((fd) => {
      try {
        return [readlinkSync(join(folder, fd))];
      } catch {
        return [];
      }
    });
  }

  async memory(): Promise<Memory> {
    const reply = this.#child.reply('the gateway’s memory');
    this.#child.send('memory');
    return (await reply) as Memory;
  }

  /** Undefined where it has ended already. */
  async stop(): Promise<{ code: number | null; signal: string | null } | undefined> {
    if (this.#child.gone) return undefined;
    this.#child.signal('SIGTERM');
    return this.#child.exited;
  }

  async kill(): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  get stderr(): string {
    return readFileSync(this.#child.stderr, 'utf8');
  }

  readLog(): Record<string, unknown>[] {
    return readFileSync(this.#child.log, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }
}

/** As of now: no admin API, SIGHUP takes up certificates only, no second process. */
function featuresOf(): Features {
  return { admin: undefined, configReload: false, hotRestart: false };
}
