// What docs/replay.md calls the kinds of values that a scenario's keys take.
import { formatOf } from '../../../src/config/keys/formats.ts';
import type { ConfigKey } from '../../../src/config/keys/key.ts';

const WORDS: Record<string, string> = { text: 'text', range: 'integer or `10-20`' };

export function kindText(key: ConfigKey): string {
  const { format, of = '', values = [] } = key;
  if (format === 'one-of') return values.map((one) => `\`${one}\``).join(', ');
  if (format === 'section') return `[${of}](#${of})`;
  if (format === 'maps') return `[${of}](#${of}) or list of such`;
  if (format === 'map') return `map of ${WORDS[of] ?? `[${of}](#${of})`}`;
  const { word } = formatOf(format);
  return typeof word === 'string' ? word : word(key);
}
