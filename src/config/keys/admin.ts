// `admin` and `audit`.
import { type KeyTable, key } from './key.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

export const ADMIN_KEYS = {
  bind: key.preset(
    'bind',
    '127.0.0.1:9600',
    'Where it listens',
    'An address that other machines reach is an error without `tls`',
  ),
  token: key.secret(
    'Whoever sends it may see and do everything; give it as `{ file: … }`',
    'Printable ASCII without spaces; fewer than 16 characters, or a file that every user of the machine can read, give a warning',
    'Without it, and without `users`, only `/livez`, `/readyz` and `/metrics` answer',
  ),
  users: key.optional(
    'map',
    'Who may log in to [the console](admin.md#the-console-and-who-may-log-in), by name',
    'The token needs none of them, and is good for programs',
  ),
  sessions: {
    idle: key.duration(
      '30m',
      'A log-in ends when nothing was asked for so long; what comes by `/events` is not asked for',
    ),
    absolute: key.duration('12h', 'A log-in ends after so long in any case'),
  },
  hosts: key.optional(
    'texts',
    'Names by which browsers reach it, besides `localhost`, addresses, the host of `bind` and those that its certificate has',
    'A request by another name is refused: it may be a page of somebody else whose name was made to lead here (DNS rebinding)',
    'With a proxy before it, the name that browsers know',
  ),
  tls: key.optional('map', 'With it the API is HTTPS only'),
  insecure: key.flag(
    false,
    'Takes an address that other machines reach without `tls`, with a warning: for networks that are encrypted themselves',
  ),
  // Some 500 bytes each.
  messages: key.count(
    1_000,
    [0, 100_000],
    'How many of the last messages `GET /messages` knows: their identifiers as the log shows them, where they went and how long it took. 500 bytes each, in memory alone',
    '0: none',
  ),
  tap: key.flag(
    false,
    'Whoever has the token may ask for copies of messages and answers, for [a recording](recording.md)',
    'They are patient data: this needs `tls`, or an address of this machine alone; `insecure` is not enough',
  ),
} satisfies KeyTable;

/** `admin.users.NAME`. */
export const ADMIN_USER_KEYS = {
  password: key.secret('The hash that `hl7-gateway password` prints, not the password'),
  role: key.oneOf(
    ['view', 'operate'],
    '`view`: sees all; `operate`: changes nodes and reloads the config too',
  ),
} satisfies KeyTable;

export const AUDIT_KEYS = {
  file: key.optional(
    'text',
    'Path of a file that records are appended to, one line each; made where it is not there, for its owner only',
    'Its folder has to be there: `check`, the start and a reload say so otherwise',
    'Opened again by `rotate`, SIGUSR2 and SIGHUP',
  ),
  syslog: {
    address: key.optional(
      'bind',
      'Host and port of an audit record repository (IHE ATNA), which takes syslog over TLS',
      'Its usual port is 6514',
    ),
    tls: key.optional(
      'map',
      'Whom to trust there, and what to show',
      "Without it: the system's own roots, and no certificate",
    ),
  },
  spool: {
    folder: key.optional(
      'text',
      'Path of a folder in which records wait for the repository, so that they outlive the gateway; made where it is not there, for its owner only',
      'One for each gateway, on a disk of this machine',
      'Without it they wait in memory',
    ),
    // A record has 1 to 2 KB: 150,000 or so.
    maxSize: key.size(
      '256MiB',
      [MIB, KIB * GIB],
      'What the folder may hold, 150,000 records or so',
      'More are dropped and counted',
    ),
  },
  // A record has 1 to 2 KB: a million are 2 GB.
  queue: key.count(
    10_000,
    [1, 1_000_000],
    'Records that may wait in memory for the file or the repository, for each of the two; 1 to 2 KB each',
    'More are dropped and counted: raise it where the repository is away for longer and there is no spool',
    'With one they wait for the disk here',
  ),
  sourceId: key.optional('text', 'Who reports (AuditSourceID); without it the name of the machine'),
  siteId: key.optional('text', 'Its site (AuditEnterpriseSiteID)'),
  refusedMessages: key.flag(
    true,
    'Records each message that the gateway refuses',
    '`false` where a sender has many of them, and the log is enough',
  ),
} satisfies KeyTable;
