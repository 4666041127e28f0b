// One run of a fuzzer: inputs by seed, many at a time, a probe now and then, and in quiet moments a count of what is left.
// Promises: input `n` of a seed is the same in every run; each finding names the input, where one is known.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Prng } from '../../src/tools/world/prng.ts';
import { FuzzedGateway } from './gateway.ts';
import { HANG_MS, type Running, type Target } from './target.ts';
import { seedOf } from './wire/bytes.ts';
import { makeCertificate } from './wire/certificate.ts';
import { inputsByPort, inputUnderWay } from './wire/line.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Ends before `inputs` are through. */
  readonly seconds?: number | undefined;
  /** These inputs alone. */
  readonly only?: readonly number[] | undefined;
  /** Where the product, or a mutant of it, is. */
  readonly root?: string | undefined;
  readonly concurrency?: number;
  /** After so many the run ends. */
  readonly maxFindings?: number;
  readonly onProgress?: (inputs: number, findings: readonly Finding[]) => void;
}

export interface Finding {
  readonly kind: 'crash' | 'hang' | 'leak' | 'wrong' | 'error' | 'probe';
  readonly index?: number | undefined;
  readonly text: string;
}

export interface FuzzResult {
  readonly inputs: number;
  readonly seconds: number;
  readonly probes: number;
  readonly findings: readonly Finding[];
  /** Of the gateway's error codes, how often each came about. */
  readonly codes: Readonly<Record<string, number>>;
  /** Of the gateway, before and after, in MiB. */
  readonly rss: readonly [number, number];
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Between two quiet moments. */
const STRETCH = 5_000;
const PROBE_EVERY_MS = 200;
/** Idle connections to nodes are ended after a second or two, lingering ones of clients after two, others by a deadline. */
const LET_GO_MS = 60_000;
const POLL_MS = 50;
/** Its own limit is 5 s in the config of each target. */
const STOP_MS = 20_000;

export async function runFuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.adopt(mkdtempSync(join(tmpdir(), `fuzz-${target.name}-`)), (path) =>
    rmSync(path, { recursive: true }),
  );
  const findings: Finding[] = [];
  let gateway: FuzzedGateway | undefined;
  const running = stack.use(
    await target.open({
      start: async (config) => {
        gateway = stack.use(await FuzzedGateway.start(options.root ?? ROOT, folder, config));
        return gateway;
      },
      tls: makeCertificate(folder),
      report: (text) => findings.push({ kind: 'wrong', text }),
    }),
  );
  if (gateway === undefined) throw new Error(`the target ${target.name} has started no gateway`);
  return await new FuzzRun(gateway, running, findings, options).run();
}

class FuzzRun {
  readonly #gateway: FuzzedGateway;
  readonly #running: Running;
  readonly #findings: Finding[];
  readonly #options: FuzzOptions;
  readonly #indices: Iterator<number>;
  readonly #inFlight = new Set<number>();
  readonly #until: number;
  #done = 0;
  #probes = 0;
  #quiet = true;

  constructor(gateway: FuzzedGateway, running: Running, findings: Finding[], options: FuzzOptions) {
    this.#gateway = gateway;
    this.#running = running;
    this.#findings = findings;
    this.#options = options;
    this.#indices = (options.only ?? count(options.inputs))[Symbol.iterator]();
    this.#until = performance.now() + (options.seconds ?? Number.POSITIVE_INFINITY) * 1_000;
  }

  async run(): Promise<FuzzResult> {
    const startedAt = performance.now();
    void this.#gateway.exited.then(() => {
      if (!this.#quiet)
        this.#add('crash', `the process has ended; under way: ${[...this.#inFlight].join(', ')}`);
    });
    // What is loaded and kept from the first message on is no leak.
    await this.#probe();
    const socketsBefore = await this.#fewestSockets();
    const rssBefore = await this.#gateway.memory().catch(() => 0);
    while (!this.#isOver && (await this.#stretch())) await this.#settle(socketsBefore);
    await this.#settle(socketsBefore);
    const rssAfter = this.#gateway.gone ? 0 : await this.#gateway.memory().catch(() => 0);
    this.#quiet = true;
    if (!this.#gateway.gone) {
      const exit = await this.#gateway.stop(STOP_MS);
      if (exit !== 0) this.#add('hang', `SIGTERM: ${exit === undefined ? 'it did not end' : `exit ${exit}`}`);
    }
    return {
      inputs: this.#done,
      seconds: (performance.now() - startedAt) / 1_000,
      probes: this.#probes,
      findings: this.#findings,
      codes: Object.fromEntries([...this.#gateway.codes].toSorted()),
      rss: [toMiB(rssBefore), toMiB(rssAfter)],
    };
  }

  get #isOver(): boolean {
    return (
      this.#gateway.gone ||
      this.#findings.length >= (this.#options.maxFindings ?? 20) ||
      performance.now() > this.#until
    );
  }

  /** False: that was the last. */
  async #stretch(): Promise<boolean> {
    let left = STRETCH;
    let more = true;
    this.#quiet = false;
    const next = (): number | undefined => {
      if (left-- <= 0 || this.#isOver) return undefined;
      const { done, value } = this.#indices.next();
      if (done === true) more = false;
      return done === true ? undefined : value;
    };
    const worker = async (): Promise<void> => {
      for (let index = next(); index !== undefined; index = next()) await this.#input(index);
    };
    const workers = Promise.all(Array.from({ length: this.#options.concurrency ?? 48 }, worker));
    const stop = new AbortController();
    const probing = this.#probeAgain(stop.signal);
    await workers;
    stop.abort();
    await probing;
    return more;
  }

  async #input(index: number): Promise<void> {
    this.#inFlight.add(index);
    try {
      const wrong = await withLimit(
        inputUnderWay.run(index, () => this.#running.run(index, new Prng(seedOf(this.#options.seed, index)))),
        2 * HANG_MS,
      );
      if (wrong !== undefined && !this.#gateway.gone)
        this.#add(wrong.startsWith('hang') ? 'hang' : 'wrong', wrong, index);
    } catch (error) {
      this.#add('error', `the fuzzer: ${error instanceof Error ? error.stack : error}`, index);
    }
    this.#inFlight.delete(index);
    this.#done++;
    if (this.#done % 1_000 === 0) {
      this.#options.onProgress?.(this.#done, this.#findings);
      this.#look();
    }
  }

  async #probeAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#isOver) {
      await this.#probe();
      await pause(PROBE_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #probe(): Promise<void> {
    const wrong = await this.#running.probe();
    this.#probes++;
    if (wrong !== undefined && !this.#gateway.gone) this.#add('probe', wrong);
  }

  /** Nothing is under way: as few sockets as before. */
  async #settle(before: number): Promise<void> {
    if (!this.#gateway.gone) await this.#probe();
    const deadline = performance.now() + LET_GO_MS;
    for (;;) {
      if (this.#gateway.gone) break;
      const now = this.#gateway.sockets;
      if (now <= before) break;
      if (performance.now() > deadline) {
        const what = this.#gateway.describeSockets(inputsByPort);
        this.#add(
          'leak',
          `${now - before} more sockets than before the inputs so far; with a peer there are ${what || 'none'}`,
        );
        break;
      }
      await pause(POLL_MS);
    }
    this.#look();
  }

  async #fewestSockets(): Promise<number> {
    let fewest = Number.POSITIVE_INFINITY;
    const deadline = performance.now() + 2_500;
    while (performance.now() < deadline) {
      fewest = Math.min(fewest, this.#gateway.sockets);
      await pause(POLL_MS);
    }
    return fewest;
  }

  #look(): void {
    for (const text of this.#gateway.takeFindings()) this.#add(this.#gateway.gone ? 'crash' : 'wrong', text);
  }

  #add(kind: Finding['kind'], text: string, index?: number): void {
    this.#findings.push({ kind, index, text });
  }
}

function* count(inputs: number): Generator<number> {
  for (let index = 0; index < inputs; index++) yield index;
}

async function withLimit(work: Promise<string | undefined>, limitMs: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(`hang: no end of the input within ${limitMs} ms`), limitMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function toMiB(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}
