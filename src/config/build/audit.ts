// The `audit` section: where the audit trail goes. Promises that there is such a place, and that a repository is only
// reached over TLS.
import { resolve } from 'node:path';
import type { AuditConfig } from '../config.ts';
import { AUDIT_KEYS } from '../keys/admin.ts';
import { AUDIT_TLS_KEYS } from '../keys/tls.ts';
import type { Section } from '../read/section.ts';
import type { ReadContext } from '../source/value.ts';
import { buildNodeTls } from './tls/node-tls.ts';

/** Undefined where the file has no such section. */
export function buildAudit(top: Section, reading: ReadContext): AuditConfig | undefined {
  const audit = top.section('audit', AUDIT_KEYS);
  if (audit === undefined) return undefined;
  if (!audit.has('file') && !audit.has('syslog.address'))
    audit.error('', 'needs file, or syslog.address, or both: where the audit trail goes');
  const { file, ...values } = audit.values;
  return {
    ...values,
    file: file === undefined ? undefined : resolve(reading.folder, file),
    syslog: buildSyslog(audit, reading),
    spool: buildSpool(audit, reading),
  };
}

function buildSpool(audit: Section<typeof AUDIT_KEYS>, reading: ReadContext): AuditConfig['spool'] {
  const { folder, maxBytes } = audit.values.spool;
  if (folder === undefined) {
    if (audit.has('spool.maxSize')) audit.error('spool.maxSize', 'needs spool.folder as well');
    return undefined;
  }
  if (!audit.has('syslog.address'))
    audit.error('spool.folder', 'is for records that wait for syslog.address, which is not there');
  return { folder: resolve(reading.folder, folder), maxBytes };
}

function buildSyslog(audit: Section<typeof AUDIT_KEYS>, reading: ReadContext): AuditConfig['syslog'] {
  // Without a map: the system's roots, no client certificate.
  const tls = buildNodeTls(audit.sectionOrDefaults('syslog.tls', AUDIT_TLS_KEYS), reading);
  if (!audit.has('syslog.address')) {
    if (audit.tree('syslog.tls') !== undefined) audit.error('syslog.tls', 'needs syslog.address as well');
    return undefined;
  }
  const { address } = audit.values.syslog;
  if (address === undefined) return undefined;
  if (address.port === 0 || ['0.0.0.0', '::'].includes(address.host))
    audit.error('syslog.address', 'must be the host:port of another machine; RFC 5425 has port 6514');
  return { ...address, tls };
}
