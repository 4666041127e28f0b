// How things are spelled in a config of the gateway: names, durations, variables, text within a regex.
// Promises that what goes through here is taken by `check`, or is undefined.
import { NAME_PATTERN } from '../../config/build/name.ts';
import { durationText, LONGEST_MS } from '../../config/formats.ts';

/**
 * Marks that stand for `${` and `}` of a variable until the file is written, so that the same characters of a value can be told
 * from them. They are of Unicode's private use area, and taken out of what is read.
 */
export const MARK = { environment: '\uE000', request: '\uE001', end: '\uE002' } as const;
const MARKS = /[\uE000-\uE002]/g;

export function withoutMarks(text: string): string {
  return text.replace(MARKS, '');
}

export function environmentVariable(name: string): string {
  return `${MARK.environment}${name}${MARK.end}`;
}

/** One that is filled in for each request: `client.address`, `node` and the like. */
export function requestVariable(name: string): string {
  return `${MARK.request}${name}${MARK.end}`;
}

export function holdsVariable(text: string): boolean {
  return /[\uE000-\uE002]/.test(text);
}

/** As it stands in the file. */
export function interpolated(text: string): string {
  return text
    .replaceAll('${', '$${')
    .replace(/[\uE000\uE001]/g, '${')
    .replaceAll(MARK.end, '}');
}

/** A name that is taken and that no other has. `taken` gets it. */
export function freshName(wanted: string, names: Set<string>): string {
  const plain = withoutMarks(wanted)
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, 50);
  const base = NAME_PATTERN.test(plain) ? plain : 'unnamed';
  let name = base;
  for (let n = 2; names.has(name); n++) name = `${base}-${n}`;
  names.add(name);
  return name;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_592_000_000,
  y: 31_536_000_000,
};

/** `10s`, `1h30m`, or a number of the unit that goes without saying. Undefined: it is none. */
export function milliseconds(text: string | undefined, plain: 'ms' | 's'): number | undefined {
  if (text === undefined || !/^(\d{1,12}(us|ms|[smhdwMy])?)+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(us|ms|[smhdwMy])?/g))
    sum += Number(digits) * (UNIT_MS[unit ?? plain] ?? 0);
  return sum;
}

/** From 1 ms to the longest that there is. Undefined: it is 0, which means "never" in some files. */
export function durationOf(ms: number | undefined): string | undefined {
  if (ms === undefined || ms <= 0) return undefined;
  return durationText(Math.min(Math.max(1, Math.round(ms)), LONGEST_MS));
}

export function countOf(text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  return Math.min(Math.max(least, Number(text)), most);
}

/** Text that a regex is to match as it is. */
export function escapedForRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
