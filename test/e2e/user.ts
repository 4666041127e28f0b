// A user of a VIP as Node.js's client plays one: cookies kept like a browser's, an address of its own, one connection a
// request. Promises to say which node answered, and what of the user that node got to see.
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { PATIENCE_MS, type Vip, type VipCertificate, type VipProcess, type Vips } from './http-vips.ts';

export interface UserOptions {
  /** Of 127.0.0.0/8. */
  readonly source?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly node: string;
  readonly setCookies: readonly string[];
  /** Of the page: how often this session was at this node. */
  readonly visits: number;
  /** What the node got, of `/echo`. */
  readonly seen: Readonly<Record<string, string>>;
}

export class User {
  readonly cookies = new Map<string, string>();
  readonly #certificate: VipCertificate;
  readonly #vips: Pick<Vips | VipProcess, 'url'>;
  readonly #options: UserOptions;

  constructor(certificate: VipCertificate, vips: Pick<Vips | VipProcess, 'url'>, options: UserOptions = {}) {
    this.#certificate = certificate;
    this.#vips = vips;
    this.#options = options;
  }

  async get(vip: Vip, path = '/'): Promise<Answer> {
    const { source = '127.0.0.1', headers = {} } = this.#options;
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const request = (vip === 'https' ? https : http).get(this.#vips.url(vip, path), {
      agent: false,
      ca: this.#certificate.caPem,
      localAddress: source,
      headers: { ...headers, ...(cookie === '' ? {} : { cookie }) },
    });
    request.setTimeout(PATIENCE_MS, () => request.destroy(new Error('no answer')));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const setCookies = response.headers['set-cookie'] ?? [];
    for (const [, name = '', value = ''] of setCookies.map((one) => /^([^=]+)=([^;]*)/.exec(one) ?? []))
      this.cookies.set(name, value);
    return {
      status: response.statusCode ?? 0,
      node: String(response.headers['x-simulated-node']),
      setCookies,
      visits: Number(/id="visits">(\d+)</.exec(body)?.[1] ?? 0),
      seen: path === '/echo' ? ((JSON.parse(body) as { headers: Record<string, string> }).headers ?? {}) : {},
    };
  }
}
