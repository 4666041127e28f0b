// Regexes of a config, compiled by RE2: the same when the config is checked, on the event loop and in a parse worker.
import { RE2JS } from 're2js';

/** As plain data, which can cross to a worker. */
export interface Regex {
  readonly source: string;
  /** Of `i`, `m` and `s`. */
  readonly flags: string;
}

/** Of RE2JS, by name: no config without a regex loads it. */
const FLAGS = { i: 'CASE_INSENSITIVE', m: 'MULTILINE', s: 'DOTALL' } as const;

/** Throws RE2JSException for what RE2 does not take, RangeError for an unknown flag. */
export function compileRegex(source: string, flags: string): RE2JS {
  let bits = 0;
  for (const flag of flags) {
    if (!Object.hasOwn(FLAGS, flag)) throw new RangeError(`unknown regex flag '${flag}'`);
    bits |= RE2JS[FLAGS[flag as keyof typeof FLAGS]];
  }
  return RE2JS.compile(source, bits);
}
