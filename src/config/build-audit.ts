// The `audit` section: where the audit trail goes. Promises that there is such a place, and that a repository is only
// reached over TLS.
import { resolve } from 'node:path';
import type { AuditConfig } from './config.ts';
import { parseBind } from './formats.ts';
import { readSection, type Section } from './section.ts';
import type { ReadContext } from './source/value.ts';
import { buildNodeTls } from './tls/node-tls.ts';

/** Undefined where the file has no such section. */
export function buildAudit(top: Section, reading: ReadContext): AuditConfig | undefined {
  const tree = top.tree('audit');
  if (tree === undefined) return undefined;
  const audit = readSection(tree, { key: 'audit', pattern: 'audit', place: top.at('audit') }, reading);
  if (!audit.has('file') && !audit.has('syslog.address'))
    audit.error('', 'needs file, or syslog.address, or both: where the audit trail goes');
  const file = audit.optionalText('file');
  return {
    file: file === undefined ? undefined : resolve(reading.folder, file),
    syslog: buildSyslog(audit, reading),
    spool: buildSpool(audit, reading),
    queue: audit.number('queue'),
    sourceId: audit.optionalText('sourceId'),
    siteId: audit.optionalText('siteId'),
    refusedMessages: audit.flag('refusedMessages'),
  };
}

function buildSpool(audit: Section, reading: ReadContext): AuditConfig['spool'] {
  const folder = audit.optionalText('spool.folder');
  if (folder === undefined) {
    if (audit.has('spool.maxSize')) audit.error('spool.maxSize', 'needs spool.folder as well');
    return undefined;
  }
  if (!audit.has('syslog.address'))
    audit.error('spool.folder', 'is for records that wait for syslog.address, which is not there');
  return { folder: resolve(reading.folder, folder), maxBytes: audit.number('spool.maxSize') };
}

function buildSyslog(audit: Section, reading: ReadContext): AuditConfig['syslog'] {
  const tree = audit.tree('syslog.tls');
  const place = audit.at('syslog.tls');
  // Without a map: the system's roots, no client certificate.
  const tls = readSection(
    tree ?? { kind: 'map', place, entries: [] },
    { key: 'audit.syslog.tls', pattern: 'audit.syslog.tls', place },
    reading,
  );
  const built = buildNodeTls(tls, reading, 'audit.syslog.tls.cert');
  if (!audit.has('syslog.address')) {
    if (tree !== undefined) audit.error('syslog.tls', 'needs syslog.address as well');
    return undefined;
  }
  const address = parseBind(audit.text('syslog.address'));
  if (address === undefined) return undefined;
  if (address.port === 0 || ['0.0.0.0', '::'].includes(address.host))
    audit.error('syslog.address', 'must be the host:port of another machine; RFC 5425 has port 6514');
  return { ...address, tls: built };
}
