// `certs import` and `certs export`: PKCS#12, which Java and Mirth call a keystore, to PEM files and back.
// Promises that certificates come out byte for byte as they went in, and keys readable by their owner alone.
import type { KeyObject, X509Certificate } from 'node:crypto';
import { basename } from 'node:path';
import { writeNewFiles } from '../../../certs/files/new-files.ts';
import { readTlsFile } from '../../../certs/files/tls-file.ts';
import type { Pkcs12 } from '../../../certs/pkcs12/read.ts';
import { writePkcs12 } from '../../../certs/pkcs12/write.ts';
import { chainOf, nameOf } from '../../../certs/verify/chain.ts';
import { isSelfSigned, pemOf } from '../../../certs/x509/certificate.ts';
import { keyPemOf } from '../../../certs/x509/keys.ts';
import { isPair } from '../../../certs/x509/sign.ts';
import { printable, quoted } from '../../config/source/problem.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { unusable, usage } from '../usage.ts';
import { keyBeside, onlyKey, passphraseOf, pathsOf, type Secret } from './certs-folder.ts';

export interface ImportOptions {
  readonly out: string;
  readonly name: string | undefined;
  readonly alias: string | undefined;
  readonly secret: Secret;
  /** With the keystore's passphrase. */
  readonly encryptKey: boolean;
  readonly force: boolean;
  readonly json: boolean;
}

interface Entry {
  readonly alias: string | undefined;
  /** undefined: certificates that are trusted. */
  readonly key: KeyObject | undefined;
  /** The key's own, then those that sign one another; or one that is trusted. */
  readonly certificates: readonly X509Certificate[];
}

export function importPkcs12(file: string, options: ImportOptions, terminal: Terminal): number {
  const passphrase = passphraseOf(options.secret, terminal);
  const { pkcs12 } = readTlsFile(file, passphrase);
  if (pkcs12 === undefined) throw unusable(`${file}: it is not PKCS#12`);
  const { alias, key, certificates } = chosen(entriesOf(pkcs12), file, options.alias);
  const [own, ...above] = certificates;
  if (own === undefined) throw unusable(`${file}: no certificate in it`);
  const paths = pathsOf(options.out, options.name ?? fileName(alias ?? basename(file)));
  const isTrust = key === undefined;
  // The peer has the root, or it could not trust it: it is not shown in handshakes.
  const inFile = isTrust ? certificates : [own, ...above.filter((one) => !isSelfSigned(one))];
  const files = [
    ...(isTrust
      ? []
      : [
          {
            path: paths.key,
            content: keyPemOf(key, options.encryptKey ? passphrase : undefined),
            secret: true,
          },
        ]),
    { path: paths.cert, content: inFile.map(pemOf).join(''), secret: false },
    ...(isTrust || above.length === 0
      ? []
      : [{ path: paths.chain, content: above.map(pemOf).join(''), secret: false }]),
  ];
  writeNewFiles(files, options.force ? 'replace' : 'refuse');
  const written = files.map(({ path }) => path);
  const subject = nameOf(own);
  if (options.json) terminal.out(JSON.stringify({ file, alias, subject, hasKey: !isTrust, written }));
  else {
    terminal.out(printable(`${file}: ${subject}${isTrust ? ', without a key: for trust' : ''}`));
    for (const path of written) terminal.out(`  ${path}`);
  }
  return EXIT.good;
}

/** Java binds key and certificate by localKeyId; others only by the key itself, so that is what counts. */
function entriesOf({ keys, certificates }: Pkcs12): Entry[] {
  const all = certificates.map(({ certificate }) => certificate);
  const withKeys = keys.map(({ key, alias }): Entry => {
    const own = certificates.find(({ certificate }) => isPair(key, certificate.publicKey));
    if (own === undefined) return { alias, key, certificates: [] };
    const { path } = chainOf(own.certificate, all, []);
    return { alias: alias ?? own.alias, key, certificates: path };
  });
  if (withKeys.length > 0) return withKeys;
  return certificates.map(({ alias, certificate }) => ({
    alias,
    key: undefined,
    certificates: [certificate],
  }));
}

function chosen(entries: readonly Entry[], file: string, alias: string | undefined): Entry {
  const names = entries.map((entry, at) => entry.alias ?? `${at + 1}`);
  const list = names.map((name) => quoted(name)).join(', ');
  if (alias !== undefined) {
    // Java's aliases know no upper case.
    const at = names.findIndex((name) => name.toLowerCase() === alias.toLowerCase());
    const entry = entries[at];
    if (entry === undefined) throw usage(`${file} has no entry ${quoted(alias)}; it has ${list || 'none'}`);
    return entry;
  }
  const [first, second] = entries;
  if (first === undefined) throw unusable(`${file}: no certificate in it`);
  if (second === undefined) return first;
  // A truststore: all of them together.
  if (entries.every(({ key }) => key === undefined))
    return { alias: undefined, key: undefined, certificates: entries.flatMap((one) => one.certificates) };
  throw usage(`${file} has ${entries.length} entries, ${list}; --alias chooses one`);
}

/** What a keystore calls its entry may hold anything. */
function fileName(text: string): string {
  const plain = text.replace(/\.(p12|pfx)$/i, '').replace(/[^A-Za-z0-9._-]+/g, '-');
  return plain.replace(/^[^A-Za-z0-9]+/, '').slice(0, 100) || 'imported';
}

export interface ExportOptions {
  readonly key: string | undefined;
  readonly chain: readonly string[];
  readonly out: string | undefined;
  readonly name: string | undefined;
  readonly secret: Secret;
  /** Of the key file, where it is encrypted with another passphrase. */
  readonly keySecret: Secret;
  readonly legacy: boolean;
  readonly force: boolean;
  readonly json: boolean;
}

export function exportPkcs12(certFile: string, options: ExportOptions, terminal: Terminal): number {
  const passphrase = passphraseOf(options.secret, terminal);
  if (passphrase === undefined)
    throw usage('a keystore needs a passphrase: --passphrase-file or --passphrase-env');
  const keyPassphrase = passphraseOf(options.keySecret, terminal) ?? passphrase;
  const { certificates } = readTlsFile(certFile);
  const [own, ...rest] = certificates;
  if (own === undefined) throw unusable(`${certFile}: no certificate in it`);
  const keyFile = options.key ?? keyBeside(certFile);
  if (keyFile === undefined) throw usage('export needs --key FILE');
  const key = onlyKey(readTlsFile(keyFile, keyPassphrase), keyFile);
  if (!isPair(key, own.publicKey))
    throw unusable(`${certFile}, ${keyFile}: the key does not belong to the certificate`);
  const given = options.chain.flatMap((file) => readTlsFile(file).certificates);
  const { path: chain } = chainOf(own, [...rest, ...given], []);
  const name = basename(certFile).replace(/(\.crt)?\.(pem|crt|cer|der)$/, '');
  const out = options.out ?? certFile.replace(/(\.crt)?\.(pem|crt|cer|der)$/, '').concat('.p12');
  const friendlyName = options.name ?? name;
  const content = writePkcs12({ key, chain, friendlyName }, { passphrase, legacy: options.legacy });
  writeNewFiles([{ path: out, content, secret: true }], options.force ? 'replace' : 'refuse');
  const subjects = chain.map(nameOf);
  if (options.json) terminal.out(JSON.stringify({ written: [out], alias: friendlyName, chain: subjects }));
  else terminal.out(printable(`${out}: ${friendlyName}, ${subjects.join(' ← ')}`));
  return EXIT.good;
}
