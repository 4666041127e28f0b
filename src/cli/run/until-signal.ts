// The signals that end a command that stays up, or goes on and on.

/**
 * Of commands for people: resolves to what `stop` resolves to, once SIGTERM or SIGINT has come and it is done. Without
 * `onHangup`, a terminal that is closed ends the process, as it does any other.
 */
export function untilSignal(stop: () => Promise<boolean>, onHangup?: () => void): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const onStop = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
      stopping = true;
      stop().then(resolve, reject);
    };
    process.on('SIGTERM', onStop);
    process.on('SIGINT', onStop);
    if (onHangup !== undefined) process.on('SIGHUP', onHangup);
  });
}

/** Until Ctrl-C; a second one ends the process. */
export function interrupted(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  return ending.signal;
}
