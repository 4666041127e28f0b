// The formats of config values, each described once: how text becomes a value, what an error says, what the documentation calls
// it, and its JSON schema. read/convict-formats.ts makes convict know them. A new format is one entry here.
import { isIP } from 'node:net';
import {
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
  parseRange,
  parseRate,
  parseShare,
  parseSize,
  type Range,
  sizeText,
} from '../formats.ts';

export type Json = Readonly<Record<string, unknown>>;

/** What a key says of its values besides the format. */
export interface Bounds {
  /** Of a `count` and, in bytes, a `size`. */
  readonly min?: number;
  readonly max?: number;
  /** May a duration be 0? Only where the documentation says what that means. */
  readonly zero?: true;
  /** Of a `one-of`. */
  readonly values?: readonly string[];
}

/**
 * What stands in the file: one scalar, one or a list of such, a map, a list, one map or a list of such, a map or the path of a file
 * that holds it, or files where `{ p12: … }` may stand instead.
 */
export type Shape = 'scalar' | 'scalars' | 'map' | 'list' | 'maps' | 'map-or-file' | 'key-pair' | 'key-pairs';

interface Format<Value> {
  readonly shape: Shape;
  /** Undefined: it is none. A format without it has no value of its own: who reads the section makes one of what it finds. */
  readonly parse?: (text: string) => Value | undefined;
  /** Only after convict has seen the text: it holds no objects. */
  readonly late?: true;
  /** What a refused value reads as, so that the rest can be checked. */
  readonly refused?: Value;
  /** What a value must be, in words that follow "must be"; undefined: the value is good. */
  readonly refusal: (value: unknown, bounds: Bounds) => string | undefined;
  /** In the documentation's tables. */
  readonly word: string | ((bounds: Bounds) => string);
  /** Of one scalar, or of the whole where it is no scalar. */
  readonly json: Json | ((bounds: Bounds) => Json);
}

type Test = (value: unknown, bounds: Bounds) => boolean;
type Must = string | ((bounds: Bounds) => string);

function unless(good: Test, must: Must): Format<never>['refusal'] {
  return (value, bounds) =>
    good(value, bounds) ? undefined : typeof must === 'string' ? must : must(bounds);
}

const isString = (good: (text: string) => boolean): Test => {
  return (value) => typeof value === 'string' && good(value);
};

const asText = (text: string): string => text;
const ofText = { parse: asText, refused: '' } as const;

/** What is not checked here is checked where the list is read, which knows the place of each entry. */
function list(must: string, word: string, json: Json): Format<never> {
  return { shape: 'scalars', refusal: unless(Array.isArray, must), word, json };
}

function within(value: unknown, { min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}

function durationRefusal(value: unknown, { zero }: Bounds): string | undefined {
  if (typeof value !== 'number') return 'a duration such as 500ms, 5s, 2m or 1h';
  if (value === 0 && zero !== true) return 'longer than 0';
  return value > LONGEST_MS ? 'at most 596h (the longest a timer runs)' : undefined;
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^\s@]+$/.test(text) && URL.canParse(text);
}

function choice(words: readonly string[]): string {
  const quoted = words.map((word) => `\`${word}\``);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}

/** YAML reads `5` as a number and `on` as a text; the loader takes the text as it is written. */
const ONE_LINE: Json = { type: ['string', 'number', 'boolean'], minLength: 1, maxLength: LONGEST_TEXT };
const PATH: Json = { type: 'string', minLength: 1 };
const SOMETHING: Json = { type: ['string', 'number', 'boolean'] };

function integer({ min, max }: Bounds): Json {
  return {
    anyOf: [
      {
        type: 'integer',
        ...(min !== undefined && { minimum: min }),
        ...(max !== undefined && { maximum: max }),
      },
      { type: 'string', pattern: '^(0|[1-9]\\d*)$' },
    ],
  };
}

function durationJson({ zero }: Bounds): Json {
  if (zero !== true) return { type: 'string', pattern: '^[1-9]\\d*(ms|s|m|h)$' };
  return { anyOf: [{ type: 'string', pattern: '^(0|(0|[1-9]\\d*)(ms|s|m|h))$' }, { const: 0 }] };
}

/** YAML reads the words of some tables as numbers. */
function wordsJson({ values = [] }: Bounds): Json {
  return { enum: values.flatMap((word) => (/^\d+$/.test(word) ? [word, Number(word)] : [word])) };
}

const duration: Format<number> = {
  shape: 'scalar',
  parse: parseDuration,
  refused: Number.NaN,
  refusal: durationRefusal,
  word: 'duration',
  json: durationJson,
};

const size: Format<number> = {
  shape: 'scalar',
  parse: parseSize,
  refused: Number.NaN,
  refusal: unless(
    within,
    ({ min = 0, max = Number.MAX_SAFE_INTEGER }) =>
      `a size such as 64KiB, 16MiB or 1GiB, from ${sizeText(min)} to ${sizeText(max)}`,
  ),
  word: 'size',
  json: ({ min = 0, max = Number.MAX_SAFE_INTEGER }) => ({
    anyOf: [
      { type: 'string', pattern: '^(0|[1-9]\\d*)(KiB|MiB|GiB)?$' },
      { type: 'integer', minimum: min, maximum: max },
    ],
  }),
};

const count: Format<number> = {
  shape: 'scalar',
  parse: parseCount,
  refused: Number.NaN,
  refusal: unless(within, ({ min, max }) => `an integer from ${min}${max === undefined ? '' : ` to ${max}`}`),
  word: ({ min, max }) => (max === undefined ? 'integer' : `integer ${min} to ${max}`),
  json: integer,
};

const autoCount: Format<number | 'auto'> = {
  shape: 'scalar',
  parse: (text) => (text === 'auto' ? text : parseCount(text)),
  refused: 'auto',
  refusal: unless(
    (value, bounds) => value === 'auto' || within(value, bounds),
    ({ min, max }) => `auto or an integer from ${min} to ${max}`,
  ),
  word: ({ min, max }) => `\`auto\` or integer ${min} to ${max}`,
  json: (bounds) => ({ anyOf: [{ const: 'auto' }, integer(bounds)] }),
};

const flag: Format<boolean> = {
  shape: 'scalar',
  parse: parseFlag,
  refused: false,
  refusal: unless((value) => typeof value === 'boolean', 'true or false'),
  word: 'boolean',
  json: { enum: [true, false, 'true', 'false'] },
};

const share: Format<number> = {
  shape: 'scalar',
  parse: parseShare,
  refused: Number.NaN,
  refusal: unless((value) => typeof value === 'number', 'a number from 0 to 1'),
  word: 'number 0 to 1',
  json: {
    anyOf: [
      { type: 'number', minimum: 0, maximum: 1 },
      { type: 'string', pattern: '^(0(\\.\\d+)?|1(\\.0+)?)$' },
    ],
  },
};

const range: Format<Range> = {
  shape: 'scalar',
  parse: parseRange,
  late: true,
  refused: { from: 0, to: 0 },
  refusal: unless(
    isString((text) => parseRange(text) !== undefined),
    'a number, or two such as 10-20',
  ),
  word: 'integer or `10-20`',
  json: {
    anyOf: [
      { type: 'integer', minimum: 0 },
      { type: 'string', pattern: '^\\d+(-\\d+)?$' },
    ],
  },
};

const rate: Format<number> = {
  shape: 'scalar',
  parse: parseRate,
  refused: Number.NaN,
  refusal: unless((value) => typeof value === 'number', 'a rate such as 200/s or 30/m'),
  word: 'rate',
  json: { type: 'string', pattern: '^[1-9]\\d*/(s|m|h)$' },
};

export const FORMATS = {
  duration,
  size,
  count,
  'auto-count': autoCount,
  flag,
  share,
  'one-of': {
    ...ofText,
    shape: 'scalar',
    refusal: unless(
      (value, { values = [] }) => values.includes(String(value)),
      ({ values = [] }) => `one of ${values.join(', ')}`,
    ),
    word: ({ values = [] }: Bounds) => choice(values),
    json: wordsJson,
  },
  text: {
    ...ofText,
    shape: 'scalar',
    refusal: unless(isText, `one line of 1 to ${LONGEST_TEXT} characters`),
    word: 'text',
    json: ONE_LINE,
  },
  'any-text': { ...ofText, shape: 'scalar', refusal: () => undefined, word: 'text', json: SOMETHING },
  'any-texts': { shape: 'scalars', refusal: () => undefined, word: 'text or list of texts', json: SOMETHING },
  range,
  rate,
  ip: {
    ...ofText,
    shape: 'scalar',
    refusal: unless(
      isString((text) => isIP(text) > 0),
      'an IP address',
    ),
    word: 'IP address',
    json: { type: 'string', pattern: '^[0-9A-Fa-f:.]+$' },
  },
  token: {
    ...ofText,
    shape: 'scalar',
    refusal: unless(isToken, `a name of letters, digits and !#$%&'*+-.^_\`|~`),
    word: 'name',
    json: SOMETHING,
  },
  host: {
    ...ofText,
    shape: 'scalar',
    refusal: unless(isString(isHost), 'a host name'),
    word: 'host name',
    json: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,253}$' },
  },
  'http-url': {
    ...ofText,
    shape: 'scalar',
    refusal: unless(isString(isHttpUrl), 'an http:// or https:// URL without a password'),
    word: 'URL',
    json: { type: 'string', pattern: '^https?://[^\\s@]+$' },
  },
  bind: {
    shape: 'scalar',
    parse: parseBind,
    late: true,
    refused: { host: '127.0.0.1', port: 0 },
    refusal: unless(
      isString((text) => parseBind(text) !== undefined),
      'host:port, [IPv6 address]:port or :port',
    ),
    word: 'address',
    json: { type: 'string', pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[^:\\[\\]/@\\s]*):\\d{1,5}$' },
  },
  'node-url': {
    shape: 'scalar',
    refusal: unless(
      isString((text) => parseNodeUrl(text) !== undefined),
      'mllp://host:port, mllps://host:port, http://host:port or https://host:port',
    ),
    word: 'node URL',
    json: {
      type: 'string',
      pattern: '^(mllps?://[^/?#\\s@]+:\\d{1,5}/?|https?://[^/?#\\s@]+(/[!-~]*)?)$',
    },
  },
  file: { shape: 'scalar', refusal: unless(isFile, 'the path of a file'), word: 'file', json: PATH },
  files: {
    shape: 'scalars',
    refusal: unless(
      (value) => Array.isArray(value) && value.length > 0 && value.every(isFile),
      'the path of a file, or a list of such',
    ),
    word: 'file or list of files',
    json: PATH,
  },
  // What stands in these is read in a second pass, see read/section.ts; convict only sees that something is there.
  map: {
    shape: 'map',
    refusal: unless((value) => typeof value === 'object', 'a map'),
    word: 'map',
    json: {},
  },
  list: { shape: 'list', refusal: unless(Array.isArray, 'a list'), word: 'list', json: {} },
  maps: { shape: 'maps', refusal: () => undefined, word: 'map or list of maps', json: {} },
  section: { shape: 'map', refusal: () => undefined, word: 'map', json: {} },
  'map-or-file': { shape: 'map-or-file', refusal: () => undefined, word: 'map or file', json: {} },
  'key-pair': {
    shape: 'key-pair',
    refusal: unless(Array.isArray, 'the path of a file or { p12: … }'),
    word: 'file or p12',
    json: PATH,
  },
  'key-pairs': {
    shape: 'key-pairs',
    refusal: unless(Array.isArray, 'the path of a file or { p12: … }, or a list of such'),
    word: 'file, p12 or a list of such',
    json: PATH,
  },
  subjects: list('a list', 'subjects', { $ref: '#/$defs/stickySubject' }),
  tokens: list('the name of a header, or a list of such', 'name or list of names', SOMETHING),
  texts: list('a list of texts', 'list of texts', SOMETHING),
  ranges: list('a CIDR range, or a list of such', 'range or list of ranges', {
    type: 'string',
    pattern: '^[0-9A-Fa-f:.]+(/\\d{1,3})?$',
  }),
  fingerprints: list('a SHA-256 fingerprint, or a list of such', 'fingerprint or list of fingerprints', {
    type: 'string',
    pattern: '^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$',
  }),
  groups: list('a group, or a list of such', 'group or list of groups', { type: 'string' }),
  codings: list('a content coding, or a list of such', 'coding or list of codings', { type: 'string' }),
} satisfies Record<string, Format<unknown>>;

export type FormatName = keyof typeof FORMATS;

export function formatOf(name: FormatName): Format<unknown> {
  return FORMATS[name];
}

type Parsed<Format> = Format extends { readonly parse?: (text: string) => infer Value }
  ? NonNullable<Value>
  : never;

/** The value of each format that has one. */
export type FormatValues = {
  readonly [Name in FormatName as [Parsed<(typeof FORMATS)[Name]>] extends [never] ? never : Name]: Parsed<
    (typeof FORMATS)[Name]
  >;
};
