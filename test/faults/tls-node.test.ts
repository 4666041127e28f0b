// F47 on the way to a node: TLS where there is none and the reverse, and whom a node is believed to be by which settings.
// No byte of a message is sent unless the node has proved who it is; certificates one by one: tls-matrix-node.test.ts.
import type tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrivals } from '../helpers/arrivals.ts';
import { expectNothingHeld, over, said, ways } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { type CertificateName, createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
}, 60_000);
afterAll(() => folder[Symbol.dispose]());

function serve(name: CertificateName, more: tls.TlsOptions = {}): { tls: tls.TlsOptions } {
  const { certPem, keyPem } = folder.pems[name];
  return { tls: { cert: certPem, key: keyPem, ...more } };
}

test('F47 no authority named in the config: the system’s roots do not know this node', async () => {
  await using a = await startFaultyNode(answers.aa(), serve('good'));
  await using gw = await startGateway({
    nodes: [a.url],
    pool: { queue: { timeout: '60ms' }, retry: { budget: '0' } },
    listener: { onUnavailable: 'AE' },
  });
  await using sender = await connectSender(gw.port());
  expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AE X1');
  expect(new Set(ways(await over(gw, 'X1')))).toEqual(new Set(['a GW_ERR_NODE_TLS']));
  expect(a.bytes.length).toBe(0);
});

test('F47 a good certificate: the message arrives whole; servername stands in for the host; insecure asks nothing', async () => {
  for (const [name, tlsConfig] of [
    ['good', { ca: folder.caFile }],
    ['wrongHost', { ca: folder.caFile, servername: 'other.test' }],
    ['untrusted', { insecure: true }],
  ] as const) {
    await using node = await startFaultyNode(answers.aa(), serve(name));
    await using gw = await startGateway({ nodes: [{ url: node.url, tls: tlsConfig } as { url: string }] });
    await using sender = await connectSender(gw.port());
    const bytes = message({ controlId: 'X1', size: 100_000 });
    expect(said(await sender.exchange(bytes))).toBe('AA X1');
    expect(node.bytes).toEqual(frame(bytes));
  }
});

describe('the wrong protocol', () => {
  test('F47 TLS to a plaintext node that stays silent: given up at timeouts.connect, the node reads no HL7', async () => {
    // The random bytes of a ClientHello may happen to be a frame, which is not to be answered.
    await using a = await startFaultyNode(answers.none());
    await using b = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [
        { url: a.url.replace('mllp:', 'mllps:'), tls: { ca: folder.caFile } } as { url: string },
        { url: b.url, backup: true } as { url: string },
      ],
      pool: { timeouts: { connect: '80ms' } },
    });
    await using sender = await connectSender(gw.port());
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    const exchange = await over(gw, 'X1');
    expect(ways(exchange)).toEqual(['a GW_ERR_NODE_CONNECT_TIMEOUT', 'b ok']);
    expect(exchange.attempts[0]?.error?.detail).toBe('TLS handshake');
    expect(a.bytes[0]).toBe(0x16);
    expect(a.bytes.includes('MSH')).toBe(false);
    await expectNothingHeld(gw);
  });

  test('F47 TLS to a plaintext node that answers in plain text: GW_ERR_NODE_TLS', async () => {
    await using a = await startFaultyNode();
    a.onConnection = arrivals.say(Buffer.from('220 this is no TLS server, whatever you sent\r\n'));
    await using b = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [
        { url: a.url.replace('mllp:', 'mllps:'), tls: { ca: folder.caFile } } as { url: string },
        { url: b.url, backup: true } as { url: string },
      ],
    });
    await using sender = await connectSender(gw.port());
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_NODE_TLS', 'b ok']);
    expect(a.bytes.includes('MSH')).toBe(false);
    await expectNothingHeld(gw);
  });

  test('F47 plain text to a TLS node: never an AA, and never silently sent again', async () => {
    await using a = await startFaultyNode(answers.aa(), serve('good'));
    await using b = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [a.url.replace('mllps:', 'mllp:'), { url: b.url, backup: true } as { url: string }],
      pool: { timeouts: { ack: '2s' } },
    });
    await using sender = await connectSender(gw.port());
    void sender.send(message({ controlId: 'X1' }));
    await sender.closed;
    expect(sender.received.length).toBe(0);
    expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_NODE_CLOSED']);
    expect([...a.messages, ...b.messages]).toEqual([]);
    expect(a.tlsErrors.length).toBe(1);
    await expectNothingHeld(gw);
  });

  test('F47 a version the node does not have: GW_ERR_NODE_TLS', async () => {
    await using a = await startFaultyNode(answers.aa(), serve('good', { maxVersion: 'TLSv1.2' }));
    await using b = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [
        { url: a.url, tls: { ca: folder.caFile, minVersion: 'TLSv1.3' } } as { url: string },
        { url: b.url, backup: true } as { url: string },
      ],
    });
    await using sender = await connectSender(gw.port());
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_NODE_TLS', 'b ok']);
    expect(a.bytes.length).toBe(0);
  });
});

test.each([
  { health: 'tls', state: 'down' },
  { health: 'tcp', state: 'up' },
])(
  'F47 a health check of type $health finds an untrusted certificate: the node is $state',
  async ({ health, state }) => {
    await using a = await startFaultyNode(answers.aa(), serve('untrusted'));
    await using gw = await startGateway({
      nodes: [{ url: a.url, tls: { ca: folder.caFile } } as { url: string }],
      pool: { health: { type: health, interval: '15ms', fall: 2 } },
    });
    if (state === 'down') {
      await expect
        .poll(() => gw.log.find(({ msg }) => msg === 'node down'), { timeout: 5000 })
        .toMatchObject({
          reason: 'check: UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        });
    } else {
      await expect.poll(() => a.accepted, { timeout: 5000 }).toBeGreaterThan(4);
      expect(gw.log.find(({ msg }) => msg === 'node down')).toBeUndefined();
    }
  },
);
