// The formats of what is counted, measured or switched: durations, sizes, integers, shares, rates, flags.
import {
  type DurationRange,
  LONGEST_MS,
  parseCount,
  parseDuration,
  parseDurationRange,
  parseFlag,
  parseRange,
  parseRate,
  parseShare,
  parseSize,
  type Range,
  sizeText,
} from '../formats.ts';
import { type Bounds, type Format, isString, type Json, unless } from './format.ts';

function within(value: unknown, { min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}

function durationRefusal(value: unknown, { zero }: Bounds): string | undefined {
  if (typeof value !== 'number') return 'a duration such as 500ms, 5s, 2m or 1h';
  if (value === 0 && zero !== true) return 'longer than 0';
  return value > LONGEST_MS ? 'at most 596h (the longest a timer runs)' : undefined;
}

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
  if (zero !== true) return { type: 'string', pattern: '^[1-9]\\d*(ms|s|m|h|d)$' };
  return { anyOf: [{ type: 'string', pattern: '^(0|(0|[1-9]\\d*)(ms|s|m|h|d))$' }, { const: 0 }] };
}

export const durationFormat: Format<number> = {
  shape: 'scalar',
  parse: parseDuration,
  refused: Number.NaN,
  refusal: durationRefusal,
  word: 'duration',
  json: durationJson,
};

export const durationRangeFormat: Format<DurationRange> = {
  shape: 'scalar',
  parse: parseDurationRange,
  late: true,
  refused: { minMs: 1000, maxMs: 1000 },
  refusal: unless(
    isString((text) => parseDurationRange(text) !== undefined),
    'two durations such as 1s..1m, the shorter first',
  ),
  word: 'durations',
  json: { type: 'string', pattern: '^[1-9]\\d*(ms|s|m|h|d)(\\.\\.[1-9]\\d*(ms|s|m|h|d))?$' },
};

export const sizeFormat: Format<number> = {
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

export const countFormat: Format<number> = {
  shape: 'scalar',
  parse: parseCount,
  refused: Number.NaN,
  refusal: unless(within, ({ min, max }) => `an integer from ${min}${max === undefined ? '' : ` to ${max}`}`),
  word: ({ min, max }) => (max === undefined ? 'integer' : `integer ${min} to ${max}`),
  json: integer,
};

export const autoCountFormat: Format<number | 'auto'> = {
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

export const flagFormat: Format<boolean> = {
  shape: 'scalar',
  parse: parseFlag,
  refused: false,
  refusal: unless((value) => typeof value === 'boolean', 'true or false'),
  word: 'boolean',
  json: { enum: [true, false, 'true', 'false'] },
};

export const shareFormat: Format<number> = {
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

export const rangeFormat: Format<Range> = {
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

export const rateFormat: Format<number> = {
  shape: 'scalar',
  parse: parseRate,
  refused: Number.NaN,
  refusal: unless((value) => typeof value === 'number', 'a rate such as 200/s or 30/m'),
  word: 'rate',
  json: { type: 'string', pattern: '^[1-9]\\d*/(s|m|h)$' },
};
