// The words of a line of haproxy.cfg: quotes, escapes, comments and variables, as chapter 2.2 of its manual has them.
// Promises words for any line: what is open at its end is closed there.
import { environmentVariable, withoutMarks } from '../spelling.ts';

const VARIABLE = /^\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?:-[^}]*)?\}|([A-Za-z_][A-Za-z0-9_]*))/;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

export function haproxyWords(line: string): string[] {
  const text = withoutMarks(line);
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (quote === "'") {
      if (character === "'") quote = '';
      else word += character;
    } else if (character === '\\') {
      const next = text.charAt(++i);
      word = (word ?? '') + (quote === '' ? (ESCAPED[next] ?? unescaped(next)) : kept(next));
    } else if (character === '"') {
      quote = quote === '' ? '"' : '';
      word ??= '';
    } else if (quote === '"') {
      const [whole, inBraces, plain] = VARIABLE.exec(text.slice(i)) ?? [];
      word += whole === undefined ? character : environmentVariable(inBraces ?? plain ?? '');
      i += (whole?.length ?? 1) - 1;
    } else if (character === "'") {
      quote = "'";
      word ??= '';
    } else if (character === '#') break;
    else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Addresses have variables without quotes as well. */
export function withVariables(address: string): string {
  return address.replace(
    /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g,
    (_whole, braced, plain) => environmentVariable(braced ?? plain),
  );
}

/** Outside quotes a backslash takes the meaning of blanks, quotes, `#` and itself; before anything else it stays, for regexes. */
function unescaped(next: string): string {
  return next === '' || /[\s"'#\\]/.test(next) ? next : `\\${next}`;
}

function kept(next: string): string {
  return /["\\$]/.test(next) ? next : `\\${next}`;
}
