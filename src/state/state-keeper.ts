// Keeps what a running gateway must not forget: reads it at start (from the process that it replaces, else from the state file), stores
// decisions at each change before the operator is told, and senders now and then. Promises that a state that cannot be read or written
// never keeps the gateway from its work; it is logged, and shown until it is stored again.
import { EarlierSenders, hashSender, newSalt, type SenderRecord } from '../../routing/earlier-senders.ts';
import { causeCode } from '../errors.ts';
import type { Log } from '../observe/log/log.ts';
import { randomUUID } from '../platform/random.ts';
import {
  clearInterval,
  clearTimeout,
  monotonicMs,
  setInterval,
  setTimeout,
  wallMs,
} from '../platform/time.ts';
import type { Pools } from '../pools/pools.ts';
import { writeFileAtomic, writeFileAtomicSync } from './atomic-file.ts';
import type { Decisions } from './decisions.ts';
import { fetchState, offerState } from './hand-over.ts';
import {
  decisionsText,
  parseDecisions,
  parseSenders,
  readDecisionsFile,
  readSendersFile,
  type StoredDecisions,
  type StoredSenders,
  sendersFileOf,
  sendersText,
} from './stored-state.ts';

export interface DecisionSource {
  /** All that is in force. */
  decisions(): Decisions;
  /** Puts stored ones in force, before any message; returns what no longer fits, a phrase each. */
  restore(decisions: Decisions): readonly string[];
  /** What other members have not been told of yet: kept with the decisions. */
  untold?(): unknown;
  /** After the decisions. */
  restoreUntold?(value: unknown): void;
}

export interface StateKeeperOptions {
  /** Undefined: nothing is stored, a hot restart hands it over all the same. */
  readonly file: string | undefined;
  readonly pools: () => Pools;
  readonly source: DecisionSource;
  readonly log: Log;
}

export interface StateReport {
  readonly file: string;
  /** Milliseconds since 1970; undefined: not yet. */
  readonly writtenAt: number | undefined;
  /** Why it cannot be written; undefined: it was. */
  readonly error: string | undefined;
}

/** A kill loses at most what senders were bound in this time; they are bound anew. */
const SENDERS_EVERY_MS = 30_000;
/** After a write that failed. */
const AGAIN_MS = 5_000;

export class StateKeeper {
  readonly #options: StateKeeperOptions;
  #ownWriter: string | undefined;
  #ownSalt: string | undefined;
  /** Whose file it may overwrite: the one that was read at start. */
  #before: string | undefined;
  #isAnothers = false;
  #writtenAt: number | undefined;
  #error: string | undefined;
  #offer: { close(): void } | undefined;
  #sendersTimer: NodeJS.Timeout | undefined;
  #againTimer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: StateKeeperOptions) {
    this.#options = options;
  }

  /** Undefined where nothing is to be stored. */
  get report(): StateReport | undefined {
    const { file } = this.#options;
    return file === undefined ? undefined : { file, writtenAt: this.#writtenAt, error: this.#error };
  }

  /** Before the gateway listens. `replaces`: process id of the one whose place this one takes. */
  async restore(replaces: number | undefined): Promise<void> {
    const { log, source } = this.#options;
    const { decisions, senders, from } = await this.#read(replaces);
    this.#before = decisions?.writer;
    if (decisions !== undefined) {
      const dropped = source.restore(decisions.decisions);
      for (const what of dropped)
        log.warn({ from, what }, 'stored state dropped: it no longer fits the config');
      source.restoreUntold?.(decisions.untold);
    }
    const restored = senders === undefined ? 0 : this.#restoreSenders(senders, from);
    if (decisions !== undefined)
      log.info({ from, pools: Object.keys(decisions.decisions), senders: restored }, 'state restored');
  }

  /** The gateway works. */
  start(): void {
    const { log, file } = this.#options;
    this.#offer = offerState(
      () => ({ decisions: this.#decisionsText(), senders: this.#sendersText() }),
      (error) => log.warn({ reason: error.message }, 'a hot restart could not take over the state in memory'),
    );
    if (file === undefined) return;
    this.changed();
    this.#sendersTimer = setInterval(() => this.#storeSenders(file), SENDERS_EVERY_MS);
    this.#sendersTimer.unref();
  }

  /** An operator has decided something: it is stored when this returns, or the report says why not. */
  changed(): void {
    const { file, log } = this.#options;
    if (file === undefined || !this.#isMine(file)) return;
    clearTimeout(this.#againTimer);
    try {
      writeFileAtomicSync(file, this.#decisionsText());
      this.#before = this.#writer;
      this.#writtenAt = wallMs();
      if (this.#error !== undefined) log.info({ file }, 'the state file is written again');
      this.#error = undefined;
    } catch (thrown) {
      this.#failed(file, thrown);
      this.#againTimer = setTimeout(() => this.changed(), AGAIN_MS);
      this.#againTimer.unref();
    }
  }

  /** Resolves when the last is written. */
  async stop(): Promise<void> {
    const { file } = this.#options;
    clearInterval(this.#sendersTimer);
    clearTimeout(this.#againTimer);
    this.#offer?.close();
    if (file !== undefined) this.#storeSenders(file);
    await this.#writing;
  }

  async #read(replaces: number | undefined): Promise<{
    readonly decisions: StoredDecisions | undefined;
    readonly senders: StoredSenders | undefined;
    readonly from: string;
  }> {
    const { file, log } = this.#options;
    if (replaces !== undefined) {
      try {
        const handed = await fetchState(replaces);
        const from = `process ${replaces}`;
        return { decisions: parseDecisions(handed.decisions), senders: parseSenders(handed.senders), from };
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : String(thrown);
        if (file === undefined)
          log.warn(
            { pid: replaces, reason },
            'the other process did not hand over its state: what an operator decided there is lost, senders are bound anew',
          );
        else
          log.warn(
            { pid: replaces, reason, file },
            'the other process did not hand over its state: the state file is read instead',
          );
      }
    }
    if (file === undefined) return { decisions: undefined, senders: undefined, from: 'nowhere' };
    return {
      decisions: this.#readFile(file, readDecisionsFile, 'what an operator decided is lost'),
      senders: this.#readFile(sendersFileOf(file), readSendersFile, 'senders are bound anew'),
      from: file,
    };
  }

  #readFile<T>(file: string, read: (file: string) => T | undefined, loss: string): T | undefined {
    try {
      return read(file);
    } catch (thrown) {
      // Of a syntax error the text holds part of the file: the names of nodes, nothing of a message.
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      this.#options.log.error({ file, reason }, `stored state cannot be read: ${loss}`);
      return undefined;
    }
  }

  /** How many. */
  #restoreSenders({ salt, pools }: StoredSenders, from: string): number {
    this.#ownSalt = salt;
    let count = 0;
    for (const [pool, { by, records }] of pools) {
      const runtime = this.#options.pools().runtimes.get(pool);
      const table = runtime?.senders;
      if (runtime === undefined || table === undefined || by !== byOf(runtime.config.persistence)) {
        if (records.length > 0)
          this.#options.log.warn(
            { from, what: `${records.length} senders of pool ${pool}` },
            'stored state dropped: it no longer fits the config',
          );
        continue;
      }
      const nodes = new Set(runtime.nodes.map(({ name }) => name));
      const fitting = records.filter(({ node }) => nodes.has(node));
      table.restore(new EarlierSenders(salt, fitting, () => monotonicMs()));
      count += fitting.length;
    }
    return count;
  }

  /** Made when it is first asked for, as is the salt: many a gateway keeps no state. */
  get #writer(): string {
    this.#ownWriter ??= randomUUID();
    return this.#ownWriter;
  }

  get #salt(): string {
    this.#ownSalt ??= newSalt();
    return this.#ownSalt;
  }

  #decisionsText(): string {
    const { source } = this.#options;
    const untold = source.untold?.();
    return decisionsText({ writer: this.#writer, decisions: source.decisions(), untold });
  }

  #sendersText(): AsyncGenerator<string> {
    const salt = this.#salt;
    const pools = [...this.#options.pools().runtimes.values()].flatMap((runtime) => {
      const table = runtime.senders;
      if (table === undefined) return [];
      return [[runtime.name, byOf(runtime.config.persistence), sendersOf(salt, table)] as const];
    });
    return sendersText(salt, pools);
  }

  #storeSenders(file: string): void {
    const tables = [...this.#options.pools().runtimes.values()].some(({ senders }) => senders !== undefined);
    if (!tables || !this.#isMine(file)) return;
    // One after the other: each takes the place of the one before.
    this.#writing = this.#writing
      .then(() => writeFileAtomic(sendersFileOf(file), this.#sendersText()))
      .catch((thrown) => this.#failed(sendersFileOf(file), thrown));
  }

  /** During a hot restart the new process writes as soon as it works; from then on the file is not this one's any more. */
  #isMine(file: string): boolean {
    if (this.#isAnothers) return false;
    let writer: string | undefined;
    try {
      writer = readDecisionsFile(file)?.writer;
    } catch {
      return true;
    }
    if (writer === undefined || writer === this.#writer || writer === this.#before) return true;
    // At start there may be what an unclean end left; what comes while this process works is another's.
    if (this.#writtenAt === undefined) return true;
    this.#isAnothers = true;
    this.#options.log.warn(
      { file },
      'the state file is written by another process now, and by this one no more',
    );
    return false;
  }

  #failed(file: string, thrown: unknown): void {
    const reason = causeCode(thrown) ?? 'unknown error';
    if (this.#error === undefined)
      this.#options.log.error({ file, reason }, 'the state file cannot be written; tried again every 5 s');
    this.#error = reason;
  }
}

/** What senders are known by, as text. */
export function byOf(persistence: object | undefined): string {
  return JSON.stringify(persistence && 'by' in persistence ? persistence.by : undefined) ?? '';
}

function* sendersOf(
  salt: string,
  table: NonNullable<ReturnType<Pools['runtimes']['get']>>['senders'] & object,
): Iterable<SenderRecord> {
  for (const { key, node, idleMs } of table.list()) yield { hash: hashSender(salt, key), node, idleMs };
  if (table.earlier !== undefined) yield* table.earlier.records();
}
