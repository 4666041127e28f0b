// What is asked for again and again while a page shows it. Promises one question at a time, none while nobody is there, and that what was
// asked before a change of the question is not shown after it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, sentenceOf } from '../api/client.ts';
import { isSomebodyThere } from './presence.ts';

export interface Polled<T> {
  readonly value: T | undefined;
  /** Why the last question has no answer. */
  readonly error: string | undefined;
  /** Asks now. */
  readonly refresh: () => void;
}

/** `key`: another one is another question. `everyMs` 0: once. */
export function usePolled<T>(
  question: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
  key: string = '',
): Polled<T> {
  const [state, setState] = useState<{ value?: T; error?: string; key: string }>({ key });
  const [turn, setTurn] = useState(0);
  const asked = useRef(question);
  asked.current = question;
  // A new turn asks anew.
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const next = (): void => {
      if (everyMs > 0 && !stop.signal.aborted) timer = setTimeout(run, everyMs);
    };
    let isFirst = true;
    const run = (): void => {
      if (!isFirst && !isSomebodyThere()) {
        next();
        return;
      }
      isFirst = false;
      asked
        .current(stop.signal)
        .then(
          (value) => {
            if (!stop.signal.aborted) setState({ value, key });
          },
          (thrown: unknown) => {
            if (stop.signal.aborted || (thrown instanceof ApiError && thrown.status === 401)) return;
            setState((before) => ({ ...before, error: sentenceOf(thrown) }));
          },
        )
        .finally(next);
    };
    run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, everyMs, turn]);
  return {
    value: state.key === key ? state.value : undefined,
    error: state.error,
    refresh: () => setTurn((before) => before + 1),
  };
}
