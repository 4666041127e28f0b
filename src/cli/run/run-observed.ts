// Who is told of what a running gateway does beside its log: its metrics of reloads, and its audit trail where the config
// has one. Promises that without an audit trail nothing is made for it.
import type { PreparedChange } from '../../admin/control/prepared.ts';
import type { ChangeWatcher } from '../../admin/watched-control.ts';
import type { AuditConfig, GatewayConfig } from '../../config/config.ts';
import type { Gateway, GatewayOptions } from '../../gateway.ts';
import { AuditTrail } from '../../observe/audit/audit-trail.ts';
import { GatewayEvents } from '../../observe/audit/gateway-events.ts';
import type { Log } from '../../observe/log/log.ts';

export interface Observers extends ChangeWatcher, Required<Pick<GatewayOptions, 'onMessage' | 'onFault'>> {
  onAdminRefused(by: string): void;
  /** @throws GatewayError GW_ERR_TLS_FILE, GW_ERR_FILE; then the audit trail is as it was */
  prepareAudit(config: AuditConfig | undefined): Promise<PreparedChange>;
  /** Opens what the audit trail goes to. @throws GatewayError GW_ERR_FILE */
  open(): Promise<void>;
  /** After a rotation of logs; returns the paths of the files. */
  reopenFiles(): readonly string[];
  started(): void;
  /** The gateway has stopped; resolves when that is recorded, or cannot be. */
  stopped(): Promise<void>;
}

/** @throws GatewayError GW_ERR_TLS_FILE */
export function observe({ audit }: GatewayConfig, gateway: () => Gateway, log: Log): Observers {
  const trail = createTrail(audit, log);
  const events = new GatewayEvents(
    (event) => trail.record(event),
    () => trail.takesRefusals,
    () => gateway().identifiers,
  );
  return {
    onMessage: (message) => {
      if (trail.isOn) events.onMessage(message);
    },
    onFault: (listener, error, peer) => events.onFault(listener, error, peer),
    onAdminRefused: (by) => events.onAdminRefused(by),
    onNodeChanged: (by, pool, node, what) => events.onNodeChanged(by, pool, node, what),
    onNodeState: (by, pool, node, what) => events.onNodeState(by, pool, node, what),
    onTap: (by) => events.onTap(by),
    onReload: (by, error, changed) => {
      gateway().metrics.onReload(error === undefined ? 'ok' : 'failed');
      events.onReload(by, error, changed, trail.moves);
      trail.settle();
      // Logs may have been rotated, and certificates replaced.
      trail.reopen();
    },
    prepareAudit: (config) => trail.prepare(config),
    open: () => trail.open(),
    reopenFiles: () => trail.reopenFiles(),
    started: () => {
      gateway().metrics.audit = trail;
      events.started();
    },
    stopped: async () => {
      events.stopped();
      await trail.close();
    },
  };
}

function createTrail(audit: AuditConfig | undefined, log: Log): AuditTrail {
  return new AuditTrail(audit, {
    onSink: (sink, error) => {
      if (error === undefined) log.info({ sink }, 'audit: written again');
      else
        log.error(
          { sink, code: error.code, detail: error.detail },
          'audit: nothing can be written; tried again',
        );
    },
    onSpool: (sink, error) => {
      if (error === undefined) log.info({ sink }, 'audit: the spool is written to again');
      else
        log.error(
          { sink, code: error.code, detail: error.detail },
          'audit: the spool cannot be written to; records wait in memory',
        );
    },
    onKept: (sink, count) => log.info({ sink, count }, 'audit: events wait in the spool'),
    onDropped: (sink, count) => log.error({ sink, count }, 'audit: events were dropped'),
  });
}
