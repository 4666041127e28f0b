// Looks at a Mirth before a config names it: its MLLP port, its REST API, and the certificates that it shows. Promises to send no
// message, and an end after `timeoutMs` for each of them.
import type { X509Certificate } from 'node:crypto';
import net from 'node:net';
import { NodeTls } from '../../../certs/node-tls.ts';
import { connectTls } from '../../../certs/verify/connect.ts';
import { reasonInWords } from '../../../certs/verify/reasons.ts';
import { pemOf } from '../../../certs/x509/certificate.ts';
import { causeCode } from '../../errors.ts';
import { NoAnswer, request } from '../../upstream/checks/http-request.ts';
import { readServerStatus, serverStatusText } from '../../upstream/checks/mirth-api.ts';
import { nameFor } from '../certs/certs-fetch.ts';
import type { WantedMirth } from './wishes.ts';

export interface Shown {
  readonly pem: string;
  /** SHA-256. */
  readonly pin: string;
  /** What `servername` has to be; null: nothing, the host will do; undefined: no name of it can be checked. */
  readonly name: string | null | undefined;
}

export interface Probed {
  /** Undefined: it accepts connections. */
  readonly mllpTrouble: string | undefined;
  /** Of the MLLP port, with TLS. */
  readonly mllpCertificate: Shown | undefined;
  /** Undefined: it answers as Mirth does. */
  readonly apiTrouble: string | undefined;
  readonly apiCertificate: Shown | undefined;
}

export interface ProbeOptions {
  readonly apiPort: number;
  /** For a Mirth without a port of its own. */
  readonly port: number;
  readonly timeoutMs: number;
}

export async function probe(mirth: WantedMirth, { apiPort, port, timeoutMs }: ProbeOptions): Promise<Probed> {
  const { host } = mirth;
  const at = { host, port: mirth.port ?? port };
  const [mllpTrouble, mllp, api] = await Promise.all([
    connectTrouble(at, timeoutMs),
    mirth.isTls ? shownBy(at, timeoutMs) : undefined,
    shownBy({ host, port: apiPort }, timeoutMs),
  ]);
  return {
    mllpTrouble: mllpTrouble ?? mllp?.trouble,
    mllpCertificate: mllp?.shown,
    apiTrouble: api.trouble ?? (await apiTrouble(host, apiPort, api.shown, timeoutMs)),
    apiCertificate: api.shown,
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function connectTrouble(place: Place, timeoutMs: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = net.connect({ ...place, timeout: timeoutMs });
  socket.once('connect', () => resolve(undefined));
  socket.once('error', (error) => resolve(reasonInWords(causeCode(error) ?? 'NO_ANSWER')));
  socket.once('timeout', () => resolve('no answer in time'));
  return promise.finally(() => socket.destroy());
}

async function shownBy(
  place: Place,
  timeoutMs: number,
): Promise<{ readonly trouble: string | undefined; readonly shown: Shown | undefined }> {
  const nobody: readonly X509Certificate[] = [];
  const { code, chain } = await connectTls({
    ...place,
    timeoutMs,
    servername: undefined,
    ca: nobody,
    own: undefined,
    crls: [],
  });
  const [own] = chain;
  if (own === undefined) return { trouble: reasonInWords(code ?? 'NO_ANSWER'), shown: undefined };
  const pem = chain.map(pemOf).join('');
  return { trouble: undefined, shown: { pem, pin: own.fingerprint256, name: nameFor(own, place.host) } };
}

/** With the certificate that it has just shown, and no other. */
async function apiTrouble(
  host: string,
  port: number,
  shown: Shown | undefined,
  timeoutMs: number,
): Promise<string | undefined> {
  const secured = new NodeTls(
    {
      caFiles: [],
      crlFiles: [],
      keyPair: undefined,
      servername: undefined,
      minVersion: 'TLSv1.2',
      pins: shown === undefined ? [] : [shown.pin],
      insecure: true,
    },
    host,
  );
  const url = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
  const answer = await request(
    { node: host, url, tls: secured, timeoutMs },
    {
      method: 'GET',
      path: '/api/server/status',
      headers: { accept: 'application/json', 'user-agent': 'hl7-gateway', 'x-requested-with': 'hl7-gateway' },
      maxBytes: 4096,
    },
    new AbortController().signal,
  );
  if (answer instanceof NoAnswer) return answer.reason;
  const status = readServerStatus(answer.body);
  if (answer.status !== 200 || status === undefined)
    return `answers with HTTP status ${answer.status}, which is not how Mirth's API does`;
  return status === 0 ? undefined : serverStatusText(status);
}
