// The platform in force: that of Node.js, unless somebody has put another in its place before anything was made. Promises that what a
// test does to the global timers and clocks is seen, as they are looked up at each call.
import { randomFillSync, randomUUID } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { connectFromClient, connectTlsFromClient } from './client-source.ts';
import { nodeNames } from './dns.ts';
import type { Platform } from './platform.ts';

const nodePlatform: Platform = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimeout: (callback, ms, ...args) => setTimeout(callback, ms, ...args),
  setInterval: (callback, ms) => setInterval(callback, ms),
  setImmediate: (callback, ...args) => setImmediate(callback, ...args),
  clearImmediate: (immediate) => clearImmediate(immediate),
  clearTimeout: (timer) => clearTimeout(timer),
  clearInterval: (timer) => clearInterval(timer),
  random: () => Math.random(),
  randomFill: (bytes) => void randomFillSync(bytes),
  randomUUID: () => randomUUID(),
  connect: ({ from, ...options }) =>
    from === undefined || !('port' in options) ? net.connect(options) : connectFromClient(from, options),
  connectTls: ({ from, ...options }) =>
    from === undefined ? tls.connect(options) : connectTlsFromClient(from, options),
  createServer: (options, onConnection) => net.createServer(options, onConnection),
  hasOnlyPlainServers: false,
  names: nodeNames,
  createThreads: undefined,
  openSpanLine: undefined,
};

export let platform: Platform = nodePlatform;

const resets: (() => void)[] = [];

/** For everything that is made from now on. Undefined: that of Node.js. */
export function usePlatform(other: Platform | undefined): void {
  platform = other ?? nodePlatform;
  for (const reset of resets) reset();
}

/** `reset`: forgets what was counted or drawn, as what another platform gives must not depend on it. */
export function onOtherPlatform(reset: () => void): void {
  resets.push(reset);
}
