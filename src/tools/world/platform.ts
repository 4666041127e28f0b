// Puts a simulated world in the place of the machine, for a gateway on one host of it.
import type { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Platform } from '../../platform/platform.ts';
import type { Network } from './network.ts';
import type { Prng } from './prng.ts';
import { connectFrom, createServerOn } from './sockets.ts';
import { SimulatedThreads, type ThreadTroubles } from './threads.ts';
import { SimulatedImmediate, SimulatedTimer, type VirtualTime } from './virtual-time.ts';

export function platformOn(
  time: VirtualTime,
  network: Network,
  host: string,
  prng: Prng,
  troubles: ThreadTroubles,
): Platform {
  return {
    monotonicMs: () => time.nowMs,
    wallMs: () => Math.floor(time.nowMs + time.wallOffsetMs),
    setTimeout: (callback, ms, ...args) =>
      time.timer(() => callback(...args), ms, false) as unknown as NodeJS.Timeout,
    setInterval: (callback, ms) => time.timer(callback, ms, true) as unknown as NodeJS.Timeout,
    setImmediate: (callback, ...args) =>
      time.immediate(() => callback(...args)) as unknown as NodeJS.Immediate,
    clearImmediate: (immediate) => {
      const own: unknown = immediate;
      if (own instanceof SimulatedImmediate) own.callback = undefined;
      else clearImmediate(immediate);
    },
    clearTimeout: cancel,
    clearInterval: cancel,
    random: () => prng.next(),
    randomFill: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = prng.int(0, 255);
    },
    randomUUID: () => uuidOf(prng),
    connect: (options) => connectFrom(network, host, options),
    connectTls: () => failedTls(),
    createServer: (options, onConnection) => createServerOn(network, host, options, onConnection),
    hasOnlyPlainServers: true,
    names: NO_NAMES,
    createThreads: () => new SimulatedThreads(time, prng, troubles),
    openSpanLine: undefined,
  };
}

/** Connections that were made before the world was, and end while it is lived in, have timers of Node.js. */
function cancel(timer: NodeJS.Timeout | undefined): void {
  const own: unknown = timer;
  if (own instanceof SimulatedTimer) own.cancel();
  else clearTimeout(timer);
}

function uuidOf(prng: Prng): ReturnType<typeof randomUUID> {
  const hex = Array.from({ length: 32 }, () => prng.int(0, 15).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}` as ReturnType<
    typeof randomUUID
  >;
}

/** Its hosts are known by their addresses alone. */
const NO_NAMES: Platform['names'] = {
  addresses: () => Promise.reject(notThere()),
  services: () => Promise.reject(notThere()),
};

function notThere(): Error {
  return Object.assign(new Error('a simulated world has no names'), { code: 'ENOTFOUND' });
}

function failedTls(): Socket {
  throw new Error('a simulated world has no TLS');
}
