// nginx.conf as blocks of directives. Promises blocks for any text: what is open at its end is closed there.
import type { ImportLedger, SourceDirective } from '../ledger.ts';
import { withoutMarks } from '../spelling.ts';

export interface NginxDirective extends SourceDirective {
  readonly name: string;
  readonly args: readonly string[];
  /** Of a block; undefined: it ends with a semicolon. */
  readonly children: readonly NginxDirective[] | undefined;
}

/** No config that people write is deeper. */
const DEEPEST = 32;

interface Token {
  readonly text: string;
  readonly line: number;
  /** `;`, `{` or `}` without quotes. */
  readonly isSign: boolean;
}

export function nginxBlocks(text: string, ledger: ImportLedger): readonly NginxDirective[] {
  const root: NginxDirective[] = [];
  const open: NginxDirective[][] = [root];
  let words: Token[] = [];
  for (const token of tokensOf(withoutMarks(text))) {
    if (!token.isSign) {
      words.push(token);
      continue;
    }
    const [first, ...rest] = words;
    words = [];
    if (token.text === '}') {
      if (open.length > 1) open.pop();
      continue;
    }
    if (first === undefined) continue;
    const isBlock = token.text === '{';
    const children: NginxDirective[] = [];
    const directive: NginxDirective = {
      line: first.line,
      what: /^[a-z][a-z0-9_]{1,40}$/.test(first.text) ? first.text : 'a line',
      name: first.text,
      args: rest.map((word) => word.text),
      children: isBlock ? children : undefined,
    };
    ledger.add(directive);
    open.at(-1)?.push(directive);
    if (isBlock && open.length < DEEPEST) open.push(children);
  }
  return root;
}

function* tokensOf(text: string): Generator<Token> {
  let line = 1;
  let word: { text: string; line: number } | undefined;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    const next = text.charAt(i + 1);
    if (character === '\\' && next !== '') {
      word = {
        text: `${word?.text ?? ''}${/["'\s;{}#]/.test(next) ? '' : '\\'}${next}`,
        line: word?.line ?? line,
      };
      i += 1;
      if (next === '\n') line += 1;
    } else if ((character === '"' || character === "'") && word === undefined) {
      const end = closingQuote(text, i);
      const inside = text.slice(i + 1, end).replace(/\\(["'])/g, '$1');
      yield { text: inside, line, isSign: false };
      line += inside.split('\n').length - 1;
      i = end;
    } else if (character === '$' && next === '{' && /^\$\{\w+\}/.test(text.slice(i, i + 80))) {
      const end = text.indexOf('}', i);
      word = { text: `${word?.text ?? ''}$${text.slice(i + 2, end)}`, line: word?.line ?? line };
      i = end;
    } else if (/[\s;{}]/.test(character) || (character === '#' && word === undefined)) {
      if (word !== undefined) yield { ...word, isSign: false };
      word = undefined;
      if (/[;{}]/.test(character)) yield { text: character, line, isSign: true };
      else if (character === '#') {
        const end = text.indexOf('\n', i);
        i = (end < 0 ? text.length : end) - 1;
      } else if (character === '\n') line += 1;
    } else word = { text: `${word?.text ?? ''}${character}`, line: word?.line ?? line };
  }
  if (word !== undefined) yield { ...word, isSign: false };
}

function closingQuote(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text.charAt(i) === '\\') i += 1;
    else if (text.charAt(i) === text.charAt(start)) return i;
  }
  return text.length;
}

/** Directives of a block, behind those of the blocks around it that it takes from them: the last of a name holds. */
export class Surroundings {
  readonly #levels: readonly (readonly NginxDirective[])[];

  constructor(levels: readonly (readonly NginxDirective[])[]) {
    this.#levels = levels;
  }

  within(children: readonly NginxDirective[]): Surroundings {
    return new Surroundings([...this.#levels, children]);
  }

  /** The innermost. */
  last(name: string): NginxDirective | undefined {
    for (const level of this.#levels.toReversed()) {
      const found = level.findLast((directive) => directive.name === name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** All of the innermost block that has one. */
  all(name: string): readonly NginxDirective[] {
    for (const level of this.#levels.toReversed()) {
      const found = level.filter((directive) => directive.name === name);
      if (found.length > 0) return found;
    }
    return [];
  }
}
