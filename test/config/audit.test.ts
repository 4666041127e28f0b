// The `audit` section: where the trail goes, and what is wrong with it.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { config, folderOf, outcome } from './config-folder.ts';

const FILES = { 'ca.pem': '', 'own.pem': '', 'own-key.pem': '' };

function audit(section: string): unknown {
  const folder = folderOf(FILES);
  const { config: loaded } = parseConfig(config({ top: `audit: ${section}` }), {
    file: join(folder, 'gateway.yaml'),
    env: {},
  });
  return JSON.parse(JSON.stringify(loaded.audit ?? null).replaceAll(folder, ''));
}

const DEFAULTS = { queue: 10_000, refusedMessages: true };

test('a file is looked for beside the config, and need not be there', () => {
  expect(audit('{ file: logs/audit.log }')).toEqual({ ...DEFAULTS, file: '/logs/audit.log' });
  expect(
    audit('{ file: /var/log/audit.log, siteId: NORTH, sourceId: gw, queue: 5, refusedMessages: false }'),
  ).toEqual({
    file: '/var/log/audit.log',
    siteId: 'NORTH',
    sourceId: 'gw',
    queue: 5,
    refusedMessages: false,
  });
});

test('a repository is always reached over TLS', () => {
  const defaults = { caFiles: [], minVersion: 'TLSv1.2', crlFiles: [], pins: [], insecure: false };
  expect(audit('{ syslog: { address: "audit.example:6514" } }')).toEqual({
    ...DEFAULTS,
    syslog: { host: 'audit.example', port: 6514, tls: defaults },
  });
  const tls = '{ ca: ca.pem, cert: own.pem, key: own-key.pem, servername: arr.example }';
  expect(audit(`{ syslog: { address: "[::1]:6514", tls: ${tls} } }`)).toEqual({
    ...DEFAULTS,
    syslog: {
      host: '::1',
      port: 6514,
      tls: {
        ...defaults,
        caFiles: ['/ca.pem'],
        keyPair: { kind: 'pem', certFile: '/own.pem', keyFile: '/own-key.pem' },
        servername: 'arr.example',
      },
    },
  });
});

test('a spool is looked for beside the config, and need not be there', () => {
  const address = 'syslog: { address: "h:6514" }';
  expect(audit(`{ ${address}, spool: { folder: spool } }`)).toMatchObject({
    spool: { folder: '/spool', maxBytes: 256 * 1024 * 1024 },
  });
  expect(audit(`{ ${address}, spool: { folder: /var/spool/gw, maxSize: 2MiB } }`)).toMatchObject({
    spool: { folder: '/var/spool/gw', maxBytes: 2 * 1024 * 1024 },
  });
});

test.each([
  ['{ file: a, spool: { folder: b } }', 'audit.spool.folder: is for records that wait for syslog.address'],
  [
    '{ syslog: { address: "h:1" }, spool: { maxSize: 2MiB } }',
    'audit.spool.maxSize: needs spool.folder as well',
  ],
  ['{ syslog: { address: "h:1" }, spool: { folder: b, maxSize: 1KiB } }', 'audit.spool.maxSize: must be'],
  ['{}', 'audit: needs file, or syslog.address, or both: where the audit trail goes'],
  ['{ syslog: { tls: { ca: ca.pem } } }', 'audit.syslog.tls: needs syslog.address as well'],
  ['{ syslog: { address: ":6514" } }', 'audit.syslog.address: must be the host:port of another machine'],
  ['{ syslog: { address: "h:0" } }', 'audit.syslog.address: must be the host:port of another machine'],
  ['{ syslog: { address: h } }', 'audit.syslog.address: must be host:port'],
  ['{ file: a, sysloc: {} }', 'audit.sysloc: unknown key; did you mean "syslog"'],
  [
    '{ syslog: { address: "h:1", tls: { ca: none.pem } } }',
    'audit.syslog.tls.ca: the file "none.pem" does not exist',
  ],
  ['{ file: a, queue: 0 }', 'audit.queue: must be an integer from 1 to 1000000'],
])('%s is wrong', (section, problem) => {
  const { errors } = outcome(config({ top: `audit: ${section}` }), folderOf(FILES));
  expect(errors.join('\n')).toContain(problem);
});
