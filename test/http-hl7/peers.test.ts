// Peers that were not written here, or answer as Mirth does, across the bridges: MLLP clients before HTTP nodes, an MLLP
// server behind HTTP clients, and Mirth's HTTP Listener, which takes the gateway's own type for text and HL7's for binary.

import { Hl7Server } from '@medplum/hl7';
import { describe, expect, it } from 'vitest';
import { type ForeignClient, NodeHl7Client, SimpleHl7Client, SimpleHl7Node } from '../e2e/foreign-clients.ts';
import { said } from '../helpers/expect-relay.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { startRawNode } from '../helpers/raw-http-node.ts';
import { value } from '../helpers/strict-http.ts';
import { startHttpNode } from '../tools/simulation/http-room.ts';
import { acks, ask, expectRefusal, LONG, post, told } from './room.ts';

const CLIENTS: Readonly<Record<string, (port: number) => Promise<ForeignClient>>> = {
  'node-hl7-client': (port) => NodeHl7Client.connect(port),
  'simple-hl7': async (port) => new SimpleHl7Client(port),
};

describe.each(Object.keys(CLIENTS))('%s before a node over HTTP', LONG, (name) => {
  it('gets its answers', async () => {
    await using node = await startRawNode(acks());
    await using gw = await startGateway({ nodes: [node.url], pool: { health: { type: 'none' } } });
    await using client = await (CLIENTS[name] as (port: number) => Promise<ForeignClient>)(gw.port());
    for (const controlId of ['P1', 'P2', 'P3']) {
      const ack = await client.exchange(message({ controlId }).toString());
      expect(msaOf(Buffer.from(ack))).toEqual({ code: 'AA', controlId });
    }
    expect(node.requests.length).toBe(3);
    expect(node.broken).toEqual([]);
  });
});

describe('an MLLP server behind a client of HTTP', LONG, () => {
  it('simple-hl7', async () => {
    await using node = await SimpleHl7Node.start();
    await using gw = await startGateway({ nodes: [node.url], listener: { protocol: 'http' } });
    await using client = await connectClient(gw.port());
    for (const controlId of ['P1', 'P2'])
      expect(told(await ask(client, post(message({ controlId }))))).toBe(`200 AA ${controlId}`);
    expect(node.errors).toEqual([]);
  });

  it('@medplum/hl7', async () => {
    const server = new Hl7Server((connection) => {
      connection.addEventListener('message', (event) => event.connection.send(event.message.buildAck()));
    });
    await server.start(0);
    const bound = server.server?.address();
    if (typeof bound !== 'object' || bound === null) throw new Error('no port');
    await using gw = await startGateway({
      nodes: [`mllp://127.0.0.1:${bound.port}`],
      listener: { protocol: 'http' },
    });
    await using client = await connectClient(gw.port());
    for (const controlId of ['P1', 'P2'])
      expect(told(await ask(client, post(message({ controlId }))))).toBe(`200 AA ${controlId}`);
    await gw.gateway.stop();
    await server.stop();
  });
});

describe('Mirth’s HTTP Listener', LONG, () => {
  const body = message({ controlId: 'P1', charset: 'UNICODE UTF-8' });

  it.each([undefined, 'text/plain'])(
    'understands what the gateway posts, whatever its client did (%s)',
    async (contentType) => {
      const { node, url } = await startHttpNode();
      await using gw = await startGateway({
        nodes: [url],
        listener: { protocol: 'http' },
        pool: contentType === undefined ? {} : { contentType },
      });
      await using client = await connectClient(gw.port());
      const response = await ask(client, post(body));
      expect(told(response)).toBe('200 AA P1');
      expect(value(response, 'content-type')).toBe('application/hl7-v2; charset=UTF-8');
      expect(node.messages).toBe(1);
    },
  );

  it('takes HL7’s own type for binary, and its garbled answer is credited to nobody', async () => {
    const { url } = await startHttpNode();
    await using gw = await startGateway({
      nodes: [url],
      listener: { protocol: 'http' },
      pool: { contentType: 'application/hl7-v2' },
    });
    await using client = await connectClient(gw.port());
    expectRefusal(await ask(client, post(body)), 502, 'GW_ERR_ACK_MISMATCH');
  });

  it.each(['AE', 'AR'] as const)('its %s is an answer', async (ack) => {
    const { url } = await startHttpNode({ ack });
    await using gw = await startGateway({ nodes: [url], listener: { protocol: 'http' } });
    await using client = await connectClient(gw.port());
    const response = await ask(client, post(body));
    expect(said(response.body)).toBe(`${ack} P1`);
    expect(gw.messages[0]?.attempts.length).toBe(1);
  });
});
