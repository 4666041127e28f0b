// `listen` lines as listeners. Promises one for each address, whatever number of `server` blocks has it.
import { isRange } from '../../../addresses.ts';
import { parseListenerBind } from '../../../config/formats.ts';
import { type ConfigDraft, type DraftListener, type DraftMap, type DraftProtocol, put } from '../draft.ts';
import type { ImportLedger } from '../ledger.ts';
import { durationOf, freshName, milliseconds } from '../spelling.ts';
import { bothFamilies, TakenAddresses } from '../taken-addresses.ts';
import type { NginxDirective, Surroundings } from './blocks.ts';

const PRIVATE = ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '::1', 'fd00::/8'];

interface Open {
  readonly listener: DraftListener;
  /** The block that gets what no other one's names are for. */
  main: NginxDirective;
  hasMain: boolean;
}

export class NginxListeners {
  readonly #open = new Map<string, Open>();
  readonly #names = new Set<string>();
  readonly #taken = new TakenAddresses();
  readonly #ledger: ImportLedger;
  readonly #draft: ConfigDraft;

  constructor(ledger: ImportLedger, draft: ConfigDraft) {
    this.#ledger = ledger;
    this.#draft = draft;
  }

  /** Of a `server` block. */
  listen(
    server: NginxDirective,
    name: string,
    protocol: DraftProtocol,
    around: Surroundings,
  ): DraftListener[] {
    const lines = around.all('listen');
    const listeners: DraftListener[] = [];
    for (const directive of lines) {
      const [address = '', ...options] = directive.args;
      const text = bindOf(address);
      if (text === undefined || options.includes('udp') || options.includes('quic')) {
        this.#ledger.left(directive, 'that is no TCP port of a host or an IP address');
        continue;
      }
      this.#ledger.translated(directive);
      const isMain = options.some((option) => option === 'default_server' || option === 'default');
      const before = this.#open.get(text) ?? this.#twin(text);
      if (before !== undefined) {
        if (isMain && !before.hasMain) Object.assign(before, { main: server, hasMain: true });
        if (before.listener.protocol !== protocol)
          this.#ledger.left(directive, 'another block has this address for something else');
        else if (!listeners.includes(before.listener)) listeners.push(before.listener);
        const files = this.#certificates(around);
        if (before.listener.isSecured && files !== undefined)
          addFiles(before.listener.value.tls as DraftMap, files);
        continue;
      }
      if (!this.#taken.take(text)) {
        this.#ledger.left(directive, 'another block has this address, or a part of it');
        continue;
      }
      const value: DraftMap = { ...(protocol !== 'mllp' && { protocol }), bind: text };
      const isSecured = options.includes('ssl') || around.last('ssl')?.args[0] === 'on';
      if (isSecured) value.tls = this.#tls(around, directive);
      if (options.includes('proxy_protocol')) {
        const trusted = around.all('set_real_ip_from');
        const ranges = trusted.flatMap(({ args: [range = ''] }) => (isRange(range) ? [range] : []));
        for (const one of trusted) this.#ledger.translated(one);
        put(value, 'proxyProtocol', true);
        put(value, 'trustedProxies', ranges.length > 0 ? ranges : PRIVATE);
        if (ranges.length === 0)
          this.#ledger.noted(
            directive,
            'only trustedProxies may connect: name the balancers before this one there',
          );
      }
      this.#timeouts(value, protocol, around);
      const listener: DraftListener = {
        name: freshName(name, this.#names),
        comments: [],
        value,
        protocol,
        isSecured,
        port: parseListenerBind(text)?.port,
      };
      this.#open.set(text, { listener, main: server, hasMain: isMain });
      listeners.push(listener);
    }
    return listeners;
  }

  /** The same port of the other family, which ours has as well then. */
  #twin(text: string): Open | undefined {
    for (const [bind, open] of this.#open) {
      const both = bothFamilies(bind, text);
      if (both === undefined) continue;
      open.listener.value.bind = both;
      this.#open.set(text, open);
      return open;
    }
    return undefined;
  }

  /** Is it for whatever name that comes? */
  isMain(server: NginxDirective, listener: DraftListener): boolean {
    return [...this.#open.values()].some((one) => one.listener === listener && one.main === server);
  }

  /** Those that some route takes from. */
  close(used: ReadonlySet<string>): void {
    for (const { listener } of new Set(this.#open.values()))
      if (used.has(listener.name)) this.#draft.listeners.push(listener);
      else this.#ledger.moveToHead(listener);
  }

  #certificates(around: Surroundings): { cert: string; key: string } | undefined {
    const [cert] = around.all('ssl_certificate');
    const [key] = around.all('ssl_certificate_key');
    if (cert === undefined || key === undefined) return undefined;
    for (const directive of [...around.all('ssl_certificate'), ...around.all('ssl_certificate_key')])
      this.#ledger.translated(directive);
    const [file = ''] = cert.args;
    return file.includes('$') || file === '' ? undefined : { cert: file, key: key.args[0] ?? file };
  }

  #tls(around: Surroundings, listen: NginxDirective): DraftMap {
    const tls: DraftMap = {};
    const files = this.#certificates(around);
    if (files === undefined)
      this.#ledger.left(
        listen,
        'ssl without a certificate that is a file: tls.cert and tls.key have to be filled in',
      );
    addFiles(tls, files ?? { cert: 'certificate.pem', key: 'certificate.pem' });
    const client = around.last('ssl_client_certificate') ?? around.last('ssl_trusted_certificate');
    const verify = around.last('ssl_verify_client');
    if (verify !== undefined) this.#ledger.translated(verify);
    if (client !== undefined) this.#ledger.translated(client);
    if (client !== undefined && /^(on|optional)$/.test(verify?.args[0] ?? '')) {
      tls.clientCa = client.args[0] ?? '';
      if (verify?.args[0] === 'on') tls.requireClientCert = true;
      const crl = around.last('ssl_crl');
      if (crl !== undefined) {
        tls.crl = crl.args[0] ?? '';
        this.#ledger.translated(crl);
      }
    } else if (/^on$/.test(verify?.args[0] ?? '') && verify !== undefined)
      this.#ledger.left(verify, 'without ssl_client_certificate');
    const protocols = around.last('ssl_protocols');
    if (protocols !== undefined) {
      if (protocols.args.length === 1 && protocols.args[0] === 'TLSv1.3') tls.minVersion = 'TLSv1.3';
      this.#ledger.translated(protocols);
    }
    return tls;
  }

  #timeouts(value: DraftMap, protocol: DraftProtocol, around: Surroundings): void {
    const keys: Readonly<Record<string, string>> =
      protocol === 'http'
        ? {
            client_header_timeout: 'http.headersTimeout',
            client_body_timeout: 'http.bodyTimeout',
            keepalive_timeout: 'http.keepAlive',
            send_timeout: 'limits.writeTimeout',
          }
        : { proxy_timeout: 'limits.idleTimeout' };
    for (const [name, key] of Object.entries(keys)) {
      const directive = around.last(name);
      const time = durationOf(milliseconds(directive?.args[0], 's'));
      if (directive === undefined) continue;
      if (time === undefined) this.#ledger.left(directive, 'without an end, or no duration');
      else {
        put(value, key, time);
        this.#ledger.translated(directive);
      }
    }
  }
}

/** nginx has several by the server's name, as our listeners have. */
function addFiles(tls: DraftMap, { cert, key }: { readonly cert: string; readonly key: string }): void {
  const certs = [tls.cert ?? []].flat() as string[];
  const keys = [tls.key ?? []].flat() as string[];
  if (certs.includes(cert)) return;
  tls.cert = certs.length === 0 ? cert : [...certs, cert];
  tls.key = keys.length === 0 ? key : [...keys, key];
}

/** `80`, `*:80`, `10.0.0.5:80`, `[::]:80`, `6661-6690`, `10.0.0.5`. */
function bindOf(address: string): string | undefined {
  const [, host, ports = '80'] = /^(?:(\[[^\]]*\]|[^:[\]]*?):)?(\d{1,5}(?:-\d{1,5})?)$/.exec(address) ?? [];
  if (address === '') return undefined;
  const isPorts = /^\d{1,5}(-\d{1,5})?$/.test(address);
  if (address.startsWith('unix:') || address.includes('$')) return undefined;
  const text =
    isPorts || host === '*' || host === ''
      ? `0.0.0.0:${isPorts ? address : ports}`
      : host === undefined
        ? `${address}:80`
        : `${host}:${ports}`;
  return parseListenerBind(text) === undefined ? undefined : text;
}
