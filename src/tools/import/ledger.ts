// What became of each directive of a file that is imported. Promises that every directive has one fate in the end, and that a
// reason stands where it belongs: at the listener, pool or route that it is about, or at the head of the result.
import { printable } from '../../config/source/problem.ts';
import type { Block } from './draft.ts';

/** One directive of the file that is imported. */
export interface SourceDirective {
  readonly line: number;
  /** Its first words, as far as they are no value: values may be secrets. */
  readonly what: string;
}

/**
 * - `translated`: it stands in the result.
 * - `inherent`: it needs nothing there, as the gateway does so by itself, or it is of the process.
 * - `left`: what it did, or a part of it, is not in the result.
 */
export type Fate = 'translated' | 'inherent' | 'left';

interface Record {
  fate: Fate;
  readonly reasons: Set<string>;
}

export interface LeftOver {
  readonly line: number;
  readonly what: string;
  readonly reason: string;
}

const ORDER: readonly Fate[] = ['inherent', 'translated', 'left'];

export class ImportLedger {
  readonly #records = new Map<SourceDirective, Record>();
  readonly #file: string;
  readonly #head: string[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** Of what has no block of its own. */
  get head(): readonly string[] {
    return this.#head;
  }

  /** Until more is said of it, nothing knows it. */
  add(directive: SourceDirective): void {
    if (!this.#records.has(directive))
      this.#records.set(directive, { fate: 'inherent', reasons: new Set(['']) });
  }

  translated(directive: SourceDirective): void {
    this.#raise(directive, 'translated');
  }

  inherent(directive: SourceDirective): void {
    this.#raise(directive, 'inherent');
  }

  left(directive: SourceDirective, reason: string, block?: Block): void {
    this.#raise(directive, 'left').reasons.add(reason);
    this.#comment(directive, `not translated: ${reason}`, block);
  }

  /** It is translated, and something is different from then on. */
  noted(directive: SourceDirective, difference: string, block?: Block): void {
    this.#raise(directive, 'translated');
    this.#comment(directive, difference, block);
  }

  /** Nothing has been said of it. */
  isOpen(directive: SourceDirective): boolean {
    return this.#records.get(directive)?.reasons.has('') === true;
  }

  /** Of a block that is not in the result: what was said at it is said at the head. */
  moveToHead({ comments }: Block): void {
    for (const text of comments.splice(0)) if (!this.#head.includes(text)) this.#head.push(text);
  }

  /** What nothing has been said of is left. */
  close(): void {
    for (const [directive, { reasons }] of this.#records)
      if (reasons.has('')) this.left(directive, 'this command does not know it');
  }

  counts(): Readonly<{ [Name in Fate]: number }> {
    const counts = { translated: 0, inherent: 0, left: 0 };
    for (const { fate } of this.#records.values()) counts[fate] += 1;
    return counts;
  }

  leftOvers(): readonly LeftOver[] {
    const all = [...this.#records].flatMap(([{ line, what }, { fate, reasons }]) =>
      fate === 'left' ? [...reasons].map((reason) => ({ line, what, reason })) : [],
    );
    return all.sort((one, other) => one.line - other.line);
  }

  #raise(directive: SourceDirective, fate: Fate): Record {
    const record = this.#records.get(directive) ?? { fate, reasons: new Set<string>() };
    record.reasons.delete('');
    if (ORDER.indexOf(fate) > ORDER.indexOf(record.fate)) record.fate = fate;
    this.#records.set(directive, record);
    return record;
  }

  #comment({ line, what }: SourceDirective, text: string, block: Block | undefined): void {
    const comment = printable(`${this.#file}:${line}: ${what}: ${text}`);
    const comments = block === undefined ? this.#head : block.comments;
    if (!comments.includes(comment)) comments.push(comment);
  }
}
