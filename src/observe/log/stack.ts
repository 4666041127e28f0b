// Where an error came from, and nothing of what it says: messages of errors quote what they are about (a header, a line of
// JSON), and that may be a patient's.
import { causeCode } from '../../errors.ts';

const MOST_FRAMES = 30;
const MOST_CAUSES = 5;

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
