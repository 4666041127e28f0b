// Numbers and times as people read them. Pure: what is now is given. Promises that whatever it cannot read is a dash.

const DASH = '–';

/** 1234567 → 1,234,567 */
export function count(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? DASH : Math.round(value).toLocaleString('en');
}

/** A value per second: 0, 0.4, 12.3, 1,240 */
export function rate(perSecond: number | undefined): string {
  if (perSecond === undefined || !Number.isFinite(perSecond)) return DASH;
  if (perSecond === 0) return '0';
  if (perSecond >= 100) return count(perSecond);
  return perSecond < 0.1 ? '< 0.1' : String(Math.round(perSecond * 10) / 10);
}

/** 0.4 ms, 12 ms, 1.3 s, 2 min 5 s */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return DASH;
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${Math.round(ms / 100) / 10} s`;
  return span(ms);
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** The two largest units: 3 d 4 h, 5 min 2 s, 12 s */
export function span(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return DASH;
  let left = Math.max(0, Math.round(ms / 1000));
  const first = UNITS.findIndex(([, seconds]) => left >= seconds);
  if (first < 0) return '0 s';
  const parts: string[] = [];
  for (const [unit, seconds] of UNITS.slice(first, first + 2)) {
    const many = Math.floor(left / seconds);
    left -= many * seconds;
    if (many > 0) parts.push(`${many} ${unit}`);
  }
  return parts.join(' ');
}

/** How long ago: 3 min ago, just now */
export function ago(time: string | undefined, nowMs: number): string {
  const at = Date.parse(time ?? '');
  if (Number.isNaN(at)) return DASH;
  const past = nowMs - at;
  return past < 1000 ? 'just now' : `${coarse(past)} ago`;
}

/** One unit: 3 min */
export function coarse(ms: number): string {
  return span(ms).split(' ').slice(0, 2).join(' ');
}

/** 14:03:21, in the time of whoever looks. */
export function clock(time: string | number | undefined): string {
  const at = typeof time === 'number' ? time : Date.parse(time ?? '');
  if (Number.isNaN(at)) return DASH;
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

/** The day before the clock where it is not today's. */
export function moment(time: string | undefined, nowMs: number): string {
  const at = Date.parse(time ?? '');
  if (Number.isNaN(at)) return DASH;
  const isToday = new Date(at).toDateString() === new Date(nowMs).toDateString();
  return isToday ? clock(at) : `${dayOf(at)} ${clock(at)}`;
}

/** 2026-03-01, in the time of whoever looks. */
export function day(time: string | undefined): string {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? DASH : dayOf(at);
}

function dayOf(at: number): string {
  const date = new Date(at);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, '0'))
    .join('-');
}

/** 812 B, 1.4 KiB, 64 MiB */
export function bytes(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return DASH;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let left = value;
  let unit = 0;
  for (; left >= 1024 && unit < units.length - 1; unit++) left /= 1024;
  return `${left >= 10 || unit === 0 ? Math.round(left) : Math.round(left * 10) / 10} ${units[unit]}`;
}

/** 1 node, 2 nodes */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
