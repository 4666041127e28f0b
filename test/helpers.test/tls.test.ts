// The test peers over TLS: the same record, the same cuts, the same ends as without.
import { beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, type Issued } from '../../certs/authority.ts';
import { arrivals } from '../helpers/arrivals.ts';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

/** The type of a TLS record. */
const TLS_HANDSHAKE = 0x16;

let issued: Issued;
let ca: string;

beforeAll(() => {
  const authority = createAuthority({ commonName: 'Peers', days: 1 });
  ca = authority.certPem;
  issued = authority.issue({ commonName: 'node', dns: ['node.test'], usage: 'server' });
});

const secureNode = (): Promise<FaultyNode> =>
  startFaultyNode(answers.aa(), { tls: { cert: issued.certPem, key: issued.keyPem } });
const secureSender = (node: FaultyNode): Promise<Sender> =>
  connectSender(node.port, { tls: { ca, servername: 'node.test' } });

describe('over TLS', () => {
  test('messages are exchanged, and pieces stay pieces both ways', async () => {
    await using node = await secureNode();
    node.script = answers.chunked(1, -1);
    await using sender = await secureSender(node);
    const sent = message({ controlId: 'C1' });
    await sender.writeSplit(frame(sent), [1, 7]);
    expect(msaOf(await sender.nextAck())).toEqual({ code: 'AA', controlId: 'C1' });
    expect(node.connections.all[0]?.readSizes).toEqual([1, 6, sent.length + 3 - 7]);
    expect(sender.readSizes).toEqual([1, sender.received.length - 2, 1]);
    expect(node.url).toBe(`mllps://127.0.0.1:${node.port}`);
  });

  test('a reset is a reset', async () => {
    await using node = await secureNode();
    node.script = answers.reset();
    await using sender = await secureSender(node);
    void sender.send(message());
    expect(await sender.closed).toEqual({ hadError: true, code: 'ECONNRESET' });
    await using second = await secureSender(node);
    const [, connection] = await node.connected(2);
    second.reset();
    expect(await connection?.closed).toEqual({ code: 'ECONNRESET' });
  });

  test('closing and half-closing are clean ends', async () => {
    await using node = await secureNode();
    node.script = answers.aaThen('close');
    await using first = await secureSender(node);
    await first.exchange(message());
    expect(await first.closed).toEqual({ hadError: false, code: undefined });
    node.script = answers.aa();
    await using second = await secureSender(node);
    void second.send(message());
    await second.end();
    expect(msaOf(await second.nextAck())?.code).toBe('AA');
    expect(await second.closed).toEqual({ hadError: false, code: undefined });
  });

  test('a node that closes on arrival', async () => {
    await using node = await secureNode();
    node.onConnection = arrivals.close();
    const outcome = await secureSender(node).then(
      (sender) => sender.closed.then(({ code }) => code),
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(outcome).toBeUndefined();
    expect(node.messages).toHaveLength(0);
  });

  test('a sender without TLS is counted, its bytes are no message', async () => {
    await using node = await secureNode();
    await using sender = await connectSender(node.port);
    void sender.send(message());
    await until(() => node.tlsErrors.length === 1);
    await sender.closed;
    expect(node.tlsErrors).toEqual(['ERR_SSL_WRONG_VERSION_NUMBER']);
    expect(node.accepted).toBe(1);
    expect(node.connections.total).toBe(0);
    expect(node.bytes).toHaveLength(0);
  });

  test('a sender with TLS to a node without does not connect', async () => {
    await using node = await startFaultyNode(answers.none());
    await using plain = await connectSender(node.port);
    node.onBytes = (connection) => void connection.write(Buffer.from('no TLS here\r\n'));
    await expect(secureSender(node)).rejects.toHaveProperty('code', 'ERR_SSL_WRONG_VERSION_NUMBER');
    // A ClientHello has a thousand random bytes: 0B and, behind it, 1C 0D may be among them, and are then cut as a frame.
    const [, hello] = node.connections.all;
    expect(hello?.bytes[0]).toBe(TLS_HANDSHAKE);
    expect(node.messages.filter(({ payload }) => payload.includes('MSH'))).toEqual([]);
    expect(plain.received).toHaveLength(0);
  });
});
