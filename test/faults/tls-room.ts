// What the TLS fault tests set up again and again: a node, a gateway with a TLS listener before it, and senders to it.
import type tls from 'node:tls';
import { expect } from 'vitest';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { type SimpleConfig, startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender, type SenderOptions } from '../helpers/sender.ts';
import type { CertificateName, TlsFolder } from '../helpers/tls-folder.ts';

export interface Room extends AsyncDisposable {
  readonly node: FaultyNode;
  readonly gw: TestGateway;
}

export async function startRoom(
  listener: Record<string, unknown>,
  more: Omit<Partial<SimpleConfig>, 'listener'> = {},
): Promise<Room> {
  const node = await startFaultyNode();
  const gw = await startGateway({ nodes: [node.url], listener, ...more });
  return {
    node,
    gw,
    [Symbol.asyncDispose]: async () => {
      await gw[Symbol.asyncDispose]();
      await node.close();
    },
  };
}

/** A listener's keys that give it a certificate of the folder. */
export function vip(
  folder: TlsFolder,
  more: Record<string, unknown> = {},
  name: CertificateName = 'good',
): Record<string, unknown> {
  return { tls: { ...folder.files[name], ...more } };
}

/** A sender that trusts the folder's authority, and shows a certificate of the folder if told so. */
export function trusting(
  folder: TlsFolder,
  more: tls.ConnectionOptions = {},
  own?: CertificateName,
): SenderOptions & { tls: tls.ConnectionOptions } {
  const shown = own === undefined ? {} : { cert: folder.pems[own].certPem, key: folder.pems[own].keyPem };
  return { tls: { ca: folder.caPem, servername: '', ...shown, ...more } };
}

export async function expectStillServesTls(gw: TestGateway, options: SenderOptions): Promise<void> {
  await using sender = await connectSender(gw.port(), options);
  expect(said(await sender.exchange(message({ controlId: 'AFTER' })))).toBe('AA AFTER');
}
