// The formats of config values as convict knows them: what a value must be, in the words of an error.
// Registered with convict once, on import. Promises one line for each value that is refused.
import convict from 'convict';
import {
  type FormatName,
  type Item,
  isFile,
  isHost,
  isText,
  isToken,
  LONGEST_MS,
  LONGEST_TEXT,
  parseBind,
  parseCount,
  parseDuration,
  parseFlag,
  parseNodeUrl,
  parseShare,
  parseSize,
  sizeText,
} from './formats.ts';

interface Format {
  /** What a value must be, in words that follow "must be"; undefined: the value is good. */
  readonly refusal: (value: unknown, item: Item) => string | undefined;
  readonly parse?: (text: string) => unknown;
}

function format(good: (value: unknown, item: Item) => boolean, must: (item: Item) => string): Format {
  return { refusal: (value, item) => (good(value, item) ? undefined : must(item)) };
}

function isHttpUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !/^https?:\/\/[^\s@]+$/.test(value)) return false;
  return URL.canParse(value);
}

function within(value: unknown, { min = 0, max = Number.MAX_SAFE_INTEGER }: Item): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}

const FORMATS: Record<FormatName, Format> = {
  duration: { parse: parseDuration, refusal: durationRefusal },
  size: {
    parse: parseSize,
    ...format(within, ({ min = 0, max = Number.MAX_SAFE_INTEGER }) => {
      return `a size such as 64KiB, 16MiB or 1GiB, from ${sizeText(min)} to ${sizeText(max)}`;
    }),
  },
  count: { parse: parseCount, ...format(within, ({ min, max }) => `an integer from ${min} to ${max}`) },
  'auto-count': {
    parse: parseCount,
    ...format(
      (value, item) => value === 'auto' || within(value, item),
      ({ min, max }) => `auto or an integer from ${min} to ${max}`,
    ),
  },
  flag: {
    parse: parseFlag,
    ...format(
      (value) => typeof value === 'boolean',
      () => 'true or false',
    ),
  },
  share: {
    parse: parseShare,
    ...format(
      (value) => typeof value === 'number',
      () => 'a number from 0 to 1',
    ),
  },
  bind: format(
    (value) => typeof value === 'string' && parseBind(value) !== undefined,
    () => 'host:port, [IPv6 address]:port or :port',
  ),
  'node-url': format(
    (value) => typeof value === 'string' && parseNodeUrl(value) !== undefined,
    () => 'mllp://host:port, mllps://host:port, http://host:port or https://host:port',
  ),
  'http-url': format(isHttpUrl, () => 'an http:// or https:// URL without a password'),
  host: format(
    (value) => typeof value === 'string' && isHost(value),
    () => 'a host name',
  ),
  'one-of': format(
    (value, { values = [] }) => values.includes(String(value)),
    ({ values = [] }) => `one of ${values.join(', ')}`,
  ),
  file: format(isFile, () => 'the path of a file'),
  files: format(
    (value) => Array.isArray(value) && value.length > 0 && value.every(isFile),
    () => 'the path of a file, or a list of such',
  ),
  text: format(isText, () => `one line of 1 to ${LONGEST_TEXT} characters`),
  // What stands in these is read in a second pass, see section.ts; convict only sees that something is there.
  map: format(
    (value) => typeof value === 'object',
    () => 'a map',
  ),
  list: format(Array.isArray, () => 'a list'),
  'key-pair': format(Array.isArray, () => 'the path of a file or { p12: … }'),
  'key-pairs': format(Array.isArray, () => 'the path of a file or { p12: … }, or a list of such'),
  token: format(isToken, () => `a name of letters, digits and !#$%&'*+-.^_\`|~`),
  // Each of these is checked where the list is read, which knows the place of each entry.
  subjects: format(Array.isArray, () => 'a list'),
  tokens: format(Array.isArray, () => 'the name of a header, or a list of such'),
  texts: format(Array.isArray, () => 'a list of texts'),
  ranges: format(Array.isArray, () => 'a CIDR range, or a list of such'),
  fingerprints: format(Array.isArray, () => 'a SHA-256 fingerprint, or a list of such'),
  codings: format(Array.isArray, () => 'a content coding, or a list of such'),
  groups: format(Array.isArray, () => 'a group, or a list of such'),
};

function durationRefusal(value: unknown, { zero }: Item): string | undefined {
  if (typeof value !== 'number') return 'a duration such as 500ms, 5s, 2m or 1h';
  if (value === 0 && zero !== true) return 'longer than 0';
  return value > LONGEST_MS ? 'at most 596h (the longest a timer runs)' : undefined;
}

for (const [name, { refusal, parse }] of Object.entries(FORMATS)) {
  convict.addFormat({
    name,
    validate(value: unknown, item: unknown) {
      if (value === null) throw new Error('is required');
      const must = refusal(value, item as Item);
      if (must !== undefined) throw new Error(`must be ${must}`);
    },
    // What does not parse stays text: an error thrown here would end the pass, and the rest of the problems be lost.
    ...(parse === undefined ? {} : { coerce: (value: string) => parse(value) ?? value }),
  });
}
