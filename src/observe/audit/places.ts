// The places that an audit trail goes to, by what the config says of each. Promises that one of which the config says the same
// is found again, whatever else has changed.
import { isDeepStrictEqual } from 'node:util';
import { NodeTls } from '../../../certs/node-tls.ts';
import type { AuditConfig } from '../../config/config.ts';
import { AuditQueue, type AuditQueueWatcher, type QueueTimes } from './audit-queue.ts';
import { type Backlog, MemoryBacklog } from './backlog.ts';
import { FileSink } from './file-sink.ts';
import { SpoolBacklog } from './spool/spool-backlog.ts';
import { SyslogSink } from './syslog-sink.ts';

export interface AuditPlace {
  readonly key: 'audit.file' | 'audit.syslog';
  /** A path, or a host and its port. */
  readonly name: string;
  readonly queue: AuditQueue;
  readonly wish: Wish;
  /** @throws GatewayError GW_ERR_FILE where it cannot be had now */
  open(): Promise<void>;
}

/** What the config says of a place. */
type Wish =
  | { readonly key: 'audit.file'; readonly path: string }
  | {
      readonly key: 'audit.syslog';
      readonly target: NonNullable<AuditConfig['syslog']>;
      /** Where its records wait. */
      readonly folder: string | undefined;
    };

export interface AuditContext {
  readonly watcher: AuditQueueWatcher;
  /** Undefined: as long as they should be. */
  readonly times: QueueTimes | undefined;
}

export function wishes(config: AuditConfig | undefined): readonly Wish[] {
  const all: Wish[] = [];
  if (config?.file !== undefined) all.push({ key: 'audit.file', path: config.file });
  if (config?.syslog !== undefined) {
    all.push({ key: 'audit.syslog', target: config.syslog, folder: config.spool?.folder });
  }
  return all;
}

export function isAt(place: AuditPlace, wish: Wish): boolean {
  return isDeepStrictEqual(place.wish, wish);
}

/** @throws GatewayError GW_ERR_TLS_FILE */
export function makePlace(wish: Wish, config: AuditConfig | undefined, around: AuditContext): AuditPlace {
  const { watcher, times } = around;
  const max = config?.queue ?? 0;
  if (wish.key === 'audit.file') {
    const sink = new FileSink(wish.path);
    const queue = new AuditQueue(sink, new MemoryBacklog(max), watcher, times);
    return { key: wish.key, name: sink.name, wish, queue, open: () => sink.open() };
  }
  const { target, folder } = wish;
  const sink = new SyslogSink(target, new NodeTls(target.tls, target.host));
  const { name } = sink;
  const backlog =
    folder === undefined
      ? new MemoryBacklog(max)
      : new SpoolBacklog({
          folder,
          maxBytes: config?.spool?.maxBytes ?? 0,
          max,
          onDisk: (error) => watcher.onSpool(name, error),
        });
  const queue = new AuditQueue(sink, backlog, watcher, times);
  // The repository may be away for a time: its records wait.
  return { key: wish.key, name, wish, queue, open: () => backlog.open() };
}

/** Of a place that goes on. */
export function setLimits(backlog: Backlog, config: AuditConfig | undefined): void {
  backlog.max = config?.queue ?? 0;
  if (backlog instanceof SpoolBacklog) backlog.maxBytes = config?.spool?.maxBytes ?? 0;
}
