// Dates moved by days, in the precision that they have (HL7 v2.9.1 2A.2.21 DT, 2A.2.22 DTM; older: TS).
// The time of day and the zone stay. Undefined for what is no date.

const DATE = /^(\d{4})(?:(\d{2})(?:(\d{2})((?:\d{2}){0,3}(?:\.\d{1,4})?))?)?([+-]\d{4})?$/;
const DAY_MS = 86_400_000;

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
