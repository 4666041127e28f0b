// The audit trail: each event as a record, to every place that the config names, for as long as it names it. Promises that
// telling it an event takes no longer than making the record, whatever becomes of it.
import os from 'node:os';
import type { AuditConfig } from '../../config/config.ts';
import type { Prepared, Reconfigurable } from '../../reload/reconfigurable.ts';
import { type AuditEvent, type AuditSource, auditMessage } from './audit-message.ts';
import type { AuditQueueWatcher, QueueTimes } from './audit-queue.ts';
import { type AuditContext, type AuditPlace, isAt, makePlace, setLimits, wishes } from './places.ts';
import { syslogMessage } from './syslog-frame.ts';

/** What is left at the end of a place is tried for so long; a disk and a repository that are there need far less. */
const CLOSE_MS = 2_000;

/** Since a reload records go there, or do no longer. */
export interface Move {
  readonly to: boolean;
  readonly key: AuditPlace['key'];
  readonly name: string;
}

export class AuditTrail implements Reconfigurable<AuditConfig | undefined> {
  readonly #around: AuditContext;
  readonly #host = os.hostname();
  #config: AuditConfig | undefined;
  #places: readonly AuditPlace[];
  /** Those that the config names no longer: what is recorded until `settle` goes there too. */
  #going: readonly AuditPlace[] = [];
  #moves: readonly Move[] = [];
  /** Records that those have as well as the others. */
  #shared = new Set<string>();
  readonly #leaving = new Set<Promise<void>>();
  /** Of places that are no more. */
  readonly #past = { written: 0, dropped: 0 };
  readonly #ending = new Set<AuditPlace>();

  /** `config` undefined: it goes nowhere. @throws GatewayError GW_ERR_TLS_FILE */
  constructor(config: AuditConfig | undefined, watcher: AuditQueueWatcher, times?: QueueTimes) {
    this.#around = { watcher, times };
    this.#config = config;
    this.#places = wishes(config).map((wish) => makePlace(wish, config, this.#around));
    for (const { queue } of this.#places) queue.backlog.begin();
  }

  /** Opens what it goes to now. @throws GatewayError GW_ERR_FILE where a file or a folder cannot be had */
  async open(): Promise<void> {
    for (const place of this.#places) await place.open();
  }

  get isOn(): boolean {
    return this.#places.length + this.#going.length > 0;
  }

  /** Messages that the gateway refuses are to be recorded as well. */
  get takesRefusals(): boolean {
    return this.#config?.refusedMessages === true;
  }

  /** Of all places together, since the process has started. */
  get written(): number {
    return this.#sum(({ written }) => written) + this.#past.written;
  }

  get dropped(): number {
    return this.#sum(({ dropped }) => dropped) + this.#past.dropped;
  }

  get queued(): number {
    return this.#sum(({ queued }) => queued);
  }

  /** What was committed and not settled yet. */
  get moves(): readonly Move[] {
    return this.#moves;
  }

  record(event: AuditEvent): void {
    if (!this.isOn) return;
    const { sourceId = this.#host, siteId: site } = this.#config ?? {};
    const source: AuditSource = { id: sourceId, site, host: this.#host, pid: process.pid };
    const text = auditMessage(event, source);
    const line = syslogMessage(event.at, event.outcome !== 'success', source, text);
    for (const { queue } of [...this.#places, ...this.#going]) queue.add(line);
    if (this.#going.length > 0) this.#shared.add(line);
  }

  /**
   * Opens what another config needs. A place of which both say the same goes on as it is.
   *
   * @throws GatewayError GW_ERR_TLS_FILE, GW_ERR_FILE; then everything is as it was
   */
  async prepare(config: AuditConfig | undefined): Promise<Prepared> {
    const made: AuditPlace[] = [];
    const rollback = async (): Promise<void> => {
      await Promise.all(made.map(({ queue }) => queue.close(0)));
    };
    try {
      for (const wish of wishes(config)) {
        if (this.#places.some((place) => isAt(place, wish))) continue;
        const place = makePlace(wish, config, this.#around);
        made.push(place);
        await place.open();
      }
    } catch (thrown) {
      await rollback();
      throw thrown;
    }
    return { commit: () => this.#commit(config, made), rollback, settle: () => this.settle() };
  }

  /** The change is recorded: places that the config names no longer are left, in the background. */
  settle(): void {
    const shared = this.#shared;
    for (const place of this.#going) {
      this.#ending.add(place);
      const left = this.#leave(place, shared).finally(() => this.#leaving.delete(left));
      this.#leaving.add(left);
    }
    this.#going = [];
    this.#moves = [];
    this.#shared = new Set();
  }

  /** After a reload: files and connections are opened again. */
  reopen(): void {
    for (const { queue } of this.#places) queue.reopen();
  }

  /** After a rotation: files alone. Returns their names. */
  reopenFiles(): readonly string[] {
    const files = this.#places.filter(({ key }) => key === 'audit.file');
    for (const { queue } of files) queue.reopen();
    return files.map(({ name }) => name);
  }

  async close(): Promise<void> {
    this.settle();
    await Promise.all(this.#leaving);
    await Promise.all(
      this.#places.map(async ({ queue }) => {
        const left = await queue.close(CLOSE_MS);
        queue.drop(left.length);
        queue.tell();
      }),
    );
  }

  #commit(config: AuditConfig | undefined, made: readonly AuditPlace[]): void {
    const wanted = wishes(config);
    const kept = this.#places.filter((place) => wanted.some((wish) => isAt(place, wish)));
    const gone = this.#places.filter((place) => !kept.includes(place));
    this.#config = config;
    for (const { queue } of kept) setLimits(queue.backlog, config);
    for (const { queue } of made) queue.backlog.begin();
    this.#places = [...kept, ...made];
    this.#going = [...this.#going, ...gone];
    const moves = (places: readonly AuditPlace[], to: boolean): Move[] =>
      places.map(({ key, name }) => ({ to, key, name }));
    this.#moves = [...this.#moves, ...moves(gone, false), ...moves(made, true)];
  }

  /** What such a place had not taken goes to the one that has taken its part, if there is one. */
  async #leave(place: AuditPlace, shared: ReadonlySet<string>): Promise<void> {
    const { key, queue } = place;
    const left = (await queue.close(CLOSE_MS)).filter((record) => !shared.has(record));
    const heir = this.#places.find((other) => other.key === key);
    queue.drop(heir === undefined ? left.length : heir.queue.backlog.takeOver(left));
    // On the disk too it has left some, perhaps in the same folder.
    heir?.queue.backlog.begin();
    queue.tell();
    this.#ending.delete(place);
    this.#past.written += queue.written;
    this.#past.dropped += queue.dropped;
  }

  #sum(of: (queue: AuditPlace['queue']) => number): number {
    return [...this.#places, ...this.#going, ...this.#ending].reduce((sum, { queue }) => sum + of(queue), 0);
  }
}
