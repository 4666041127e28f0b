// Waits in time that counts only while the event loop runs. While it stands still nothing is read, so that nothing has come by
// then says nothing of the peer. Promises an end: after so many steps, however late each of them is.
import { clearTimeout, monotonicMs, setImmediate, setTimeout } from '../platform/time.ts';

/** A wait is made of steps this long at most. */
const STEP_MS = 25;
/** A step that is so late tells of a stall. What stalls this process may stall a node on the same machine, so it does not count. */
const STALL_MS = 20;
/** So many of a wait's steps are repeated at most. */
const MAX_REPEATED = 5;

/** Calls `done` once, never before it returns. The result ends the wait without a call. */
export function afterLoopTime(ms: number, done: () => void): () => void {
  let leftMs = ms;
  let repeated = 0;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;

  function step(): void {
    const stepMs = Math.min(leftMs, STEP_MS);
    const dueAt = monotonicMs() + stepMs;
    timer = setTimeout(() => {
      const isLate = monotonicMs() - dueAt > STALL_MS;
      if (isLate && repeated < MAX_REPEATED) repeated++;
      else leftMs -= stepMs;
      if (leftMs > 0) step();
      else setImmediate(beforeLast);
    }, stepMs);
  }
  /** After a stall timers run before what has arrived is read. One turn reads the data, the next one an end behind them. */
  function beforeLast(): void {
    setImmediate(last);
  }
  function last(): void {
    if (isOver) return;
    isOver = true;
    done();
  }

  step();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
