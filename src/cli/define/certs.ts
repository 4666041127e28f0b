// `certs`: the sub-commands' arguments. What they do stands in the folder above.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Usage } from '../../../certs/authority.ts';
import { KEY_KINDS } from '../../../certs/x509/key-kinds.ts';
import { parseCount, parseDuration } from '../../config/formats.ts';
import type { Secret } from '../certs/certs-folder.ts';
import { AUTHORITY_DAYS, DEFAULT_FOLDER } from '../defaults.ts';
import type { Perform, Terminal } from '../terminal.ts';
import { CALLED_WRONGLY, type CommandHelp, withHelp } from './help.ts';

/** A hundred years. Dates after 9999 cannot be written, and a typing error should not make one. */
const MAX_DAYS = 36_500;

function days(text: string): number {
  const number = parseCount(text);
  if (number === undefined || number < 1 || number > MAX_DAYS)
    throw new InvalidArgumentError(`It takes a number of days, 1 to ${MAX_DAYS}.`);
  return number;
}

/** An hour is longer than anyone waits for a handshake. */
function deadline(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0 || ms > 3_600_000)
    throw new InvalidArgumentError('It takes a duration above 0, such as 500ms, 5s or 2m.');
  return ms;
}

function date(text: string): Date {
  const plain = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?$/.test(text);
  const parsed = new Date(text);
  // 2026-02-30 is no day, though Date takes it for one in March.
  if (!plain || Number.isNaN(parsed.getTime()) || parsed.toISOString().slice(0, 10) !== text.slice(0, 10))
    throw new InvalidArgumentError('It takes a date such as 2027-01-31 or 2027-01-31T12:00Z.');
  return parsed;
}

function more(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function list(flags: string, description: string): Option {
  return new Option(flags, description).argParser(more).default([], 'none');
}

function keyKind(): Option {
  return new Option('--key <kind>', 'the kind of key to make').choices(KEY_KINDS).default('rsa-2048');
}

function withSecret(command: Command, what: string, prefix = ''): Command {
  return command
    .option(`--${prefix}passphrase-file <file>`, what)
    .option(`--${prefix}passphrase-env <name>`, 'the same, from an environment variable');
}

function secretOf(options: Record<string, unknown>, prefix = ''): Secret {
  const of = (end: 'File' | 'Env'): string | undefined =>
    options[prefix === '' ? `passphrase${end}` : `${prefix}Passphrase${end}`] as string | undefined;
  return { file: of('File'), env: of('Env') };
}

function usageOf({ client, both }: { client?: boolean; both?: boolean }): Usage {
  return both === true ? 'both' : client === true ? 'client' : 'server';
}

const MADE: CommandHelp['exit'] = {
  0: 'the files were written',
  2: `${CALLED_WRONGLY}; nothing was written`,
};

export function defineCerts(program: Command, terminal: Terminal, perform: Perform): void {
  const certs = program.command('certs');
  certs.description('make, inspect, verify and renew certificates; PKCS#12 in and out');
  withHelp(certs, {
    exit: { 0: 'good', 1: 'a certificate is not good, or a peer did not answer', 2: CALLED_WRONGLY },
    examples: [
      'certs init',
      'certs issue vip --dns vip.hospital.example',
      'certs inspect certs/dev/vip.crt.pem',
    ],
  });
  defineMaking(certs, terminal, perform);
  defineReading(certs, terminal, perform);
  defineFetching(certs, terminal, perform);
  definePkcs12(certs, terminal, perform);
}

const JSON_FLAG = ['--json', 'a JSON line for the result', false] as const;
const FORCE_FLAG = ['--force', 'replace files that are there', false] as const;

function defineMaking(certs: Command, terminal: Terminal, perform: Perform): void {
  const initCommand = certs
    .command('init')
    .description('make an authority: ca.crt.pem and ca.key.pem')
    .option('--out <dir>', 'where', DEFAULT_FOLDER)
    .option('--cn <name>', 'its common name', 'hl7-gateway CA')
    .option('--days <n>', 'how long it is valid', days, AUTHORITY_DAYS)
    .addOption(keyKind());
  withSecret(initCommand, 'encrypt its key with the passphrase in this file')
    .option(...FORCE_FLAG)
    .option(...JSON_FLAG)
    .action((options) =>
      perform(async () =>
        (await import('../certs/certs-make.ts')).init({ ...options, secret: secretOf(options) }, terminal),
      ),
    );

  const issueCommand = certs
    .command('issue')
    .description('issue a certificate: NAME.crt.pem and NAME.key.pem')
    .argument('<name>', 'of the files, and the common name')
    .option('--dir <dir>', 'where the authority is, and the files go', DEFAULT_FOLDER)
    .option('--cn <name>', 'another common name')
    .addOption(list('--dns <name>', 'a host name; may be given more than once'))
    .addOption(list('--ip <address>', 'an IP address; may be given more than once'))
    .addOption(new Option('--server', 'for a listener or a node (the default)').conflicts(['client', 'both']))
    .addOption(new Option('--client', 'for a sender, or the gateway before a node').conflicts('both'))
    .option('--both', 'for both')
    .option('--days <n>', 'how long it is valid (default: 397, a client’s 825)', days)
    .addOption(
      list('--crl-url <url>', 'where the authority’s revocation list is; may be given more than once'),
    )
    .addOption(keyKind().conflicts('csr'))
    .option('--csr <file>', 'for the key of this request; no key is made')
    .addOption(
      new Option('--trust-csr-names', 'take the subject and the names that the request asks for')
        .default(false)
        .conflicts(['dns', 'ip']),
    );
  withSecret(issueCommand, 'encrypt the new key with the passphrase in this file');
  withSecret(issueCommand, 'the passphrase of the authority’s key', 'ca-')
    .option(...FORCE_FLAG)
    .option(...JSON_FLAG)
    .action((name, options) =>
      perform(async () =>
        (await import('../certs/certs-make.ts')).issue(
          name,
          {
            ...options,
            usage: usageOf(options),
            secret: secretOf(options),
            caSecret: secretOf(options, 'ca'),
          },
          terminal,
        ),
      ),
    );

  const csrCommand = certs
    .command('csr')
    .description('make a key and a request for another authority: NAME.key.pem and NAME.csr.pem')
    .argument('<name>', 'of the files, and the common name')
    .option('--out <dir>', 'where', DEFAULT_FOLDER)
    .option('--cn <name>', 'another common name')
    .addOption(list('--dns <name>', 'a host name; may be given more than once'))
    .addOption(list('--ip <address>', 'an IP address; may be given more than once'))
    .addOption(keyKind());
  withSecret(csrCommand, 'encrypt the key with the passphrase in this file')
    .option(...FORCE_FLAG)
    .option(...JSON_FLAG)
    .action((name, options) =>
      perform(async () =>
        (await import('../certs/certs-make.ts')).csr(
          name,
          { ...options, secret: secretOf(options) },
          terminal,
        ),
      ),
    );

  const renewCommand = certs
    .command('renew')
    .description('issue a certificate again with new dates and a new key; "ca" renews the authority')
    .argument('<name>', 'as it was issued')
    .option('--dir <dir>', 'where the authority and the files are', DEFAULT_FOLDER)
    .option('--days <n>', 'how long it is valid (default: as issue)', days)
    .option('--keep-key', 'for the same key', false)
    .addOption(list('--crl-url <url>', 'where the revocation list is, instead of what it says'));
  withSecret(renewCommand, 'the passphrase of its key, old and new');
  withSecret(renewCommand, 'the passphrase of the authority’s key', 'ca-')
    .option(...JSON_FLAG)
    .action((name, options) =>
      perform(async () =>
        (await import('../certs/certs-make.ts')).renew(
          name,
          { ...options, secret: secretOf(options), caSecret: secretOf(options, 'ca') },
          terminal,
        ),
      ),
    );
  withHelp(initCommand, {
    exit: MADE,
    examples: [
      "certs init --cn 'Hospital gateway CA'",
      'certs init --out certs/hospital --key ec-p256 --passphrase-file ca.pass',
    ],
  });
  withHelp(issueCommand, {
    exit: MADE,
    examples: [
      'certs issue vip --dns vip.hospital.example --ip 10.0.0.10',
      'certs issue lab-sender --client --cn Laboratory',
      'certs issue radiology --client --csr from-radiology/radiology.csr.pem',
    ],
  });
  withHelp(csrCommand, {
    exit: MADE,
    examples: [
      'certs csr gateway --out certs/hospital --cn gateway.hospital.example --dns gateway.hospital.example',
    ],
  });
  withHelp(renewCommand, { exit: MADE, examples: ['certs renew vip', 'certs renew lab-sender --keep-key'] });
}

function defineReading(certs: Command, terminal: Terminal, perform: Perform): void {
  const inspectCommand = certs
    .command('inspect')
    .description('say what is in certificates, requests, keys and keystores')
    .argument('<file...>', 'PEM, DER, PKCS#7 or PKCS#12')
    .option('--key <file>', 'does this key belong to it? exit 1 if not');
  withSecret(inspectCommand, 'the passphrase of encrypted keys and keystores')
    .option('--json', 'a JSON line for each file', false)
    .action((files, options) =>
      perform(async () =>
        (await import('../certs/certs-inspect.ts')).inspect(
          files,
          { ...options, secret: secretOf(options) },
          terminal,
        ),
      ),
    );

  const verifyCommand = certs
    .command('verify')
    .description('would a handshake succeed, or does one with a live peer, and why not; exit 1 if not')
    .argument('[file]', 'the certificate, with those between it and the root')
    .addOption(list('--ca <file>', 'whom the other side trusts; may be given more than once'))
    .option('--key <file>', 'the certificate’s key (default: NAME.key.pem beside NAME.crt.pem)')
    .option('--host <host>', 'the name or address under which it is reached')
    .addOption(
      new Option('--usage <side>', 'the side that shows it').choices(['server', 'client']).default('server'),
    )
    .addOption(list('--crl <file>', 'a revocation list; may be given more than once'))
    .option('--at <date>', 'on that day instead of today', date)
    .option('--connect <host:port>', 'a live peer; it gets the handshake and nothing else')
    .option('--servername <name>', 'the name to ask the peer for (default: its host)')
    .option('--cert <file>', 'the client certificate to show to the peer; with --key')
    .option('--timeout <duration>', 'for the peer', deadline, 10_000);
  withSecret(verifyCommand, 'the passphrase of an encrypted key or keystore')
    .option(...JSON_FLAG)
    .action((file, options) =>
      perform(async () =>
        (await import('../certs/certs-verify.ts')).verify(
          file,
          { ...options, timeoutMs: options.timeout, secret: secretOf(options) },
          terminal,
        ),
      ),
    );
  withHelp(inspectCommand, {
    exit: {
      0: 'it was read, and its key belongs to it',
      1: 'the key does not belong to it',
      2: CALLED_WRONGLY,
    },
    examples: [
      'certs inspect certs/dev/vip.crt.pem',
      'certs inspect mirth.p12 --passphrase-file keystore.pass',
    ],
  });
  withHelp(verifyCommand, {
    exit: { 0: 'a handshake would succeed', 1: 'it would not', 2: CALLED_WRONGLY },
    examples: [
      'certs verify certs/dev/vip.crt.pem --ca certs/dev/ca.crt.pem --host vip.hospital.example',
      'certs verify --connect vip.hospital.example:2576 --ca certs/dev/ca.crt.pem',
    ],
  });
}

function defineFetching(certs: Command, terminal: Terminal, perform: Perform): void {
  const fetchCommand = certs
    .command('fetch')
    .description('print the certificates that a peer shows, as PEM, and what trusts them; nothing is checked')
    .argument('<host:port>', 'a live peer; it gets the handshake and nothing else')
    .option('--servername <name>', 'the name to ask the peer for (default: its host)')
    .option('--timeout <duration>', 'for the peer', deadline, 10_000)
    .option(...JSON_FLAG)
    .action((target, options) =>
      perform(async () =>
        (await import('../certs/certs-fetch.ts')).fetchCertificates(
          target,
          { ...options, timeoutMs: options.timeout },
          terminal,
        ),
      ),
    );
  withHelp(fetchCommand, {
    exit: { 0: 'they were printed', 1: 'the peer did not answer, or not in TLS', 2: CALLED_WRONGLY },
    examples: ['certs fetch 10.0.0.11:8443', 'certs fetch vip.hospital.example:2576 --json'],
  });
}

function definePkcs12(certs: Command, terminal: Terminal, perform: Perform): void {
  const importCommand = certs
    .command('import')
    .description('PKCS#12 (a keystore of Mirth or Java) to PEM files')
    .argument('<file>', 'the keystore')
    .option('--out <dir>', 'where the files go', DEFAULT_FOLDER)
    .option('--name <name>', 'of the files (default: the alias)')
    .option('--alias <alias>', 'which entry, where there are several')
    .option('--encrypt-key', 'keep the key encrypted, with the same passphrase', false);
  withSecret(importCommand, 'the keystore’s passphrase')
    .option(...FORCE_FLAG)
    .option(...JSON_FLAG)
    .action((file, options) =>
      perform(async () =>
        (await import('../certs/certs-pkcs12.ts')).importPkcs12(
          file,
          { ...options, secret: secretOf(options) },
          terminal,
        ),
      ),
    );

  const exportCommand = certs
    .command('export')
    .description('PEM files to PKCS#12, for Mirth and Java')
    .argument('<file>', 'the certificate')
    .option('--key <file>', 'its key (default: NAME.key.pem beside NAME.crt.pem)')
    .addOption(list('--chain <file>', 'certificates above it; may be given more than once'))
    .option('--out <file>', 'the keystore (default: NAME.p12)')
    .option('--name <alias>', 'the entry’s alias (default: NAME)')
    .option('--legacy', '3DES and SHA-1, for Java before 8u301', false);
  withSecret(exportCommand, 'the keystore’s passphrase');
  withSecret(exportCommand, 'the passphrase of the key file, if it is another', 'key-')
    .option(...FORCE_FLAG)
    .option(...JSON_FLAG)
    .action((file, options) =>
      perform(async () =>
        (await import('../certs/certs-pkcs12.ts')).exportPkcs12(
          file,
          { ...options, secret: secretOf(options), keySecret: secretOf(options, 'key') },
          terminal,
        ),
      ),
    );
  withHelp(importCommand, {
    exit: MADE,
    examples: ['certs import mirth.p12 --passphrase-file keystore.pass --name mirth'],
  });
  withHelp(exportCommand, {
    exit: MADE,
    examples: [
      'certs export certs/dev/vip.crt.pem --chain certs/dev/ca.crt.pem --out vip.p12 --passphrase-file keystore.pass',
    ],
  });
}
