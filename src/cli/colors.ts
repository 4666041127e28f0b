// Colours of what people look at. Promises none in a pipe, none where NO_COLOR or a dumb terminal asks for none, and that
// nothing is said by colour alone.

/** What a colour stands for. */
export type Tone = 'good' | 'warning' | 'bad';
export type Paint = (tone: Tone | undefined, text: string) => string;

/** ECMA-48 SGR: green, yellow, red. */
const CODES: Readonly<Record<Tone, number>> = { good: 32, warning: 33, bad: 31 };

export const plainPaint: Paint = (_, text) => text;

const coloured: Paint = (tone, text) =>
  tone === undefined || text.trim() === '' ? text : `\x1b[${CODES[tone]}m${text}\x1b[39m`;

/**
 * https://no-color.org: whatever NO_COLOR is, if it is not empty; FORCE_COLOR as Node.js reads it, where 0 and false mean no.
 * NO_COLOR goes first, as in the help.
 */
export function paintOn(
  stream: { readonly isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const { NO_COLOR = '', FORCE_COLOR, TERM } = env;
  if (NO_COLOR !== '' || FORCE_COLOR === '0' || FORCE_COLOR === 'false') return plainPaint;
  if (FORCE_COLOR !== undefined) return coloured;
  return stream.isTTY === true && TERM !== 'dumb' ? coloured : plainPaint;
}
