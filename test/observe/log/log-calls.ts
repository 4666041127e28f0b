// Every call of the log in the source: its message and the fields that it names, read off the text of the program.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { productFiles, ROOT } from '../../helpers/product-files.ts';

const CALL = /\b(?:log|logger|#log)(?:\.(?:trace|debug|info|warn|error|fatal)|\[[^\]]+\])\(/g;

export interface LogCall {
  readonly file: string;
  /** `varies`: it is chosen by a value. */
  readonly level: string;
  /** With `…` for a value; two where one of them is chosen; none where it is no literal. */
  readonly messages: readonly string[];
  readonly fields: readonly string[];
}

export function logCalls(): readonly LogCall[] {
  return productFiles().flatMap(callsIn);
}

function callsIn(file: string): readonly LogCall[] {
  const text = readFileSync(join(ROOT, file), 'utf8').replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
  return [...text.matchAll(CALL)].map((match) => {
    const parts = splitTop(text, match.index + match[0].length);
    const [first = '', last = first] = [parts[0]?.trim(), parts.at(-1)?.trim()];
    const literals = /^['`]/.test(last)
      ? [last]
      : (/\?\s+('[^']*')\s+:\s+('[^']*')$/.exec(last)?.slice(1) ?? []);
    return {
      file,
      level: /\.(trace|debug|info|warn|error|fatal)\($/.exec(match[0])?.[1] ?? 'varies',
      messages: literals.map((literal) => literal.slice(1, -1).replace(/\$\{[^}]*\}/g, '…')),
      fields: first.startsWith('{') ? keysOf(first) : [],
    };
  });
}

/** Arguments from here to the closing bracket, split at commas of their own level. */
function splitTop(text: string, from: number): string[] {
  const parts: string[] = [''];
  let depth = 0;
  let quote = '';
  for (let i = from; i < text.length; i++) {
    const char = text.charAt(i);
    if (quote !== '') {
      if (char === quote && text.charAt(i - 1) !== '\\') quote = '';
    } else if (`'"\``.includes(char)) quote = char;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) {
      if (depth === 0) break;
      depth--;
    } else if (char === ',' && depth === 0) {
      parts.push('');
      continue;
    }
    parts[parts.length - 1] += char;
  }
  return parts.filter((part) => part.trim() !== '');
}

function keysOf(object: string): readonly string[] {
  return splitTop(object, 1).flatMap(
    (entry) => /^\s*(?:'([^']+)'|(\w+))\s*(?::|$)/.exec(entry)?.slice(1).filter(Boolean) ?? [],
  );
}
