// Plays something in a world of its own: virtual time that no wait costs anything, one host, a network that neither cuts nor delays.
// Promises: one world at a time, and none while somebody of the process uses the machine's own clock and network by this room's leave;
// the platform is that of Node.js again when it is over.
import { GatewayError } from '../../errors.ts';
import { usePlatform } from '../../platform/current.ts';
import { Network } from './network.ts';
import { platformOn } from './platform.ts';
import { Prng } from './prng.ts';
import { ThreadTroubles } from './threads.ts';
import { VirtualTime } from './virtual-time.ts';

/** All that is played is on one machine. */
const HOST = '127.0.0.1';
/** Each way, always: an answer at once takes two of these. */
const LATENCY_MS = 0.05;
/** The same world each time. */
const SEED = 1;
/** For connections to come to their ends, behind what was played. */
const AFTERMATH_MS = 60_000;

/** Who uses the machine now. */
let onMachine = 0;
/** The world that is lived in, and those that wait for it. */
let lastWorld: Promise<unknown> = Promise.resolve();

/** Whether a world would take the clock away from somebody. */
export function isMachineInUse(): boolean {
  return onMachine > 0;
}

/** Waits until no world is lived in; then none is until the result is called. */
export async function useMachine(): Promise<() => void> {
  for (let known: unknown; known !== lastWorld; ) {
    known = lastWorld;
    await lastWorld;
  }
  onMachine++;
  let isUsing = true;
  return () => {
    if (isUsing) onMachine--;
    isUsing = false;
  };
}

/**
 * Behind every other world. Undefined: the machine is in use, and nothing was played.
 *
 * `longestMs`: of virtual time, then GW_ERR_USAGE. @throws what `play` throws, or a callback that it left behind
 */
export function inWorld<T>(play: () => Promise<T>, longestMs: number): Promise<T | undefined> {
  const turn = lastWorld.then(() => (isMachineInUse() ? undefined : live(play, longestMs)));
  lastWorld = turn.catch(() => {});
  return turn;
}

async function live<T>(play: () => Promise<T>, longestMs: number): Promise<T> {
  const prng = new Prng(SEED);
  const time = new VirtualTime(undefined);
  time.wallOffsetMs = Date.now();
  const network = new Network(time, prng.fork());
  network.latencyMs = [LATENCY_MS, LATENCY_MS];
  network.splitting = 0;
  const failed = Promise.withResolvers<never>();
  let isOver = false;
  time.onThrown = (thrown) => {
    isOver = true;
    failed.reject(thrown);
  };
  usePlatform(platformOn(time, network, HOST, prng.fork(), new ThreadTroubles()));
  try {
    const played = Promise.race([play(), failed.promise]).finally(() => {
      isOver = true;
    });
    played.catch(() => {});
    await time.run(() => isOver, longestMs);
    if (!isOver) {
      const detail =
        time.nowMs < longestMs ? 'it waits for what never comes' : `it takes longer than ${longestMs} ms`;
      throw new GatewayError('GW_ERR_USAGE', { detail });
    }
    await time.run(() => false, time.nowMs + AFTERMATH_MS);
    return await played;
  } finally {
    usePlatform(undefined);
  }
}
