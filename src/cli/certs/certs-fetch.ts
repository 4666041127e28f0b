// `certs fetch`: the certificates that a peer shows, as PEM, with what to write into a config to trust them. Nothing is
// checked: whoever stands between could show others, so the words say what to compare.
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connectTls } from '../../../certs/verify/connect.ts';
import { reasonInWords } from '../../../certs/verify/reasons.ts';
import { partsOf, pemOf } from '../../../certs/x509/certificate.ts';
import { parseNodeUrl } from '../../config/formats.ts';
import { printable, quoted } from '../../config/source/problem.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { unusable, usage } from '../usage.ts';

export interface FetchOptions {
  readonly servername: string | undefined;
  readonly timeoutMs: number;
  readonly json: boolean;
}

/** No authority at all: what is above the peer's own certificates is none of them. */
const NOBODY: readonly X509Certificate[] = [];

export async function fetchCertificates(
  target: string,
  { servername, timeoutMs, json }: FetchOptions,
  terminal: Terminal,
): Promise<number> {
  const peer = parseNodeUrl(target.includes('://') ? target : `mllps://${target}`);
  if (peer === undefined) throw usage(`fetch takes HOST:PORT, not ${quoted(target)}`);
  const { host, port } = peer;
  const { code, chain } = await connectTls({
    ...{ host, port, servername, timeoutMs },
    ca: NOBODY,
    own: undefined,
    crls: [],
  });
  const [own] = chain;
  if (own === undefined) throw unusable(`${printable(target)}: ${reasonInWords(code ?? 'NO_ANSWER')}`);
  const name = nameFor(own, host);
  if (json) {
    const certificates = chain.map((one) => ({ ...described(one), pem: pemOf(one) }));
    terminal.out(JSON.stringify({ peer: target, certificates, servername: name }));
    return EXIT.good;
  }
  for (const line of hint(own, name)) terminal.out(printable(`# ${line}`));
  for (const one of chain) {
    const { subject, issuer, notAfter, sha256 } = described(one);
    terminal.out(printable(`# ${subject}, by ${issuer}, until ${notAfter.slice(0, 10)}`));
    terminal.out(`# SHA-256 ${sha256}`);
    terminal.out(pemOf(one).trimEnd());
  }
  terminal.err('compare the SHA-256 with what that machine itself says: nothing here shows whose these are');
  return EXIT.good;
}

/** What `servername` has to be; null: nothing, the host will do. Undefined: no name of it can be checked. */
export function nameFor(certificate: X509Certificate, host: string): string | null | undefined {
  const { dns, common } = namesOf(certificate);
  const fits = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  if (fits !== undefined) return null;
  return [...dns, ...common].find(
    (name) => HOST_NAME.test(name) && certificate.checkHost(name) !== undefined,
  );
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/i;

function namesOf(certificate: X509Certificate): { dns: readonly string[]; common: readonly string[] } {
  const names = partsOf(certificate).extensions.altNames;
  const common = /^CN=(.*)$/m.exec(certificate.subject)?.[1];
  return {
    dns: names.filter(({ type }) => type === 'dns').map(({ value }) => value),
    common: common === undefined ? [] : [common],
  };
}

function hint(own: X509Certificate, name: string | null | undefined): readonly string[] {
  const pin = `tls: { insecure: true, pin: "${own.fingerprint256}" }`;
  if (name === undefined) return ['for a node, or its health check:', `  ${pin}`];
  const servername = name === null ? '' : `, servername: ${name}`;
  return [
    'for a node, or its health check, with this in peer.pem:',
    `  tls: { ca: peer.pem${servername} }`,
    'or, without the file:',
    `  ${pin}`,
  ];
}

function described(certificate: X509Certificate) {
  const oneLine = (text: string): string => text.split('\n').join(', ');
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    notAfter: certificate.validToDate.toISOString(),
    sha256: certificate.fingerprint256,
  };
}
