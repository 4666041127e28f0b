// TLS of one listener: its certificates by server name, who its senders may be, and taking up new files without
// touching a connection. What is read is used whole or not at all.
import { constants, createHmac } from 'node:crypto';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TlsOptions,
} from 'node:tls';
import type { ListenerTlsConfig } from '../src/config/config.ts';
import { causeCode } from '../src/errors.ts';
import { randomBytes } from '../src/platform/random.ts';
import { type Certificate, certificatesOf } from './certificate.ts';
import {
  type KeyPair,
  readCertificates,
  readKeyPair,
  readRevocationLists,
  tlsFileError,
} from './key-pair.ts';
import { reasonInWords } from './verify/reasons.ts';

/** RFC 9325 (BCP 195) 4.2, those with forward secrecy and AEAD that OpenSSL has; the first three are TLS 1.3's. */
export const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/** Session tickets are sealed with so much key (Node.js, `server.setTicketKeys`). */
const TICKET_KEY_BYTES = 48;

/** Undefined: each listener makes keys of its own. */
let ticketSecret: Uint8Array | undefined;

/** From now on processes that have the same secret seal session tickets with the same keys, so that a sender may resume with any. */
export function shareTicketSecret(secret: Uint8Array): void {
  ticketSecret = secret;
}

/** Others for each listener, and for whatever is trusted. */
function newTicketKeys(config: ListenerTlsConfig, trust: string): Buffer {
  if (ticketSecret === undefined) return randomBytes(TICKET_KEY_BYTES);
  return createHmac('sha384', ticketSecret)
    .update(`${JSON.stringify(config)}\n${trust}`)
    .digest();
}

interface Named {
  readonly pair: KeyPair;
  readonly context: SecureContext;
}

interface Loaded {
  readonly options: SecureContextOptions;
  readonly named: readonly Named[];
  readonly certificates: readonly Certificate[];
  /** Whose certificates senders may have: authorities and revocation lists. */
  readonly trust: string;
  readonly ticketKeys: Buffer;
}

export class ServerTls {
  readonly #config: ListenerTlsConfig;
  #loaded: Loaded;
  #server: Server | undefined;

  /** @throws GatewayError GW_ERR_TLS_FILE */
  constructor(config: ListenerTlsConfig) {
    this.#config = config;
    this.#loaded = this.#load();
  }

  /** Every file that it reads. */
  get files(): readonly string[] {
    const { keyPairs, clientCaFiles, crlFiles } = this.#config;
    const pairs = keyPairs.flatMap((pair) =>
      pair.kind === 'p12' ? [pair.file] : [pair.certFile, pair.keyFile],
    );
    return [...pairs, ...clientCaFiles, ...crlFiles];
  }

  get certificates(): readonly Certificate[] {
    return this.#loaded.certificates;
  }

  /** Does one of its certificates have this name? */
  hasName(name: string): boolean {
    return this.#contextFor(name) !== undefined;
  }

  /** For `tls.createServer`. */
  get options(): TlsOptions {
    const { clientCaFiles, requireClientCert, handshakeTimeoutMs } = this.#config;
    return {
      ...this.#loaded.options,
      ticketKeys: this.#loaded.ticketKeys,
      handshakeTimeout: handshakeTimeoutMs,
      requestCert: clientCaFiles.length > 0,
      rejectUnauthorized: requireClientCert,
      // RFC 6066 3: a name that no certificate has gets the first one, as without a name; the sender judges.
      SNICallback: (name, done) => done(null, this.#contextFor(name)),
    };
  }

  /** The server that `reload` shall reach: new connections see new files, those that are open go on. */
  attach(server: Server): void {
    this.#server = server;
  }

  /**
   * Reads every file anew.
   *
   * @throws GatewayError GW_ERR_TLS_FILE; then everything stays as it was
   */
  reload(): void {
    const loaded = this.#load();
    this.#server?.setSecureContext(loaded.options);
    this.#server?.setTicketKeys(loaded.ticketKeys);
    this.#loaded = loaded;
  }

  /** A certificate that names the host itself goes before one that has it by a wildcard, wherever they stand. */
  #contextFor(name: string): SecureContext | undefined {
    const { named } = this.#loaded;
    const has = ({ pair }: Named, wildcards: boolean): boolean =>
      pair.chain[0]?.checkHost(name, { subject: 'never', wildcards }) !== undefined;
    const found = named.find((one) => has(one, false)) ?? named.find((one) => has(one, true));
    return found?.context;
  }

  #load(): Loaded {
    const { keyPairs, clientCaFiles, crlFiles, minVersion, groups } = this.#config;
    const clientCas = clientCaFiles.map((file) => ({ file, chain: readCertificates(file) }));
    const base: SecureContextOptions = {
      minVersion,
      ciphers: CIPHERS,
      honorCipherOrder: true,
      // A sender has no need to renegotiate, and could keep a core busy with it.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    };
    // RFC 8446 4.2.7. With `honorCipherOrder` the order is this one, and not the sender's.
    if (groups.length > 0) base.ecdhCurve = groups.join(':');
    if (clientCas.length > 0) base.ca = clientCas.flatMap(({ chain }) => chain.map((one) => one.toString()));
    if (crlFiles.length > 0) base.crl = crlFiles.flatMap(readRevocationLists);
    const trust = [base.ca ?? [], base.crl ?? []].flat().join();
    // Kept over reloads, so that resumption survives a new certificate. But a resumed session shows no certificate and
    // is as good as its first handshake was (RFC 8446 2.2): when trust changes, every sender has to show its own anew.
    const before: Loaded | undefined = this.#loaded;
    const ticketKeys = before?.trust === trust ? before.ticketKeys : newTicketKeys(this.#config, trust);
    const pairs = keyPairs.map(readKeyPair);
    const contexts = pairs.map((pair) => {
      const options = { ...base, cert: pair.certPem, key: pair.keyPem };
      return { pair, options, context: contextOf({ ...options, ticketKeys }, pair.file) };
    });
    const [first] = contexts;
    if (first === undefined) throw tlsFileError('tls', 'no certificate is configured');
    return {
      options: first.options,
      named: contexts,
      certificates: [...pairs, ...clientCas].flatMap(({ file, chain }) => certificatesOf(file, chain)),
      trust,
      ticketKeys,
    };
  }
}

/** OpenSSL's own look at the files: what it does not take is found now and not at the first handshake. */
export function contextOf(options: SecureContextOptions, file: string): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    throw tlsFileError(file, reasonInWords(causeCode(cause)), cause);
  }
}
