// The processes of a campaign as its events see them: nodes that keep their address over kill and restart, and senders; the
// gateway is in gateway-process.ts. Promises: what was started is ended with the campaign, a stopped one too.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeTarget, SenderTarget } from '../events/kinds.ts';
import { type NodeEntry, readLog, type SenderEntry, type WebClientEntry } from '../wire/log.ts';
import { type Child, type NodeChild, startNode, startSender, startWebClient } from './child.ts';
import type { NodeMode, NodeStart, SenderAct, SenderStart, WebClientStart } from './orders.ts';

export class NodeProcess implements NodeTarget {
  readonly name: string;
  readonly pool: string;
  readonly #start: Omit<NodeStart, 'run' | 'log'>;
  readonly #folder: string;
  readonly #logs: string[] = [];
  #child: NodeChild | undefined;
  #port: number;

  constructor(start: Omit<NodeStart, 'run' | 'log'>, pool: string, folder: string) {
    this.name = start.name;
    this.pool = pool;
    this.#start = start;
    this.#port = start.port;
    this.#folder = folder;
  }

  get url(): string {
    return `${this.#start.wire}://${this.#start.host}:${this.#port}`;
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

/** A process that writes one log from its start to its end. */
class ClientProcess {
  readonly name: string;
  readonly #log: string;
  readonly #child: Child;

  constructor({ name, log }: { readonly name: string; readonly log: string }, child: Child) {
    this.name = name;
    this.#log = log;
    this.#child = child;
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

  protected get log(): string {
    return this.#log;
  }
}

export class SenderProcess extends ClientProcess implements SenderTarget {
  constructor(start: SenderStart) {
    super(start, startSender(start));
  }

  readLog(): SenderEntry[] {
    return readLog<SenderEntry>(this.log);
  }
}

export class WebClientProcess extends ClientProcess {
  constructor(start: WebClientStart) {
    super(start, startWebClient(start));
  }

  readLog(): WebClientEntry[] {
    return readLog<WebClientEntry>(this.log);
  }
}
