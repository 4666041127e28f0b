// The formats of config values, each described once: how text becomes a value, what an error says, what the documentation calls
// it, and its JSON schema. read/convict-formats.ts makes convict know them. A new format is one entry here.
import { isIP } from 'node:net';
import {
  isFile,
  isHost,
  isText,
  isToken,
  LONGEST_TEXT,
  parseBind,
  parseListenerBind,
  parsePoolNodeUrl,
} from '../formats.ts';
import { type Bounds, type Format, isString, type Json, listFormat, ofText, unless } from './format.ts';
import {
  autoCountFormat,
  countFormat,
  durationFormat,
  durationRangeFormat,
  flagFormat,
  rangeFormat,
  rateFormat,
  shareFormat,
  sizeFormat,
} from './number-formats.ts';

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
const ANYTHING: Json = { type: ['string', 'number', 'boolean'] };
const SOMETHING: Json = { type: ['string', 'number', 'boolean'], minLength: 1 };

/** YAML reads the words of some tables as numbers. */
function wordsJson({ values = [] }: Bounds): Json {
  return { enum: values.flatMap((word) => (/^\d+$/.test(word) ? [word, Number(word)] : [word])) };
}

export const FORMATS = {
  duration: durationFormat,
  'duration-range': durationRangeFormat,
  size: sizeFormat,
  count: countFormat,
  'auto-count': autoCountFormat,
  flag: flagFormat,
  share: shareFormat,
  range: rangeFormat,
  rate: rateFormat,
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
  'any-text': { ...ofText, shape: 'scalar', refusal: () => undefined, word: 'text', json: ANYTHING },
  'any-texts': { shape: 'scalars', refusal: () => undefined, word: 'text or list of texts', json: ANYTHING },
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
  source: {
    ...ofText,
    shape: 'scalar',
    refusal: unless(
      isString((text) => isIP(text) > 0 || text === 'client'),
      'an IP address, or client',
    ),
    word: 'IP address or `client`',
    json: { type: 'string', pattern: '^([0-9A-Fa-f:.]+|client)$' },
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
    json: { type: ['string', 'boolean'], pattern: '^[A-Za-z0-9_.-]{1,253}$' },
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
  'listener-bind': {
    shape: 'scalar',
    parse: parseListenerBind,
    late: true,
    refused: { host: '127.0.0.1', port: 0 },
    refusal: unless(
      isString((text) => parseListenerBind(text) !== undefined),
      'host:port, [IPv6 address]:port, :port, any of them with first-last for the port, or %interface:port',
    ),
    word: 'address, interface, or range of ports',
    json: {
      type: 'string',
      pattern: '^(\\[[0-9A-Fa-f:.]+(%[^\\s%/\\]]{1,15})?\\]|[^:\\[\\]/@\\s]*):\\d{1,5}(-\\d{1,5})?$',
    },
  },
  'node-url': {
    shape: 'scalar',
    refusal: unless(
      isString((text) => parsePoolNodeUrl(text) !== undefined),
      'mllp://host:port, mllps://host:port, http://host:port, https://host:port, tcp://host:port or tls://host:port',
    ),
    word: 'node URL',
    json: {
      type: 'string',
      pattern: '^((mllps?|tcp|tls)://[^/?#\\s@]+/?|https?://[^/?#\\s@]+(/[!-~]*)?)$',
    },
  },
  file: { shape: 'scalar', refusal: unless(isFile, 'the path of a file'), word: 'file', json: SOMETHING },
  files: {
    shape: 'scalars',
    refusal: unless(
      (value) => Array.isArray(value) && value.length > 0 && value.every(isFile),
      'the path of a file, or a list of such',
    ),
    word: 'file or list of files',
    json: SOMETHING,
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
    json: SOMETHING,
  },
  'key-pairs': {
    shape: 'key-pairs',
    refusal: unless(Array.isArray, 'the path of a file or { p12: … }, or a list of such'),
    word: 'file, p12 or a list of such',
    json: SOMETHING,
  },
  subjects: listFormat('a list', 'subjects', { $ref: '#/$defs/stickySubject' }),
  tokens: listFormat('the name of a header, or a list of such', 'name or list of names', SOMETHING),
  texts: listFormat('a list of texts', 'list of texts', SOMETHING),
  patterns: listFormat('the path of a file, or a list of such', 'path or list of paths', SOMETHING),
  ranges: listFormat('a CIDR range, or a list of such', 'range or list of ranges', {
    type: 'string',
    pattern: '^[0-9A-Fa-f:.]+(/\\d{1,3})?$',
  }),
  fingerprints: listFormat(
    'a SHA-256 fingerprint, or a list of such',
    'fingerprint or list of fingerprints',
    {
      // Digits alone, or with one e among them, are a number in YAML.
      type: ['string', 'number'],
      pattern: '^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$',
    },
  ),
  groups: listFormat('a group, or a list of such', 'group or list of groups', { type: 'string' }),
  codings: listFormat('a content coding, or a list of such', 'coding or list of codings', { type: 'string' }),
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
