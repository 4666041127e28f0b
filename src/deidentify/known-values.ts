// What a message says of who it is about: the names, identifiers and dates that are replaced where they belong. A value that
// stays by the rules does not, if one of these is in it. Promises to look at values as they read, not as they are written.

/** A name is looked for as a word; shorter ones are words and codes of their own (`AL`, `MS`). */
const SHORTEST_NAME = 3;
/** An identifier is looked for anywhere; shorter ones are numbers that say something else. */
const SHORTEST_ID = 5;
/** A message with more is about a ward's worth of patients, and searching each value for each of them takes its time. */
const MAX_VALUES = 2000;

export class KnownValues {
  readonly #names = new Set<string>();
  readonly #ids = new Set<string>();
  #pattern: RegExp | undefined;

  addName(value: string): void {
    for (const word of value.toUpperCase().split(/[^\p{L}\p{M}\p{N}]+/u))
      if (word.length >= SHORTEST_NAME && this.#names.size < MAX_VALUES) this.#names.add(word);
  }

  addId(value: string): void {
    const id = value.trim().toUpperCase();
    if (id.length >= SHORTEST_ID && /\d{3}/.test(id) && this.#ids.size < MAX_VALUES) this.#ids.add(id);
  }

  /** An identifier is in it, whatever it is. */
  hasId(value: string): boolean {
    if (value.length < SHORTEST_ID || this.#ids.size === 0) return false;
    this.#pattern ??= new RegExp([...this.#ids].map(quoted).join('|'));
    return this.#pattern.test(value.toUpperCase());
  }

  /** A name is in it, as a word of its own. */
  hasName(value: string): boolean {
    if (value.length < SHORTEST_NAME || this.#names.size === 0) return false;
    return value
      .toUpperCase()
      .split(/[^\p{L}\p{M}\p{N}]+/u)
      .some((word) => this.#names.has(word));
  }
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
