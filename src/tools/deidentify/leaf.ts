// What becomes of one value: it stays, or something stands in its place. Pure; what it needs of the message is given to it.
import type { KnownValues } from './known-values.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import type { DataKind } from './tables/datatypes.ts';

export type LeafChange = 'pseudonym' | 'moved' | 'blanked';

export interface LeafReplacement {
  readonly change: LeafChange;
  readonly text: string;
}

export interface LeafContext {
  readonly pseudonyms: Pseudonyms;
  readonly known: KnownValues;
  readonly shiftDays: number;
  /** Blanked values keep their length in bytes. */
  readonly sameLength: boolean;
}

/** Long enough for every code of the standard's tables and of LOINC, SNOMED and OIDs. */
const LONGEST_CODE = 48;
const LONGEST_LABEL = 200;
/** What people are called beside their names, in most of the world's systems. */
const TITLES =
  /^(?:JR|SR|II|III|IV|V|DR|MR|MRS|MS|MISS|PROF|REV|SIR|DAME|MD|DO|RN|NP|PA|PHD|BSN|MSN|DDS|PHARMD)\.?$/i;

/** `behind`: the value before it among its siblings, for the text of a code. Undefined: it stays. */
export function replaced(
  kind: DataKind,
  value: string,
  rawLength: number,
  behind: string,
  about: LeafContext,
): LeafReplacement | undefined {
  switch (kind) {
    case 'v':
      return undefined;
    case 'w':
    case 'a':
    case 'A':
      return pseudonym(about.pseudonyms.word(value));
    case 'i':
      return pseudonym(about.pseudonyms.id(value));
    case 't':
    case 'z':
      return pseudonym(about.pseudonyms.digits(value));
    case 'm':
      return pseudonym(`${about.pseudonyms.word(value).toLowerCase()}@example.org`);
    case 'd': {
      const moved = shiftDate(value.trim(), about.shiftDays);
      return moved === undefined ? blank(rawLength, about) : { change: 'moved', text: moved };
    }
    case 'b':
      // Base64 of three letters; or as many letters of it.
      return { change: 'blanked', text: about.sameLength ? 'A'.repeat(rawLength) : 'QUJD' };
    default:
      return isHarmless(kind, value, behind, about.known) ? undefined : blank(rawLength, about);
  }
}

function isHarmless(kind: DataKind, value: string, behind: string, known: KnownValues): boolean {
  if (/[\p{Cc}]/u.test(value) || known.hasId(value)) return false;
  if (kind !== 'u' && kind !== '@' && known.hasName(value)) return false;
  switch (kind) {
    case 'c':
      return isCode(value);
    case 's':
      return /^[A-Z]{1,3}$/.test(value);
    case 'u':
      return TITLES.test(value);
    case '@':
      return /^@[A-Z][A-Z0-9]{2}(?:\.\d{1,3}){1,4}$/.test(value);
    case 'n':
      return /^[<>=+-]{0,2}\d{0,10}(?:\.\d{0,6})?(?:[+-]\d{4})?$/.test(value);
    case 'h':
      return value.length <= LONGEST_CODE;
    case 'k':
      // Numbers, ranges, `Negative`, `mmol/L`; of two words one could be a name.
      return value.length <= LONGEST_CODE && (value.match(/\p{L}{2,}/gu)?.length ?? 0) <= 1;
    case 'L':
      return behind !== '' && isCode(behind) && value.length <= LONGEST_LABEL;
    default:
      return false;
  }
}

/** No e-mail address, and nothing written as a telephone or social security number is. */
function isCode(value: string): boolean {
  if (value.length > LONGEST_CODE || !/^[!-?A-~]+$/.test(value)) return false;
  return !/\d{3}-\d{2}-\d{4}|\d{3}\)?[-.]\d{3}[-.]\d{4}/.test(value);
}

function pseudonym(text: string): LeafReplacement {
  return { change: 'pseudonym', text };
}

/** A letter, so that a condition or a node that asks whether something is there finds something. */
function blank(rawLength: number, { sameLength }: LeafContext): LeafReplacement {
  return { change: 'blanked', text: sameLength ? 'X'.repeat(rawLength) : 'X' };
}

const DATE = /^(\d{4})(?:(\d{2})(?:(\d{2})((?:\d{2}){0,3}(?:\.\d{1,4})?))?)?([+-]\d{4})?$/;
const DAY_MS = 86_400_000;

/**
 * Moves a date by days, in the precision that it has (HL7 v2.9.1 2A.2.21 DT, 2A.2.22 DTM; older: TS). The time of day and the
 * zone stay. Undefined for what is no date.
 */
export function shiftDate(text: string, days: number): string | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, year = '', month, day, time = '', zone = ''] = match;
  // Of a year or a month, its middle: what is moved is then right as often as can be.
  const at = new Date(0);
  at.setUTCFullYear(Number(year), Number(month ?? 7) - 1, Number(day ?? (month === undefined ? 1 : 15)));
  if (month !== undefined && at.getUTCMonth() !== Number(month) - 1) return undefined;
  if (day !== undefined && at.getUTCDate() !== Number(day)) return undefined;
  const moved = new Date(at.getTime() + days * DAY_MS);
  if (moved.getUTCFullYear() < 1 || moved.getUTCFullYear() > 9999) return undefined;
  const digits = moved.toISOString().slice(0, 10).replaceAll('-', '');
  const kept = day !== undefined ? 8 : month !== undefined ? 6 : 4;
  return digits.slice(0, kept) + time + zone;
}
