// What both halves of a proxy's section have in common: who reads which line, and statistics, which become the admin API.
import type { Block } from '../draft.ts';
import type { ImportLedger } from '../ledger.ts';
import type { BackendReader } from './backend.ts';
import type { FrontendReader } from './frontend.ts';
import type { HaproxyDirective, HaproxySection } from './sections.ts';
import { isInherent } from './vocabulary.ts';

export interface SectionRoom {
  readonly ledger: ImportLedger;
  /** Those that are found are put there. */
  readonly statistics: HaproxyDirective[];
}

/** Returns the lines that nobody knows. */
export function readProxySection(
  section: HaproxySection,
  front: FrontendReader | undefined,
  back: BackendReader | undefined,
  { ledger, statistics }: SectionRoom,
): HaproxyDirective[] {
  const own = new Set(section.directives);
  const unread: HaproxyDirective[] = [];
  const cancelled = new Set(
    section.directives.flatMap(({ words }) => (words[0] === 'no' ? [words.slice(1, 3).join(' ')] : [])),
  );
  for (const directive of [...section.defaults, ...section.directives]) {
    const { words } = directive;
    const [first = '', second = ''] = words;
    // What a section takes back, and that it does.
    if (
      (!own.has(directive) && cancelled.has(`${first} ${second}`)) ||
      (first === 'no' && second === 'option')
    ) {
      ledger.inherent(directive);
      continue;
    }
    if (first === 'mode') {
      ledger.translated(directive);
      if (second === 'health' || second === 'log' || second === 'spop')
        ledger.left(directive, 'this mode has no counterpart');
      continue;
    }
    if (first === 'stats' || first === 'monitor-uri') {
      if (isInherent(words)) ledger.inherent(directive);
      else statistics.push(directive);
      continue;
    }
    // Both halves of a `listen` take what is of both.
    const isOfBack = back?.read(directive) === true;
    const isOfFront =
      (back === undefined || !isOfBack || first === 'timeout') && front?.read(directive) === true;
    if (isOfBack || isOfFront) continue;
    if (isInherent(words)) ledger.inherent(directive);
    else if (own.has(directive)) unread.push(directive);
  }
  return unread;
}

/** A page of statistics, or a socket for commands. */
export function adminOf(hasSocket: boolean, { ledger, statistics }: SectionRoom): Block | undefined {
  if (statistics.length === 0 && !hasSocket) return undefined;
  const admin: Block = {
    name: 'admin',
    comments: ["What HAProxy's statistics were for: hl7-gateway status, /metrics, /livez, /readyz."],
    value: { bind: '127.0.0.1:9600' },
  };
  for (const directive of statistics) {
    const [first, second] = directive.words;
    if (first === 'stats' && /^(auth|http-request|admin)$/.test(second ?? ''))
      ledger.noted(directive, 'who may see and do what: admin.token, given as { file: … }', admin);
    else if (first === 'stats' && second === 'socket')
      ledger.noted(directive, 'commands go to the admin API', admin);
    else ledger.translated(directive);
  }
  return admin;
}
