// Names of listeners, pools and nodes.
import type { Entry, ReadContext } from '../source/value.ts';

/** They go into URLs of the admin API, metrics and logs as they are. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Reports a name that is none, and goes on with it. */
export function checkName({ key: name, place }: Entry, key: string, { problems }: ReadContext): void {
  if (NAME_PATTERN.test(name)) return;
  problems.error(
    place,
    key,
    'a name has 1 to 63 letters, digits, ".", "_" and "-", and starts with a letter or digit',
  );
}
