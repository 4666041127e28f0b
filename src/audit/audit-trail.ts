// The audit trail: each event as a record, to every place that the config names. Promises that telling it an event takes
// no longer than making the record, whatever becomes of it.
import os from 'node:os';
import { NodeTls } from '../../certs/node-tls.ts';
import type { AuditConfig } from '../config/config.ts';
import { type AuditEvent, type AuditSource, auditMessage } from './audit-message.ts';
import { AuditQueue, type AuditSink, type QueueTimes, type QueueWatcher } from './audit-queue.ts';
import { MemoryBacklog } from './backlog.ts';
import { FileSink } from './file-sink.ts';
import { syslogMessage } from './syslog-frame.ts';
import { SyslogSink } from './syslog-sink.ts';

/** What is left at the end is tried for so long; a disk and a repository that are there need far less. */
const CLOSE_MS = 2_000;

export class AuditTrail {
  readonly #source: AuditSource;
  readonly #queues: readonly AuditQueue[];

  /** @throws GatewayError GW_ERR_TLS_FILE */
  constructor(
    { file, syslog, queue, sourceId, siteId }: AuditConfig,
    watcher: QueueWatcher,
    times?: QueueTimes,
  ) {
    const host = os.hostname();
    this.#source = { id: sourceId ?? host, site: siteId, host, pid: process.pid };
    const sinks: AuditSink[] = [];
    if (file !== undefined) sinks.push(new FileSink(file));
    if (syslog !== undefined) sinks.push(new SyslogSink(syslog, new NodeTls(syslog.tls, syslog.host)));
    this.#queues = sinks.map((sink) => new AuditQueue(sink, new MemoryBacklog(queue), watcher, times));
  }

  /** Of all places together. */
  get written(): number {
    return this.#sum(({ written }) => written);
  }

  get dropped(): number {
    return this.#sum(({ dropped }) => dropped);
  }

  get queued(): number {
    return this.#sum(({ queued }) => queued);
  }

  record(event: AuditEvent): void {
    const text = auditMessage(event, this.#source);
    const line = syslogMessage(event.at, event.outcome !== 'success', this.#source, text);
    for (const queue of this.#queues) queue.add(line);
  }

  /** After a rotation of logs, or a reload: files and connections are opened anew. */
  reopen(): void {
    for (const queue of this.#queues) queue.reopen();
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#queues.map(async (queue) => {
        const left = await queue.close(CLOSE_MS);
        queue.drop(left.length);
        queue.tellDrops();
      }),
    );
  }

  #sum(of: (queue: AuditQueue) => number): number {
    return this.#queues.reduce((sum, queue) => sum + of(queue), 0);
  }
}
