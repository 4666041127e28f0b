// What docs/logging.md says: it is the catalogue of log lines, their limits and their fields.
import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../../docs/logging.md', import.meta.url), 'utf8');

/** Of one section, from its heading to the next one of its rank. */
function sectionOf(title: string): string {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`));
  if (section === undefined) throw new Error(`docs/logging.md has no section ${title}`);
  return section;
}

/** The first column of the tables of a section, and the second. */
function rowsIn(title: string): ReadonlyMap<string, string> {
  const rows = [...sectionOf(title).matchAll(/^\| `(.+?)` \| (.+) \|$/gm)];
  return new Map(rows.map(([, name = '', text = '']) => [name, text]));
}

/** By message: what it says, for people. `…` stands for what differs. */
export const LOG_LINES = rowsIn('Lines');

/** By name. */
export const LOG_FIELDS = rowsIn('Fields');

/** How often a line that tells of trouble may come. */
export const LOG_LIMITS = [...sectionOf('Limits').matchAll(/^\| ([^`|]+) \| (`.+`) \|$/gm)].map(
  ([, limit = '', lines = '']) => ({ limit, lines: lines.slice(1, -1).split('`, `') }),
);
