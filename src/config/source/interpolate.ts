// Variables in a value: `${NAME}`, `${NAME:-default}`, and `$${` for the characters `${` themselves.
// Promises to say whether the text holds anything of the environment, so that no error repeats it.
import type { Environment } from '../../observe/traces/environment.ts';
import { suggestion } from './closest.ts';

export type { Environment };

export interface Interpolated {
  readonly text: string;
  /** Holds something of the environment. */
  readonly outside: boolean;
  readonly errors: readonly string[];
}

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * As in a shell, a variable that is set but empty takes the default as well. `later` are variables that are filled in for
 * each request: they stay as they are, also where the environment has one of that name.
 */
export function interpolate(text: string, env: Environment, later: readonly string[] = []): Interpolated {
  const errors: string[] = [];
  let outside = false;
  const known = later.map((name) => `\${${name}}`).join(', ');
  const replaced = text.replace(
    REFERENCE,
    (whole: string, inside: string | undefined, end: string | undefined) => {
      if (inside === undefined) {
        if (known !== '') errors.push('"${" itself cannot stand here, as each request fills in variables');
        return '${';
      }
      if (end === '}' && later.includes(inside)) return whole;
      const match = end === '}' ? NAME.exec(inside) : null;
      if (match === null) {
        errors.push(
          known === ''
            ? '"${" must begin ${NAME} or ${NAME:-default}; write "$${" for the characters themselves'
            : `the variables here are ${known}, and those of the environment${suggestion(inside, later)}`,
        );
        return whole;
      }
      const [, name = '', fallback] = match;
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (value !== undefined && (value !== '' || fallback === undefined)) {
        outside = true;
        return value;
      }
      if (fallback !== undefined) return fallback;
      const hint = suggestion(name, later);
      errors.push(`the environment variable ${name} is not set (\${${name}:-…} would give a default)${hint}`);
      return whole;
    },
  );
  return { text: replaced, outside, errors };
}
