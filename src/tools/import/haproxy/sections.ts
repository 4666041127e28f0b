// The sections of haproxy.cfg with their directives, and which defaults hold for which section.
// Promises a place for each directive that shows no value of it: a value may be a password.
import type { ImportLedger, SourceDirective } from '../ledger.ts';
import { haproxyWords } from './words.ts';

export interface HaproxyDirective extends SourceDirective {
  readonly words: readonly string[];
}

export interface HaproxySection extends HaproxyDirective {
  readonly kind: string;
  readonly name: string;
  readonly directives: readonly HaproxyDirective[];
  /** Of the `defaults` that hold for it; its own go before them. */
  readonly defaults: readonly HaproxyDirective[];
}

const KINDS = [
  'global',
  'defaults',
  'frontend',
  'backend',
  'listen',
  'userlist',
  'peers',
  'resolvers',
  'mailers',
  'program',
  'cache',
  'http-errors',
  'ring',
  'fcgi-app',
  'log-forward',
  'crt-store',
  'traces',
];

/** Words behind which another one says what is meant. */
const PAIRED =
  /^(option|timeout|stats|no|http-request|http-response|http-after-response|http-check|tcp-request|tcp-response|tcp-check|stick|capture|balance|log|email-alert|declare)$/;

function whatOf(words: readonly string[], kind: string): string {
  const [first = '', second = '', third = ''] = words;
  const isKnown = (word: string): boolean => /^[a-z][a-z0-9_.-]{1,40}$/.test(word);
  if (!isKnown(first)) return 'a line';
  // Of users nothing but that there is one.
  if (kind === 'userlist' || !PAIRED.test(first) || !isKnown(second)) return first;
  const isDeeper = (first === 'no' || first === 'tcp-request') && isKnown(third);
  return isDeeper ? `${first} ${second} ${third}` : `${first} ${second}`;
}

export function haproxySections(text: string, ledger: ImportLedger): HaproxySection[] {
  const sections: HaproxySection[] = [];
  const defaults = new Map<string, readonly HaproxyDirective[]>();
  let open: { section: HaproxySection; directives: HaproxyDirective[] } | undefined;
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    const words = haproxyWords(line);
    const [first = ''] = words;
    if (words.length === 0) continue;
    const at = { line: index + 1, words };
    if (!KINDS.includes(first)) {
      const directive = { ...at, what: whatOf(words, open?.section.kind ?? '') };
      ledger.add(directive);
      if (open === undefined) ledger.left(directive, 'it stands in no section');
      else open.directives.push(directive);
      continue;
    }
    const name = first === 'global' || words[1] === 'from' ? '' : (words[1] ?? '');
    const from = words.indexOf('from');
    const directives: HaproxyDirective[] = [];
    const held = from > 0 ? defaults.get(words[from + 1] ?? '') : defaults.get('');
    const section = { ...at, what: first, kind: first, name, directives, defaults: held ?? [] };
    if (first === 'defaults') {
      // One takes from another only where it says so; the last one holds for what comes behind it.
      if (from > 0) directives.push(...(held ?? []));
      defaults.set('', directives);
      if (name !== '') defaults.set(name, directives);
    }
    // Versions before 1.5 had the address behind the name.
    const [, , address] = words;
    if (/^(listen|frontend)$/.test(first) && address !== undefined && address !== 'from') {
      const bind = { ...at, words: ['bind', ...words.slice(2)], what: first };
      ledger.add(bind);
      directives.push(bind);
    }
    open = { section, directives };
    sections.push(section);
  }
  return sections;
}
