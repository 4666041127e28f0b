// What of the gateway the days have reached: error codes in its log, and what became of messages. Promises: counts lines, judges nothing.
import { ERRORS } from '../../src/errors.ts';

export class Coverage {
  readonly #counts = new Map<string, number>();

  add(lines: readonly { readonly text: string }[]): void {
    for (const { text } of lines) {
      for (const [code] of text.matchAll(/GW_ERR_[A-Z0-9_]+/g)) this.#count(code);
      const outcome = /"outcome":"([a-z-]+)"/.exec(text)?.[1];
      if (outcome !== undefined) this.#count(`outcome ${outcome}`);
      else this.#count(`“${/"msg":"([^"]*)"/.exec(text)?.[1]}”`);
    }
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** Codes, outcomes and log lines, with how often each was there. */
  get reached(): readonly (readonly [what: string, count: number])[] {
    return [...this.#counts].sort(([one], [other]) => (one < other ? -1 : 1));
  }

  /** Error codes that no day had. */
  get missed(): readonly string[] {
    return Object.keys(ERRORS).filter((code) => !this.#counts.has(code));
  }
}
