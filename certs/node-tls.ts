// TLS to a node: whom the gateway trusts, what it shows of itself, which certificate it insists on. Read again on
// reload; connections that are open go on.
import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { NodeTlsConfig } from '../src/config/config.ts';
import { anchorsOf } from './anchors.ts';
import { type Certificate, certificatesOf } from './certificate.ts';
import { readCertificates, readKeyPair, readRevocationLists } from './key-pair.ts';
import { CIPHERS, contextOf } from './server-tls.ts';

export class NodeTls {
  readonly #config: NodeTlsConfig;
  readonly #host: string;
  #options: ConnectionOptions;
  #certificates: readonly Certificate[] = [];

  /**
   * `host`: that of the node's URL.
   *
   * @throws GatewayError GW_ERR_TLS_FILE
   */
  constructor(config: NodeTlsConfig, host: string) {
    this.#config = config;
    this.#host = host;
    this.#options = this.#load();
  }

  get files(): readonly string[] {
    const { caFiles, crlFiles, keyPair } = this.#config;
    const own =
      keyPair === undefined
        ? []
        : keyPair.kind === 'p12'
          ? [keyPair.file]
          : [keyPair.certFile, keyPair.keyFile];
    return [...caFiles, ...crlFiles, ...own];
  }

  get certificates(): readonly Certificate[] {
    return this.#certificates;
  }

  /** For `tls.connect`, as the files are now. */
  get options(): ConnectionOptions {
    return this.#options;
  }

  /** @throws GatewayError GW_ERR_TLS_FILE; then everything stays as it was */
  reload(): void {
    this.#options = this.#load();
  }

  /**
   * Why a connection whose handshake is done may not be used after all; undefined if it may. Only here are pins
   * checked that stand beside `insecure`: Node.js asks nobody about the certificate then.
   */
  refusal(socket: TLSSocket): string | undefined {
    const { pins } = this.#config;
    if (pins.length === 0) return undefined;
    const fingerprint = socket.getPeerX509Certificate()?.fingerprint256;
    return fingerprint !== undefined && pins.includes(fingerprint) ? undefined : 'PIN_MISMATCH';
  }

  #load(): ConnectionOptions {
    const { caFiles, crlFiles, keyPair, servername, minVersion, insecure } = this.#config;
    const cas = caFiles.map((file) => ({ file, chain: readCertificates(file) }));
    const name = servername ?? this.#host;
    const options: ConnectionOptions = {
      minVersion,
      ciphers: CIPHERS,
      rejectUnauthorized: !insecure,
      // RFC 6066 3: no address is sent as a server name; it is compared with the certificate's IP names all the same.
      servername: isIP(name) === 0 ? name : '',
      checkServerIdentity: (_, certificate: PeerCertificate) => checkServerIdentity(name, certificate),
    };
    if (cas.length > 0) Object.assign(options, anchorsOf(cas.flatMap(({ chain }) => chain)));
    if (crlFiles.length > 0) options.crl = crlFiles.flatMap(readRevocationLists);
    const own = keyPair === undefined ? undefined : readKeyPair(keyPair);
    if (own !== undefined) {
      options.cert = own.certPem;
      options.key = own.keyPem;
    }
    // One context for all connections: reading the same files for each dial would cost more than the handshake's crypto.
    options.secureContext = contextOf(options, own?.file ?? caFiles[0] ?? 'tls');
    this.#certificates = [...cas, ...(own === undefined ? [] : [own])].flatMap(({ file, chain }) =>
      certificatesOf(file, chain),
    );
    return options;
  }
}

/** Settings that trust the authorities in one file (undefined: the system's own) and ask for nothing else. */
export function trusting(caFile: string | undefined): NodeTlsConfig {
  return {
    caFiles: caFile === undefined ? [] : [caFile],
    keyPair: undefined,
    servername: undefined,
    minVersion: 'TLSv1.2',
    crlFiles: [],
    pins: [],
    insecure: false,
  };
}
