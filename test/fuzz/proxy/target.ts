// PROXY protocol headers before MLLP and HTTP. Judged by headers.ts: behind a header that is right the message has its answer and
// the node is told of that source; behind any other nothing comes of the connection.
import net from 'node:net';
import type { Prng } from '../../../src/tools/world/prng.ts';
import { readResponses, value } from '../../helpers/strict-http.ts';
import { HttpNode, ok } from '../http/node.ts';
import { plainMessage } from '../mllp/messages.ts';
import { AnswerReader, framed, msaOf, readStream } from '../mllp/model.ts';
import { answerTo, MllpNode } from '../mllp/node.ts';
import { DEADLINE, HANG_MS, LONG, type Running, type Surroundings, targetOf } from '../target.ts';
import { cut, digestOf, shown } from '../wire/bytes.ts';
import { connectLine } from '../wire/line.ts';
import { type Judged, judgeHeader, makeHeader } from './headers.ts';

const IMPATIENT_MS = 300;

export const proxyProtocol = targetOf('proxy-protocol', (around) => new ProxyFuzz(around));

class ProxyFuzz implements Running {
  readonly #around: Surroundings;
  readonly #stack = new AsyncDisposableStack();
  readonly #allowed = new Set<string>();
  #ports: Readonly<Record<string, number>> = {};
  #probes = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  async start(): Promise<void> {
    const { report, tls } = this.#around;
    const mllp = this.#stack.use(
      await MllpNode.start({
        report,
        onMessage: (payload, link) => {
          const digest = digestOf(payload);
          if (!this.#allowed.has(digest))
            report(`a node got a message behind a bad header: ${shown(payload)}`);
          link.write(answerTo(payload, 'AA', digest));
        },
      }),
    );
    const http = this.#stack.use(
      await HttpNode.start({
        report,
        onRequest: (request, link) => {
          if (!this.#allowed.has(request.target))
            report(`a node got a request behind a bad header: ${request.target}`);
          link.write(ok(`${request.target} ${value(request, 'x-forwarded-for') ?? ''}`));
        },
      }),
    );
    const pool = (url: string): object => ({
      nodes: { a: { url } },
      connections: { max: 64, idle: '1s' },
      timeouts: { connect: LONG, ack: LONG },
      queue: { timeout: LONG },
      health: { type: 'none', fall: 1_000 },
    });
    const listener = {
      bind: '127.0.0.1:0',
      proxyProtocol: true,
      trustedProxies: '127.0.0.0/8',
      http: { headersTimeout: DEADLINE, keepAlive: DEADLINE },
    };
    const { http: _, ...plain } = listener;
    const gateway = await this.#around.start({
      listeners: {
        mllp: { ...plain, limits: { frameTimeout: DEADLINE, idleTimeout: DEADLINE } },
        http: { ...listener, protocol: 'http' },
        https: { ...listener, protocol: 'http', tls: { cert: tls.cert, key: tls.key } },
      },
      pools: { mllp: pool(mllp.url), http: pool(http.url) },
      routes: [{ when: { listener: 'mllp' }, to: 'mllp' }, { to: 'http' }],
      shutdown: { timeout: '5s' },
    } as { listeners: object });
    this.#ports = Object.fromEntries(['mllp', 'http', 'https'].map((name) => [name, gateway.port(name)]));
  }

  async probe(): Promise<string | undefined> {
    const header = Buffer.from('PROXY TCP4 192.0.2.5 10.0.0.1 4000 2575\r\n');
    const listener = this.#probes++ % 2 === 0 ? 'mllp' : 'http';
    return this.#send(`probe-${this.#probes}`, listener, header, [], {
      bytes: header.length,
      source: '192.0.2.5',
    });
  }

  async run(index: number, prng: Prng): Promise<string | undefined> {
    const header = makeHeader(prng);
    const kind = prng.pick(['mllp', 'mllp', 'http', 'http', 'https']);
    const behind = payloadFor(kind, `P${index}`);
    // Of a mutated header the rest may lie in what was meant to be behind it.
    const judged = judgeHeader(Buffer.concat([header, behind]));
    // TLS has no use for a header that is none.
    const listener = kind === 'https' && judged?.bytes !== header.length ? 'http' : kind;
    // Where the header ends early its rest is judged by the protocol's own rules.
    const mayCome =
      judged !== undefined &&
      (listener !== 'mllp' ||
        readStream(Buffer.concat([header, behind]).subarray(judged.bytes)).frames.length > 0);
    if (mayCome) this.#allow(`P${index}`);
    const wrong = await this.#send(
      `P${index}`,
      listener,
      header,
      cut(prng, Buffer.concat([header, behind])),
      judged,
      prng.chance(0.005),
    );
    return wrong === undefined ? undefined : `${wrong} at ${listener} behind ${shown(header)}`;
  }

  async #send(
    token: string,
    listener: string,
    header: Buffer,
    pieces: readonly Buffer[],
    judged: Judged | undefined,
    isPatient = true,
  ): Promise<string | undefined> {
    const payload = payloadFor(listener, token);
    const digest = digestOf(plainMessage(token));
    const isWhole = judged !== undefined && judged.bytes === header.length;
    if (isWhole) this.#allow(token);
    const secure = listener === 'https';
    const line = await connectLine({
      port: this.#ports[listener] ?? 0,
      before: secure ? header : undefined,
      tls: secure ? { ca: this.#around.tls.ca } : undefined,
    });
    if (line === undefined) return isWhole ? 'no connection' : undefined;
    await line.writePieces(secure ? [payload] : pieces.length > 0 ? pieces : [header, payload]);
    const answered = (): boolean => line.received.length > 0;
    // What comes of half a header is its deadline, which few wait for.
    const mustCome = isWhole || isPatient;
    const limitMs = mustCome ? HANG_MS : IMPATIENT_MS;
    const came = (await line.until(() => answered() || line.gone || line.ended, limitMs)) || !mustCome;
    if (listener === 'mllp') line.finish();
    const gone = listener !== 'mllp' || (await line.until(() => line.gone, HANG_MS));
    line.destroy();
    if (!came || !gone) return 'hang: no answer, or no end of the connection';
    if (!isWhole) {
      if (
        line.received.length === 0 ||
        (judged !== undefined && /^HTTP\/1.1 400 /.test(line.received.toString('latin1')))
      )
        return undefined;
      if (!this.#allowed.has(digest)) return `an answer: ${shown(line.received)}`;
    }
    return listener === 'mllp'
      ? judgeMllp(line.received, digest)
      : judgeHttp(line.received, token, judged?.source);
  }

  #allow(token: string): void {
    this.#allowed.add(digestOf(plainMessage(token))).add(`/${token}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function payloadFor(listener: string, token: string): Buffer {
  return listener === 'mllp'
    ? framed(plainMessage(token))
    : Buffer.from(`GET /${token} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
}

function judgeMllp(received: Buffer, digest: string): string | undefined {
  const reader = new AnswerReader();
  reader.push(received);
  const [msa] = msaOf(reader.payloads[0] ?? Buffer.alloc(0));
  return msa?.code === 'AA' && msa.text === digest ? undefined : `no right answer: ${shown(received)}`;
}

function judgeHttp(received: Buffer, token: string, source: string | undefined): string | undefined {
  const [response] = readResponses(received, ['GET'], true).messages;
  const [target, address = ''] = response?.body.toString('latin1').split(' ') ?? [];
  if (response?.status !== 200 || target !== `/${token}`) return `no right answer: ${shown(received)}`;
  return same(address, source ?? '127.0.0.1')
    ? undefined
    : `the node was told of ${address}, not of ${source}`;
}

/** As addresses; IPv4 mapped into IPv6 is IPv4. */
function same(a: string, b: string): boolean {
  const plain = (text: string): string => {
    if (net.isIPv4(text)) return text;
    const { address } = new net.SocketAddress({ address: text, family: 'ipv6' });
    return address.replace(/^::ffff:(?=\d+\.)/, '');
  };
  return net.isIP(a) > 0 && plain(a) === plain(b);
}
