// What all parts of the benchmark share: a folder, how long is measured, and the processes that send, answer and collect, each
// started when a part first needs it. Promises: `stop` ends them all, and the folder is gone when the process is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import type { NodePorts } from './proxies.ts';
import { FULL, QUICK, SMOKE, type Times } from './rounds.ts';
import { Nodes, Senders } from './senders.ts';
import { makeTlsFiles, type TlsFiles } from './tls-files.ts';

/** All rows; fewer of them, measured for a shorter time; one or two of each part, to see that it runs. */
export type Scale = 'full' | 'quick' | 'smoke';

const TIMES: Readonly<Record<Scale, Times>> = { full: FULL, quick: QUICK, smoke: SMOKE };

/** As many as a pool has in the row with the most. */
export const MOST_NODES = 20;

export class Room {
  readonly scale: Scale;
  readonly times: Times;
  readonly folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-bench-'));
  readonly #made = new Map<string, unknown>();
  readonly #running: { stop(): Promise<void> }[] = [];

  constructor(scale: Scale) {
    this.scale = scale;
    this.times = TIMES[scale];
    // Keys lie in it, so also where the run is broken off.
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** The first of these that is for this scale. */
  pick<T>(full: T, quick: T, smoke: T): T {
    return { full, quick, smoke }[this.scale];
  }

  get senders(): Senders {
    return this.#once('senders', () => this.#keep(new Senders()));
  }

  get nodes(): Promise<Nodes> {
    return this.#once('nodes', () => this.#keep(new Nodes(MOST_NODES)).ready());
  }

  /** Behind relays that encode messages again. */
  get lenientNodes(): Promise<Nodes> {
    return this.#once('lenient nodes', () => this.#keep(new Nodes(2, 'rewritten')).ready());
  }

  get httpNodes(): Promise<NodePorts> {
    return this.#two('./processes/http-sink.ts');
  }

  get tcpNodes(): Promise<NodePorts> {
    return this.#two('./processes/tcp-sink.ts');
  }

  /** Nodes that tell their port when they listen. */
  #two(file: string): Promise<NodePorts> {
    return this.#once(file, async () => {
      const sinks = [0, 1].map(() => this.#keep(new Child(file)));
      const ready = await Promise.all(sinks.map((sink) => sink.answer<{ port: number }>()));
      return ready.map(({ port }) => port);
    });
  }

  child(file: string): Child {
    return this.#once(file, () => this.#keep(new Child(`./processes/${file}`)));
  }

  /** The collector of traces, and its port. */
  get collector(): Promise<{ readonly sink: Child; readonly port: number }> {
    return this.#once('collector', async () => {
      const sink = this.#keep(new Child('./processes/otlp-sink.ts'));
      return { sink, ...(await sink.answer<{ port: number }>()) };
    });
  }

  tlsFiles(key: 'ec-p256' | 'rsa-2048'): TlsFiles {
    return this.#once(key, () => makeTlsFiles(key, this.folder));
  }

  async stop(): Promise<void> {
    for (const one of this.#running) await one.stop();
  }

  #keep<T extends { stop(): Promise<void> }>(one: T): T {
    this.#running.push(one);
    return one;
  }

  #once<T>(name: string, make: () => T): T {
    if (!this.#made.has(name)) this.#made.set(name, make());
    return this.#made.get(name) as T;
  }
}
