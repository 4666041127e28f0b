// WebSockets through both VIPs with the `ws` library: messages of every kind and size, close codes both ways, many at
// once, and what each end sees when the node or the gateway ends.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { until } from '../helpers/until.ts';
import {
  LONG,
  openVips,
  PATIENCE_MS,
  startNodeProcess,
  startSimulatedNodes,
  startVips,
  VIPS,
  type Vip,
  vipCertificate,
} from './http-vips.ts';
import { type End, echo, openWebSocket, startWebSocketNode } from './web-sockets.ts';

let certificate: ReturnType<typeof vipCertificate>;
beforeAll(() => {
  certificate = vipCertificate();
});
afterAll(() => certificate[Symbol.dispose]());

const open = (
  vip: Vip,
  vips: { port(vip: Vip): number },
  options?: Parameters<typeof openWebSocket>[2],
): Promise<End> => openWebSocket({ port: vips.port(vip), certificate }, vip, options);

describe.each(VIPS)('a WebSocket through the %s VIP', LONG, (vip: Vip) => {
  test('text, binary, empty and a megabyte come back as they were', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls });
    await using client = await open(vip, vips);
    const megabyte = randomBytes(1_000_000);
    for (const data of ['Grüße, 漢字 🏥', '', Buffer.alloc(0), Buffer.from([0, 255, 13, 10, 0]), megabyte]) {
      expect(await client.exchange(data)).toEqual(data);
    }
    // All on their way at once, and in the order in which they were sent.
    const many = Array.from({ length: 200 }, (_, i) => `${i} `.repeat(i * 10));
    const before = client.messages.length;
    for (const text of many) client.socket.send(text);
    await client.when(() => client.messages.length === before + many.length, 'all answers');
    expect(client.messages.slice(before)).toEqual(many);
  });

  test('compressed messages and a sub-protocol are agreed on between the ends', async () => {
    await using node = await startWebSocketNode(echo, { perMessageDeflate: true, protocol: 'hl7.v2' });
    await using vips = await openVips(certificate, { nodes: [node.url] });
    await using client = await open(vip, vips, { perMessageDeflate: true, protocols: ['other', 'hl7.v2'] });
    expect(client.socket.protocol).toBe('hl7.v2');
    expect(client.socket.extensions).toContain('permessage-deflate');
    const text = 'the same again and again '.repeat(10_000);
    expect(await client.exchange(text)).toBe(text);
    const [{ request } = { request: undefined }] = node.ends;
    expect(request?.headers['x-forwarded-for']).toBe('127.0.0.1');
    expect(request?.headers['x-forwarded-proto']).toBe(vip);
  });

  test('pings and pongs of both ends', async () => {
    await using node = await startWebSocketNode();
    await using vips = await openVips(certificate, { nodes: [node.url] });
    await using client = await open(vip, vips);
    const end = await node.end();
    client.socket.ping('from the client');
    end.socket.ping('from the node');
    await client.when(() => client.pongs.length === 1 && client.pings.length === 1, 'a pong and a ping');
    await end.when(() => end.pongs.length === 1 && end.pings.length === 1, 'a pong and a ping at the node');
    expect([client.pongs, client.pings, end.pongs, end.pings]).toEqual([
      ['from the client'],
      ['from the node'],
      ['from the node'],
      ['from the client'],
    ]);
  });

  test('close codes and reasons of both ends', async () => {
    await using node = await startWebSocketNode();
    await using vips = await openVips(certificate, { nodes: [node.url] });
    const closes: readonly [by: 'client' | 'node', code: number, reason: string][] = [
      ['client', 1000, ''],
      ['client', 4001, 'seen enough'],
      ['node', 1001, 'going away'],
      ['node', 4999, 'ü'.repeat(61)],
    ];
    for (const [number, [by, code, reason]] of closes.entries()) {
      await using client = await open(vip, vips);
      const end = await node.end(number);
      (by === 'client' ? client : end).socket.close(code, reason);
      const other = by === 'client' ? end : client;
      expect(await other.ended()).toEqual({ code, reason });
      // RFC 6455 5.5.1: the other end answers with the code it was given.
      expect(await (by === 'client' ? client : end).ended()).toMatchObject({ code });
    }
    const records = await vips.proxied(closes.length);
    expect(records.map(({ status, upgraded, error }) => [status, upgraded, error])).toEqual(
      closes.map(() => [101, true, undefined]),
    );
    expect(vips.gw.held.inFlight).toBe(0);
  });

  test('100 at once, over both nodes, each with its own echo', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls });
    const clients = await Promise.all(Array.from({ length: 100 }, () => open(vip, vips)));
    const echoes = await Promise.all(clients.map((client, i) => client.exchange(`client ${i}`)));
    expect(echoes).toEqual(clients.map((_, i) => `client ${i}`));
    const on = (name: string): number => clients.filter(({ node }) => node === name).length;
    expect([on('a'), on('b')]).toEqual([50, 50]);
    expect(vips.gw.held.inFlight).toBe(100);
    for (const { socket } of clients) socket.close(1000);
    for (const client of clients) expect(await client.ended()).toEqual({ code: 1000, reason: '' });
    await until(() => vips.gw.held.inFlight === 0, { deadlineMs: PATIENCE_MS, what: 'nothing in flight' });
    expect(await vips.proxied(100)).toHaveLength(100);
  });

  test('its node is killed: 1006, and the next one goes to the other node', async () => {
    await using a = await startNodeProcess('a');
    await using b = await startNodeProcess('b');
    await using vips = await openVips(certificate, { nodes: [a.url, b.url] });
    await using client = await open(vip, vips);
    expect(await client.exchange('before')).toBe('before');
    const killed = client.node;
    (killed === 'a' ? a : b).kill('SIGKILL');
    expect(await client.ended()).toEqual({ code: 1006, reason: '' });
    for (let i = 0; i < 4; i++) {
      await using next = await open(vip, vips);
      expect(await next.exchange('after')).toBe('after');
      expect(next.node).toBe(killed === 'a' ? 'b' : 'a');
    }
  });

  test('the client is gone without a word: the node sees it', async () => {
    await using node = await startWebSocketNode();
    await using vips = await openVips(certificate, { nodes: [node.url] });
    const client = await open(vip, vips);
    const end = await node.end();
    client.socket.terminate();
    expect(await end.ended()).toEqual({ code: 1006, reason: '' });
  });

  test('a node that has none says so, and a path without a route too', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, {
      nodes: room.urls,
      routes: [{ when: { path: ['/ws', '/plain'] }, to: 'web' }],
    });
    for (const [path, status] of [
      ['/plain', 200],
      ['/none', 404],
    ] as const) {
      const url = `${vip === 'https' ? 'wss' : 'ws'}://127.0.0.1:${vips.port(vip)}${path}`;
      const socket = new WebSocket(url, { ca: certificate.caPem });
      const [error] = (await once(socket, 'error')) as [Error];
      expect(error.message).toBe(`Unexpected server response: ${status}`);
    }
  });
});

describe('F46 the gateway stops', LONG, () => {
  test.each(VIPS)('a WebSocket through %s that its client closes is waited for', async (vip) => {
    await using node = await startWebSocketNode(echo);
    await using vips = await startVips(certificate, { nodes: [node.url], shutdown: '10m' });
    await using client = await open(vip, vips);
    vips.child.kill('SIGTERM');
    await vips.child.line(({ msg }) => msg === 'draining', 'draining');
    expect(await client.exchange('still here')).toBe('still here');
    await expect(open(vip, vips)).rejects.toThrow(/ECONNREFUSED/);
    client.socket.close(1000);
    expect(await client.ended()).toMatchObject({ code: 1000 });
    expect(await vips.child.exited).toEqual({ code: 0, signal: null });
    expect(vips.child.stderr).toBe('');
  });

  test.each(VIPS)('one through %s that stays open is cut after shutdown.timeout: 1006', async (vip) => {
    await using node = await startWebSocketNode();
    await using vips = await startVips(certificate, { nodes: [node.url], shutdown: '300ms' });
    await using client = await open(vip, vips);
    const end = await node.end();
    vips.child.kill('SIGTERM');
    expect(await client.ended()).toMatchObject({ code: 1006 });
    expect(await end.ended()).toMatchObject({ code: 1006 });
    expect(await vips.child.exited).toEqual({ code: 1, signal: null });
    expect(vips.child.lines.some(({ msg, clean }) => msg === 'stopped' && clean === false)).toBe(true);
  });
});
