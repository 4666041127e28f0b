// A draft as the text of gateway.yaml, with its comments. Promises YAML whatever the values hold: what could be read in two ways
// stands in double quotes, as in JSON.
import type { Block, ConfigDraft, DraftMap, DraftValue } from './draft.ts';
import { interpolated } from './spelling.ts';

/** Of a line; maps that fit stand in one. */
const WIDTH = 110;
/** What YAML reads as something other than text (1.1 readers, too). */
const WORDS = /^(true|false|null|yes|no|on|off|y|n|nan|inf)$/i;

export function draftText({ listeners, pools, routes, admin }: ConfigDraft, head: readonly string[]): string {
  const lines = [...head.map(comment), ''];
  lines.push('listeners:', ...listeners.flatMap(named));
  if (pools.length > 0) lines.push('', 'pools:', ...pools.flatMap(named));
  if (routes.length === 0) lines.push('', 'routes: []');
  else lines.push('', 'routes:', ...routes.flatMap(listed));
  if (admin !== undefined) lines.push('', ...admin.comments.map(comment), ...entry('admin', admin.value, 0));
  return `${lines.join('\n')}\n`;
}

function comment(text: string): string {
  return text === '' ? '#' : `# ${text}`;
}

function named({ name, comments, value }: Block): string[] {
  return [...comments.map((text) => `  ${comment(text)}`), ...entry(name, value, 2)];
}

function listed({ comments, value }: Block): string[] {
  const lines = entries(value, 4);
  const [first = '', ...rest] = lines;
  return [...comments.map((text) => `  ${comment(text)}`), `  - ${first.trimStart()}`, ...rest];
}

function entries(map: DraftMap, indent: number): string[] {
  return Object.entries(map).flatMap(([key, value]) =>
    value === undefined ? [] : entry(key, value, indent),
  );
}

function entry(key: string, value: DraftValue, indent: number): string[] {
  const start = `${' '.repeat(indent)}${scalar(key)}:`;
  const short = `${start} ${flow(value)}`;
  // A listener or a pool has its keys below each other, however short it is.
  if (!isMap(value) || (indent !== 2 && short.length <= WIDTH) || Object.keys(value).length === 0)
    return [short];
  return [start, ...entries(value, indent + 2)];
}

function flow(value: DraftValue): string {
  if (isList(value)) return `[${value.map(flow).join(', ')}]`;
  if (!isMap(value)) return typeof value === 'string' ? scalar(value) : String(value);
  const parts = Object.entries(value).flatMap(([key, part]) =>
    part === undefined ? [] : [`${scalar(key)}: ${flow(part)}`],
  );
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

function isList(value: DraftValue): value is readonly DraftValue[] {
  return Array.isArray(value);
}

function isMap(value: DraftValue): value is DraftMap {
  return typeof value === 'object' && !isList(value);
}

function scalar(text: string): string {
  const written = interpolated(text);
  if (/^([A-Za-z][\w.-]*|\d+(ms|[smh])|\/[\w./-]*)$/.test(written) && !WORDS.test(written)) return written;
  return JSON.stringify(written).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
