// The MLLP proxies under test beside the gateway, and the shapes in which the gateway is one of them.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort, type GatewayShape, type NodePorts, type ProxyProcess, started } from './proxies.ts';

/** 64 connections to each node: no message of 64 lockstep senders ever waits for another's. */
export const LOCKSTEP: GatewayShape = {
  name: 'gateway, max 64, pipelining 1',
  max: 64,
  pipelining: 1,
  logMessages: false,
};
export const PIPELINED: GatewayShape = {
  name: 'gateway, max 2, pipelining 256',
  max: 2,
  pipelining: 256,
  logMessages: false,
};

/** What a user of Node.js would build with its libraries. */
export const RELAYS = ['node-hl7-server + node-hl7-client', '@medplum/hl7', 'simple-hl7'] as const;

const RELAY = fileURLToPath(new URL('./processes/relay-peer.ts', import.meta.url));

export async function startRelay(kind: (typeof RELAYS)[number], nodes: NodePorts): Promise<ProxyProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, [RELAY, kind, String(port), ...nodes.map(String)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return started(kind, child, port);
}
