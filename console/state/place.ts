// Which page is shown, and what of it: the part of the address behind `#`, which no server ever sees.
import { computed, signal } from '@preact/signals';
import { linkTo } from '../words/problems.ts';

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

const parsed = computed(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?');
  return { page: path, query: new URLSearchParams(query) };
});

export const page = computed(() => parsed.value.page || 'overview');

/** What the page is to show. */
export function wanted(name: string): string {
  return parsed.value.query.get(name) ?? '';
}

/** Changes part of what the page shows; without a new entry in the browser's history, as each letter of a search would be one. */
export function want(changes: Readonly<Record<string, string | undefined>>): void {
  const now = Object.fromEntries(parsed.value.query);
  history.replaceState(null, '', linkTo(page.value, { ...now, ...changes }));
  hash.value = location.hash;
}

/** Takes the code of a log-in link out of the address, so that neither a bookmark nor the history has it. */
export function takeLoginCode(): string | undefined {
  const [, code] = /^#login=([\w-]+)$/.exec(location.hash) ?? [];
  if (code === undefined) return undefined;
  history.replaceState(null, '', '#/overview');
  hash.value = location.hash;
  return code;
}
