// An error that nobody caught, in the log: where it came from, and nothing of what it says. Messages of errors quote what
// they are about (a header, a line of JSON), and that may be a patient's.
import { causeCode } from '../../errors.ts';
import type { Log } from '../../observe/log/log.ts';

/** Where the process ends in disorder there may be one for each connection. */
const MOST_LOGGED = 20;
const MOST_FRAMES = 30;
const MOST_CAUSES = 5;

let count = 0;

/** `origin`: `uncaughtException`, `unhandledRejection`, or what the process was about. */
export function logUncaught(log: Log, thrown: unknown, origin: string): void {
  count++;
  if (count > MOST_LOGGED) return;
  const left = count === MOST_LOGGED ? { last: true } : {};
  log.fatal(
    { code: 'GW_ERR_INTERNAL', origin, cause: causeCode(thrown), stack: stackOf(thrown), ...left },
    'uncaught error: this is a defect in the gateway, which ends',
  );
}

/** The class, the code and the frames of an error and of its causes. */
export function stackOf(thrown: unknown): readonly string[] {
  const lines: string[] = [];
  let one = thrown;
  for (let i = 0; i < MOST_CAUSES && one !== undefined; i++) {
    const name = one instanceof Error ? one.constructor.name : typeof one;
    const code = causeCode(one);
    lines.push(
      `${i === 0 ? '' : 'caused by '}${name}${code === name || code === 'unknown' ? '' : ` [${code}]`}`,
    );
    if (!(one instanceof Error)) break;
    lines.push(...framesOf(one).slice(0, MOST_FRAMES));
    one = one.cause;
  }
  return lines;
}

/** Behind the text of the error, which may have lines that look like frames. */
function framesOf({ stack = '', message }: Error): readonly string[] {
  const start = stack.indexOf(message) + message.length;
  return stack
    .slice(start)
    .split('\n')
    .slice(1)
    .filter((line) => /^ +at /.test(line))
    .map((line) => line.trim());
}
