// undici's client through both VIPs: requests in a row on one connection, many streams at once over HTTP/2, one of them
// given up, bodies as streams, trailers.
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Client } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gate, gate, until } from '../helpers/until.ts';
import {
  LONG,
  openVips,
  PATIENCE_MS,
  startSimulatedNodes,
  VIPS,
  type Vip,
  type Vips,
  vipCertificate,
} from './http-vips.ts';
import { type Serve, startWebNode, type WebNode } from './web-node.ts';

let certificate: ReturnType<typeof vipCertificate>;
beforeAll(() => {
  certificate = vipCertificate();
});
afterAll(() => certificate[Symbol.dispose]());

/** One connection. */
class OneClient extends Client implements AsyncDisposable {
  constructor(vips: Vips, vip: Vip, options: Client.Options) {
    const patience = { headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS };
    super(vips.url(vip).slice(0, -1), { ...patience, connect: { ca: certificate.caPem }, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }
}

const V1 = { allowH2: false };
const V2 = { allowH2: true, maxConcurrentStreams: 100 };
/** HTTP/2 is spoken over TLS alone. */
const WAYS: readonly (readonly [vip: Vip, version: string, options: Client.Options])[] = [
  ['http', '1.1', V1],
  ['https', '1.1', V1],
  ['https', '2.0', V2],
];

/** Answers its path, when the gate has been opened. */
function onceOpen(hold: Gate): Serve {
  return async ({ url }, response) => {
    await hold.opened;
    response.end(`answer to ${url}`);
  };
}

async function read(client: Client, path: string, signal?: AbortSignal): Promise<string> {
  // Not to wait for one response before the next request is sent.
  const { body } = await client.request({ method: 'GET', path, signal: signal ?? null, blocking: false });
  return body.text();
}

/** `count` requests at once; resolves once all of them are at a node. */
async function ask(client: Client, node: WebNode, count: number, signals: readonly AbortSignal[] = []) {
  const answers = Array.from({ length: count }, (_, i) => read(client, `/${i}`, signals[i]));
  // Who fails before all are there is told by `answers`.
  for (const answer of answers) answer.catch(() => undefined);
  await node.arrived(count);
  return answers;
}

describe.each(VIPS)('undici at the %s VIP', LONG, (vip) => {
  test.each([1, 10])(
    'pipelining %i: 200 requests over one connection, each with its own answer',
    async (pipelining) => {
      let atNode = 0;
      let mostAtNode = 0;
      let mostSent = 0;
      // Later ones are answered faster, so that an answer out of turn would show.
      await using node = await startWebNode('a', async ({ url }, response) => {
        mostAtNode = Math.max(mostAtNode, ++atNode);
        mostSent = Math.max(mostSent, client.stats.running ?? 0);
        for (let turns = 50 - (Number(url?.slice(1)) % 50); turns > 0; turns--) await turn();
        atNode--;
        response.end(`answer to ${url}`);
      });
      await using vips = await openVips(certificate, { nodes: [node.url] });
      await using client = new OneClient(vips, vip, { ...V1, pipelining });
      const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => read(client, `/${i}`)));
      expect(answers).toEqual(answers.map((_, i) => `answer to /${i}`));
      expect(await vips.proxied(200)).toHaveLength(200);
      expect(vips.gw.gateway.listeners.find(({ name }) => name === vip)?.connections).toBe(1);
      expect(mostSent > 1).toBe(pipelining > 1);
      // The gateway takes them one by one: the second may depend on what the first has done.
      expect(mostAtNode).toBe(1);
    },
  );
});

describe('undici over HTTP/2', LONG, () => {
  test('50 streams at once on one connection, all of them at the node before the first is answered', async () => {
    const hold = gate();
    await using node = await startWebNode('a', onceOpen(hold));
    await using vips = await openVips(certificate, { nodes: [node.url] });
    await using client = new OneClient(vips, 'https', V2);
    const answers = await ask(client, node, 50);
    expect(vips.gw.gateway.listeners.find(({ name }) => name === 'https')?.connections).toBe(1);
    hold.open();
    expect(await Promise.all(answers)).toEqual(answers.map((_, i) => `answer to /${i}`));
    const records = await vips.proxied(50);
    expect(records.map(({ version, status }) => [version, status])).toEqual(answers.map(() => ['2.0', 200]));
  });

  test('one of 50 is given up: the node sees that one end, the others get their answers', async () => {
    const hold = gate();
    await using node = await startWebNode('a', onceOpen(hold));
    await using vips = await openVips(certificate, { nodes: [node.url] });
    await using client = new OneClient(vips, 'https', V2);
    const aborts = Array.from({ length: 50 }, () => new AbortController());
    const answers = await ask(
      client,
      node,
      50,
      aborts.map(({ signal }) => signal),
    );
    aborts[17]?.abort();
    await expect(answers[17]).rejects.toThrow(/abort/i);
    expect(await node.seen.find(({ url }) => url === '/17')?.closed).toBe('lost');
    hold.open();
    const others = answers.filter((_, i) => i !== 17);
    expect(await Promise.all(others)).toEqual(
      answers.flatMap((_, i) => (i === 17 ? [] : [`answer to /${i}`])),
    );
    // The same connection goes on.
    expect(await read(client, '/next')).toBe('answer to /next');
    const records = await vips.proxied(51);
    expect(records.filter(({ error }) => error?.code === 'GW_ERR_HTTP_CUT')).toHaveLength(1);
    expect(records.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(vips.gw.held.inFlight).toBe(0);
  });

  test('a body given up in the middle: the others of the connection go on', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls });
    await using client = new OneClient(vips, 'https', V2);
    const abort = new AbortController();
    const { body } = await client.request({ method: 'GET', path: '/bytes/1000000000', signal: abort.signal });
    // It is not read: what has been sent lies in windows and buffers.
    const block = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251));
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const answer = await client.request({ method: 'GET', path: '/bytes/100000' });
        return Buffer.from(await answer.body.arrayBuffer());
      }),
    );
    for (const answer of answers) expect(answer.equals(block)).toBe(true);
    abort.abort();
    await expect(body.text()).rejects.toThrow(/abort/i);
    expect(await read(client, '/assets/app.css')).toMatch(/sans-serif/);
    await until(() => vips.gw.held.inFlight === 0, { deadlineMs: PATIENCE_MS, what: 'nothing in flight' });
    const cut = (await vips.proxied(22)).filter(({ error }) => error?.code === 'GW_ERR_HTTP_CUT');
    expect(cut).toHaveLength(1);
    expect(cut[0]?.responseBytes).toBeLessThan(100_000_000);
  });
});

describe.each(WAYS)('undici at the %s VIP, HTTP/%s', LONG, (vip, version, options) => {
  /** Chunks of every size; `hash` is of all that was given out. */
  function* pieces(hash: ReturnType<typeof createHash>): Generator<Buffer> {
    for (const size of [1, 3_000_000, 17, 65_536, 65_535, 1, 500_000]) {
      const piece = randomBytes(size);
      hash.update(piece);
      yield piece;
    }
  }
  const BYTES = 3_631_090;

  test.each([true, false])('POST of a stream, its length known: %s', async (isKnown) => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls });
    await using client = new OneClient(vips, vip, options);
    const hash = createHash('sha256');
    const { statusCode, body } = await client.request({
      method: 'POST',
      path: '/upload?x=1',
      headers: {
        'content-type': 'application/octet-stream',
        ...(isKnown ? { 'content-length': String(BYTES) } : {}),
      },
      body: Readable.from(pieces(hash)),
    });
    expect(statusCode).toBe(200);
    const seen = (await body.json()) as { headers: Record<string, string> };
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/upload?x=1',
      bytes: BYTES,
      sha256: hash.digest('hex'),
    });
    expect(seen.headers['content-length']).toBe(isKnown ? String(BYTES) : undefined);
    expect(seen.headers['transfer-encoding']).toBe(isKnown ? undefined : 'chunked');
    expect(await vips.proxied(1)).toMatchObject([{ version, requestBytes: BYTES, status: 200 }]);
  });

  test('a stream that breaks: the node gets no whole request', async () => {
    await using node = await startWebNode('a', () => undefined);
    await using vips = await openVips(certificate, { nodes: [node.url] });
    await using client = new OneClient(vips, vip, options);
    const hold = gate();
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.alloc(100_000);
      await hold.opened;
      throw new Error('the disk is gone');
    }
    const asked = client.request({ method: 'POST', path: '/', body: Readable.from(broken()) });
    asked.catch(() => undefined);
    await node.arrived(1);
    hold.open();
    await expect(asked).rejects.toThrow();
    const [seen] = node.seen;
    // A body that ends where it broke would be taken for the whole.
    expect(await Promise.race([seen?.closed, seen?.body.then(() => 'whole')])).toBe('lost');
    const [record] = await vips.proxied(1);
    expect(record?.error?.code).toBe('GW_ERR_HTTP_CUT');
  });

  test('trailers', async () => {
    await using node = await startWebNode('a', (_, response) => {
      response.setHeader('trailer', 'X-Digest');
      response.write('body');
      response.addTrailers({ 'X-Digest': 'abc' });
      response.end();
    });
    await using vips = await openVips(certificate, { nodes: [node.url] });
    await using client = new OneClient(vips, vip, options);
    const answer = await client.request({ method: 'GET', path: '/' });
    expect(await answer.body.text()).toBe('body');
    expect(answer.trailers).toMatchObject({ 'x-digest': 'abc' });
  });
});
