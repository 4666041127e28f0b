// Which of the last messages are asked for, and in what order they are told.
import type { MessageQuery, MessageReport } from '../control.ts';

/** By what is shown, so that nothing can be found by what is not. */
export function matches(report: MessageReport, { before, filters }: MessageQuery): boolean {
  if (before !== undefined && !isBefore(report, before)) return false;
  return Object.entries(filters).every(([key, wanted]) => {
    switch (key) {
      case 'controlId':
      case 'sender':
      case 'type':
        return report[key]?.toLowerCase().includes(wanted.toLowerCase()) === true;
      case 'node':
        return report.attempts.some(({ node }) => node === wanted);
      case 'code':
        return report.code === wanted || report.reply === wanted;
      case 'listener':
      case 'source':
      case 'route':
      case 'pool':
      case 'outcome':
        return report[key] === wanted;
      default:
        return false;
    }
  });
}

/** The newest first; messages of one millisecond by their number, and those of several processes by that text. */
export function newestFirst(one: MessageReport, other: MessageReport): number {
  if (one.endedAt !== other.endedAt) return one.endedAt < other.endedAt ? 1 : -1;
  return other.id.localeCompare(one.id, 'en', { numeric: true });
}

/** Where the next page begins: behind this one. */
export function cursorOf({ endedAt, id }: MessageReport): string {
  return `${endedAt}_${id}`;
}

function isBefore(report: MessageReport, cursor: string): boolean {
  const [endedAt = '', id = ''] = cursor.split('_');
  return newestFirst({ ...report, endedAt, id }, report) < 0;
}
