// A gateway that has each of its metrics, and what it takes for that: a message that is answered, some that are not, a batch,
// a frame and a handshake that are none, a request, an answer whose sender is gone. Promises that each round does all of it once more.

import { expect } from 'vitest';
import { COUNTED, SHARED_COUNTED } from '../../../cluster/cluster-config.ts';
import { storeOfDead } from '../../../helpers/dead-letters.ts';
import { startDnsServer } from '../../../helpers/dns-server.ts';
import { expectClosedUnanswered, said } from '../../../helpers/expect-relay.ts';
import { answers, type FaultyNode, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../../../helpers/gateway.ts';
import { message } from '../../../helpers/mllp.ts';
import { OK, startRawNode } from '../../../helpers/raw-http-node.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { createTlsFolder } from '../../../helpers/tls-folder.ts';
import { type Gate, gate, until } from '../../../helpers/until.ts';

/** Whoever finds no node is told so at once. */
const atOnce = { queue: { timeout: '1ms' }, retry: { budget: '0' } };

export class EverySeries implements AsyncDisposable {
  readonly gw: TestGateway;
  readonly #late: FaultyNode;
  readonly #resources: AsyncDisposableStack;
  #sent = 0;

  /** `late`: the node that answers when its sender is gone. */
  constructor(gw: TestGateway, late: FaultyNode, resources: AsyncDisposableStack) {
    this.gw = gw;
    this.#late = late;
    this.#resources = resources;
  }

  async round(): Promise<void> {
    const { gw } = this;
    const requests = gw.proxied.length;
    const faults = gw.codes.length;
    await this.#messages();
    await this.#lostReply();
    await using stranger = await connectSender(gw.port('in'));
    await stranger.write('GET / HTTP/1.1\r\n'.repeat(100));
    await expectClosedUnanswered(stranger);
    await using plain = await connectSender(gw.port('tls'));
    await plain.write('no handshake at all\r\n');
    await plain.closed;
    await using unknown = await connectSender(gw.port('behind'));
    await unknown.closed;
    expect((await fetch(`http://127.0.0.1:${gw.port('web')}/`)).status).toBe(200);
    await this.#connection();
    await until(
      () => {
        const codes = new Set(gw.codes.slice(faults));
        const refused = codes.has('GW_ERR_SENDER_TLS') && codes.has('GW_ERR_SENDER_PROXY');
        return refused && gw.proxied.length > requests;
      },
      { deadlineMs: 15_000, what: 'a request and two connections over' },
    );
  }

  /** One that is passed on, to its end. */
  async #connection(): Promise<void> {
    const { gw } = this;
    const lines = gw.log.length;
    await using client = await connectSender(gw.port('raw'));
    await client.write('GET / HTTP/1.1\r\nHost: raw\r\n\r\n');
    const node = gw.gateway.pools.runtimes.get('raw')?.nodes[0];
    await until(() => node?.status.answers.other);
    client.reset();
    await until(() => gw.log.slice(lines).some(({ msg }) => msg === 'connection'));
  }

  async #messages(): Promise<void> {
    await using sender = await connectSender(this.gw.port('in'));
    for (const [type, code] of [
      ['ADT^A01', 'AA'],
      ['ORU^R01', 'AR'],
      ['MDM^T02', 'AE'],
      ['SIU^S12', 'AE'],
    ] as const) {
      const controlId = this.#next();
      expect(said(await sender.exchange(message({ controlId, type })))).toBe(`${code} ${controlId}`);
    }
    const parts = [Buffer.from('BHS|^~\\&\r'), message({ controlId: this.#next() }), Buffer.from('BTS|1\r')];
    await sender.exchange(Buffer.concat(parts));
  }

  async #lostReply(): Promise<void> {
    const { gw } = this;
    const faults = gw.codes.length;
    const exchanges = gw.messages.length;
    const received = this.#late.messages.length;
    const hold: Gate = gate();
    this.#late.script = answers.after(hold, answers.aa());
    await using sender = await connectSender(gw.port('in'));
    await sender.send(message({ controlId: this.#next(), type: 'BAR^P01' }));
    await until(() => this.#late.messages.length > received);
    sender.reset();
    await until(() => gw.codes.slice(faults).includes('GW_ERR_SENDER_RESET'), { deadlineMs: 15_000 });
    hold.open();
    await until(() => gw.messages.length > exchanges, { deadlineMs: 15_000 });
  }

  #next(): string {
    this.#sent++;
    return String(this.#sent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Before its first round. */
export async function startEverySeries(telemetry: object = {}): Promise<EverySeries> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(createTlsFolder());
  const node = resources.use(await startFaultyNode());
  const full = resources.use(await startFaultyNode(undefined, { maxConnections: 0 }));
  const late = resources.use(await startFaultyNode());
  const web = resources.use(await startRawNode(OK));
  const dns = resources.use(await startDnsServer());
  dns.addresses.set('late.example', ['127.0.0.1']);
  const [, latePort] = /:(\d+)$/.exec(late.url) ?? [];
  const gw = resources.use(
    await startGateway(
      JSON.stringify({
        listeners: {
          in: { bind: '127.0.0.1:0', batch: 'split', onUnavailable: 'AE' },
          tls: { bind: '127.0.0.1:0', tls: { ...folder.files.good } },
          behind: { bind: '127.0.0.1:0', proxyProtocol: true, trustedProxies: '192.0.2.1' },
          web: { protocol: 'http', bind: '127.0.0.1:0' },
          raw: { protocol: 'tcp', bind: '127.0.0.1:0' },
        },
        pools: {
          adt: { nodes: { a: { url: node.url } } },
          gone: { nodes: { g: { url: 'mllp://127.0.0.1:1' } }, ...atOnce },
          full: { nodes: { f: { url: full.url } }, ...atOnce },
          late: {
            nodes: { l: { url: late.url } },
            discover: { dns: `late.example:${latePort}`, servers: [dns.place], node: { weight: 0 } },
          },
          web: { nodes: { w: { url: web.url } } },
          kept: { nodes: { k: { url: node.url } }, spool: { store: { path: '/spool' } }, duplicates: {} },
          raw: { nodes: { r: { url: web.url.replace('http', 'tcp') } } },
        },
        routes: [
          { name: 'web', when: { listener: 'web' }, to: 'web' },
          { name: 'raw', when: { listener: 'raw' }, to: 'raw' },
          { name: 'none', when: { 'MSH-9.1': 'ORU' }, reject: { code: 'AR' } },
          { name: 'gone', when: { 'MSH-9.1': 'MDM' }, to: 'gone' },
          { name: 'full', when: { 'MSH-9.1': 'SIU' }, to: 'full' },
          { name: 'late', when: { 'MSH-9.1': 'BAR' }, to: 'late' },
          { name: 'kept', when: { 'MSH-9.1': 'DFT' }, to: 'kept' },
          { name: 'all', to: 'adt' },
        ],
        telemetry,
      }),
      { openStore: () => storeOfDead('kept', 1) },
    ),
  );
  await until(() => gw.gateway.pools.discoveries.get('late')?.found.length === 1);

  gw.gateway.metrics.cluster = () => COUNTED;
  gw.gateway.metrics.shared = () => SHARED_COUNTED;
  return new EverySeries(gw, late, resources.move());
}
