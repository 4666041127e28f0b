// The audit trail of a running gateway, where the config has one, with what the log says of it.
import type { AuditConfig } from '../../config/config.ts';
import { AuditTrail } from '../../observe/audit/audit-trail.ts';
import type { Log } from '../../observe/log/log.ts';

/** @throws GatewayError GW_ERR_TLS_FILE */
export function createAuditTrail(audit: AuditConfig | undefined, log: Log): AuditTrail {
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
