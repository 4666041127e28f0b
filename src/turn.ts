// One turn of the event loop: what time it is in it, and what is done once at its end. Promises that the end comes before anything
// further is read, and that no time is older than its turn.
import { onOtherPlatform } from './platform/current.ts';
import { monotonicMs, setImmediate } from './platform/time.ts';

let time = 0;
let isTimeKnown = false;
let isEnding = false;
let atEnd: (() => void)[] = [];
onOtherPlatform(() => {
  isTimeKnown = false;
  isEnding = false;
  atEnd = [];
});

/**
 * When this turn of the event loop first asked, in monotonicMs() milliseconds: what a message takes is told in turns, and a clock
 * is read once for all that happens in one. The end of the turn has a time of its own.
 */
export function turnTime(): number {
  if (isTimeKnown) return time;
  time = monotonicMs();
  isTimeKnown = true;
  awaitEnd();
  return time;
}

/** `callback` is called once, at the end of this turn; one that is given at its end, at that of the next. */
export function atTurnEnd(callback: () => void): void {
  atEnd.push(callback);
  awaitEnd();
}

function awaitEnd(): void {
  if (isEnding) return;
  isEnding = true;
  setImmediate(end);
}

function end(): void {
  const callbacks = atEnd;
  atEnd = [];
  isEnding = false;
  time = monotonicMs();
  isTimeKnown = true;
  let done = 0;
  try {
    while (done < callbacks.length) callbacks[done++]?.();
  } finally {
    isTimeKnown = false;
    // One has thrown: the others have their turn all the same.
    if (done < callbacks.length) for (const callback of callbacks.slice(done)) atTurnEnd(callback);
  }
}

/** What is gathered in one turn of the event loop and done at its end: one callback for all, in the order in which they were given. */
export class TurnEnd<T extends { flush(): void }> {
  #gathered: T[] = [];

  add(one: T): void {
    if (this.#gathered.push(one) === 1) atTurnEnd(this.#flushAll);
  }

  /** `flush` may give it again, for the end of the next turn. */
  readonly #flushAll = (): void => {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (const one of gathered) one.flush();
  };
}
