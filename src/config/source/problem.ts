// What is wrong with a config, and where. All problems of one config are collected and thrown at once.
// Promises that no text of a problem holds a control character, so that a config cannot write to the terminal.
import { GatewayError } from '../../errors.ts';

export interface SourcePlace {
  /** From 1; 0 where the problem is the file as a whole. */
  readonly line: number;
  readonly column: number;
  /** An included file, as it is named in problems; undefined: the config file itself. */
  readonly file?: string;
  /** In `defaults`, from where it stands in several entries: what is wrong with it is said once. */
  readonly isInherited?: true;
}

export interface Problem {
  readonly line: number;
  readonly column: number;
  /** As the caller named it. */
  readonly file: string;
  /** `pools.adt.nodes.a.weight`, `routes[0].to`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
}

/** Control, format and line-separating characters as `\u{…}`: they would move the cursor or hide text. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** A value within a sentence: quoted, printable, and cut where it would no longer fit on a terminal's line. */
export function quoted(text: string): string {
  const LONGEST = 60;
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return `"${printable(shown)}"`;
}

/** What may have been meant, or where to look: the end of a message that says so. */
export function hintIn({ message }: Problem): string | undefined {
  const [, meant, aside] =
    /(?:; (did you mean [^;]+\?|there are [^;]+)| \(((?:relative|within|a value)[^()]+)\))$/.exec(message) ??
    [];
  return meant ?? aside;
}

/** `gateway.yaml:12:5: pools.adt.nodes.a.weight: must be an integer from 0 to 256, not "12x"`. */
export function formatProblem({ file, line, column, key, message }: Problem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return key === '' ? `${place}: ${message}` : `${place}: ${key}: ${message}`;
}

/** GW_ERR_CONFIG with everything that is wrong, in the order of the file. */
export class ConfigError extends GatewayError {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];

  constructor(problems: readonly Problem[], warnings: readonly Problem[]) {
    const [first] = problems;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    super('GW_ERR_CONFIG', first === undefined ? {} : { detail: `${formatProblem(first)}${more}` });
    this.problems = problems;
    this.warnings = warnings;
  }
}

/** A password's hash without quotes is torn at its commas, and what stands behind the last one reads as a key. */
function withoutHash(key: string): string {
  return key.replace(/\$[A-Za-z0-9+/]{16,}(\$.*)?$/s, '$…');
}

/** Collects, so that one run names everything. */
export class Problems {
  readonly #file: string;
  readonly #errors: Problem[] = [];
  readonly #warnings: Problem[] = [];

  /** `file`: as it is named in problems. */
  constructor(file: string) {
    this.#file = file;
  }

  get file(): string {
    return this.#file;
  }

  error(place: SourcePlace, key: string, message: string): void {
    this.#add(this.#errors, place, key, message);
  }

  warn(place: SourcePlace, key: string, message: string): void {
    this.#add(this.#warnings, place, key, message);
  }

  /** Errors so far. */
  get count(): number {
    return this.#errors.length;
  }

  get warnings(): readonly Problem[] {
    return this.#sorted(this.#warnings);
  }

  throwIfAny(): void {
    if (this.#errors.length > 0) throw new ConfigError(this.#sorted(this.#errors), this.warnings);
  }

  #add(
    to: Problem[],
    { file = this.#file, line, column, isInherited }: SourcePlace,
    key: string,
    message: string,
  ): void {
    const isSame = (one: Problem): boolean =>
      one.line === line && one.column === column && one.file === file && one.message === message;
    if (isInherited && to.some(isSame)) return;
    to.push({ file, line, column, key: printable(withoutHash(key)), message });
  }

  /** The config file first, then those that it includes, which it takes in the order of their names. */
  #sorted(problems: readonly Problem[]): Problem[] {
    const nameOf = ({ file }: Problem): string => (file === this.#file ? '' : file);
    return problems.toSorted(
      (a, b) =>
        (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0) ||
        a.line - b.line ||
        a.column - b.column,
    );
  }
}
