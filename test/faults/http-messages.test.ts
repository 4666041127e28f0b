// F70, F72, F73: what a route writes into headers, and what of a message over HTTP the gateway refuses before it is one.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { compileHeaderRules } from '../../src/http/header-rules.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { GET, openHttpRoom, request } from './http-room.ts';

describe('F70', () => {
  it.each(['a\r\nX-Evil: 1', 'a\nX-Evil: 1', 'a\rX-Evil: 1', 'a\r\n\r\nGET / HTTP/1.1', 'a\0b'])(
    'a config with %j in a header is refused',
    (text) => {
      for (const way of ['request', 'response']) {
        for (const part of ['set', 'add']) {
          const config = {
            listeners: { in: { protocol: 'http', bind: '127.0.0.1:0' } },
            pools: { pool: { nodes: { a: { url: 'http://127.0.0.1:1' } } } },
            routes: [{ to: 'pool', http: { [way]: { [part]: { 'X-Mine': text } } } }],
          };
          expect(() => parseConfig(JSON.stringify(config), { env: {} })).toThrow('X-Mine');
        }
      }
    },
  );

  it('a variable that would end a line is left out with its field, at run time', () => {
    const rules = compileHeaderRules({
      remove: [],
      set: [
        { name: 'x-user', value: 'CN is ${tls.subject}' },
        { name: 'x-node', value: '${node}' },
      ],
      add: [{ name: 'x-id', value: '${request.id}' }],
    });
    const variables = { clientAddress: '10.0.0.1', tlsSubject: undefined, requestId: '1', node: 'a' };
    for (const evil of ['a\r\nX-Evil: 1', 'a\nb', 'a\rb', 'a\0b', 'a\x7fb', 'a\x0bb']) {
      expect(rules?.(['x-stays', 'b'], { ...variables, tlsSubject: evil, requestId: evil })).toEqual([
        ...['x-stays', 'b', 'x-node', 'a'],
      ]);
    }
  });

  it('what a variable brings in otherwise is filled in, both ways', async () => {
    using folder = createTlsFolder();
    const both = {
      set: { 'X-User': '${tls.subject}', 'X-From': '${client.address}', 'X-Node': 'by ${node}' },
    };
    await using room = await openHttpRoom({
      tls: folder,
      listener: { tls: { ...folder.files.good, clientCa: folder.caFile } },
      routes: [{ to: 'pool', http: { request: both, response: both } }],
    });
    const { certPem: cert, keyPem: key } = folder.pems.client;
    await using client = await connectClient(room.gw.port(), {
      tls: { ca: folder.caPem, servername: 'localhost', ALPNProtocols: ['http/1.1'], cert, key },
    });
    for (const message of [await client.ask(GET), room.node.request]) {
      expect(['x-user', 'x-from', 'x-node'].map((name) => value(message, name))).toEqual([
        ...['CN=sender', '127.0.0.1', 'by a'],
      ]);
    }
  });
});

async function startMessages(listener: Record<string, unknown> = {}) {
  const node = await startFaultyNode();
  const gw = await startGateway({ nodes: [node.url], listener: { protocol: 'http', ...listener } });
  return {
    node,
    gw,
    [Symbol.asyncDispose]: async () => {
      await gw[Symbol.asyncDispose]();
      await node.close();
    },
  };
}

async function post(gw: TestGateway, lines: readonly string[], body: string | Buffer) {
  await using client = await connectClient(gw.port());
  void client.send(Buffer.concat([Buffer.from(request('POST / HTTP/1.1', lines)), Buffer.from(body)]));
  return await client.response();
}

const TYPE = 'Content-Type: application/hl7-v2';

describe('F72', () => {
  const limits = { maxFrame: '1KiB' };
  const small = message({ controlId: 'SMALL' });

  it.each([
    ['by its Content-Length', ['Content-Length: 1025']],
    ['by its Content-Length, awaited', ['Content-Length: 1025', 'Expect: 100-continue']],
    ['by its chunks', ['Transfer-Encoding: chunked']],
  ])('a message that is too large %s: 413, before it is read', async (_, lines) => {
    await using room = await startMessages({ limits });
    await using client = await connectClient(room.gw.port());
    const chunked = lines[0] === 'Transfer-Encoding: chunked';
    void client.send(
      request('POST / HTTP/1.1', [TYPE, ...lines], chunked ? `401\r\n${'x'.repeat(1025)}` : ''),
    );
    const response = await client.response();
    expect(response.status).toBe(413);
    expect(client.statuses).toEqual([413]);
    expect(response.body.toString()).not.toContain('MSH');
    await client.end();
    expect(room.gw.codes).toEqual(['GW_ERR_FRAME_TOO_LARGE']);
    expect(room.gw.held.bytes).toBe(0);
    expect(room.node.messages).toHaveLength(0);
  });

  it('one that is not is taken, awaited or not', async () => {
    await using room = await startMessages({ limits });
    for (const more of [[], ['Expect: 100-continue']]) {
      const response = await post(room.gw, [TYPE, `Content-Length: ${small.length}`, ...more], small);
      expect(response.status).toBe(200);
      expect(msaOf(response.body)?.code).toBe('AA');
    }
    expect(room.gw.held.bytes).toBe(0);
  });
});

describe('F73', () => {
  it.each(['no-such-charset', 'utf-7', 'utf-8-x'])(
    'a charset that nobody knows (%s): 415, and nothing is forwarded',
    async (charset) => {
      await using room = await startMessages();
      const bytes = message({ controlId: 'X' });
      const response = await post(
        room.gw,
        [`${TYPE}; charset=${charset}`, `Content-Length: ${bytes.length}`],
        bytes,
      );
      expect(response.status).toBe(415);
      expect(room.node.messages).toHaveLength(0);
      expect(room.gw.codes).toEqual(['GW_ERR_HTTP_CHARSET']);
    },
  );

  it('one that does not fit its bytes is no reason to change them', async () => {
    await using room = await startMessages();
    const bytes = Buffer.concat([message({ controlId: 'X' }), Buffer.from('NTE|1||\xe4\xff\r', 'latin1')]);
    const response = await post(
      room.gw,
      [`${TYPE}; charset=utf-8`, `Content-Length: ${bytes.length}`],
      bytes,
    );
    expect([response.status, value(response, 'content-type')]).toEqual([
      200,
      'application/hl7-v2; charset=utf-8',
    ]);
    expect(room.node.messages[0]?.payload.equals(bytes)).toBe(true);
  });
});
