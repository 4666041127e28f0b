// A difference between what a scenario expects and what came out: where it was written, for which message, both values.
import { formatProblem } from '../../../config/load.ts';
import { pathText } from '../scenario/fields.ts';
import type { Expected } from '../scenario/scenario.ts';

export interface ScenarioDifference {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `steps[2].expect.node`. */
  readonly key: string;
  /** Which message: MSH-10, or the line of a request; undefined: the scenario as a whole. */
  readonly message: string | undefined;
  readonly expected: string;
  readonly actual: string;
  /** What `--update` puts in its place; undefined: it has to be put right by hand. */
  readonly accept: Acceptance | undefined;
}

export interface Acceptance {
  readonly path: readonly (string | number)[];
  readonly value: string | number | boolean | readonly string[];
}

export function difference(
  file: string,
  expected: Expected<unknown>,
  message: string | undefined,
  texts: { readonly expected: string; readonly actual: string; readonly at?: string },
  accept?: Acceptance['value'],
): ScenarioDifference {
  const { place, path } = expected;
  return {
    file,
    line: place.line,
    column: place.column,
    key: pathText(path) + (texts.at === undefined ? '' : ` ${texts.at}`),
    message,
    expected: texts.expected,
    actual: texts.actual,
    accept: accept === undefined ? undefined : { path, value: accept },
  };
}

/** `ward.yaml:12:9: steps[0].expect.node: AN1: expected a, was b`. */
export function formatDifference({ message, expected, actual, ...where }: ScenarioDifference): string {
  const about = message === undefined ? '' : `${message}: `;
  return formatProblem({ ...where, message: `${about}expected ${expected}, was ${actual}` });
}
