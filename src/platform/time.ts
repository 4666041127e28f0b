// Clocks and timers of the platform, by the names that Node.js gives them.
import { platform } from './current.ts';

/** Milliseconds since a moment of its own; never goes back. For how long something takes, and until when. */
export function monotonicMs(): number {
  return platform.monotonicMs();
}

/** Milliseconds since 1970. For people, and for other machines. */
export function wallMs(): number {
  return platform.wallMs();
}

export function setTimeout<A extends unknown[]>(
  callback: (...args: A) => void,
  ms: number,
  ...args: A
): NodeJS.Timeout {
  return platform.setTimeout(callback, ms, ...args);
}

export function clearTimeout(timer: NodeJS.Timeout | undefined): void {
  platform.clearTimeout(timer);
}

export function setInterval(callback: () => void, ms: number): NodeJS.Timeout {
  return platform.setInterval(callback, ms);
}

export function clearInterval(timer: NodeJS.Timeout | undefined): void {
  platform.clearInterval(timer);
}

export function setImmediate<A extends unknown[]>(
  callback: (...args: A) => void,
  ...args: A
): NodeJS.Immediate {
  return platform.setImmediate(callback, ...args);
}

export function clearImmediate(immediate: NodeJS.Immediate | undefined): void {
  platform.clearImmediate(immediate);
}

/** Resolves after `ms`, or at once when `signal` says so. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = platform.setTimeout(over, ms);
    function over(): void {
      platform.clearTimeout(timer);
      signal?.removeEventListener('abort', over);
      resolve();
    }
    signal?.addEventListener('abort', over, { once: true });
  });
}

/** As `AbortSignal.timeout`. */
export function abortAfter(ms: number): AbortSignal {
  const controller = new AbortController();
  platform.setTimeout(() => controller.abort(), ms).unref();
  return controller.signal;
}
