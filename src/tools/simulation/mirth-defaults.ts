// How Mirth sets up its listeners where nobody says otherwise, and with that the simulated ones.
import type { SimulatedHttpNodeOptions } from './simulated-http-node.ts';
import type { SimulatedNodeOptions } from './simulated-node.ts';

export const MIRTH_DEFAULTS: SimulatedNodeOptions = {
  host: '127.0.0.1',
  port: 0,
  ack: 'AA',
  delayMs: 0,
  failEvery: 0,
  closeAfter: 0,
  maxConnections: 10,
  maxFrameBytes: 64 * 1024 * 1024,
};

export const MIRTH_HTTP_DEFAULTS: SimulatedHttpNodeOptions = {
  host: '127.0.0.1',
  port: 0,
  ack: 'AA',
  delayMs: 0,
  failEvery: 0,
  closeAfter: 0,
  // Jetty has no limit of its own; this is one of this process.
  maxConnections: 1000,
  maxBodyBytes: 64 * 1024 * 1024,
  idleMs: 30_000,
  binaryTypes: true,
};
