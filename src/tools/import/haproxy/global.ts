// `global`: what of it holds for every listener and node.
import type { ImportLedger } from '../ledger.ts';
import { countOf } from '../spelling.ts';
import type { HaproxySection } from './sections.ts';
import { isInherent, whyLeft } from './vocabulary.ts';

export interface TlsDefaults {
  /** Paths of certificates and of authorities, with the folder that `global` names for them. */
  readonly certificate: (file: string) => string;
  readonly authority: (file: string) => string;
  readonly isOnly13: boolean;
}

export interface HaproxyGlobals extends TlsDefaults {
  readonly maxConnections: number | undefined;
  readonly hasStatistics: boolean;
}

export function readGlobals(sections: readonly HaproxySection[], ledger: ImportLedger): HaproxyGlobals {
  const bases = new Map<string, string>();
  let maxConnections: number | undefined;
  let isOnly13 = false;
  let hasStatistics = false;
  for (const directive of sections.flatMap(({ kind, directives }) => (kind === 'global' ? directives : []))) {
    const [first = '', second = ''] = directive.words;
    if (first === 'ca-base' || first === 'crt-base') {
      bases.set(first, second);
      ledger.translated(directive);
    } else if (first === 'maxconn') {
      maxConnections = countOf(second, 1, 1_000_000);
      if (maxConnections !== undefined) ledger.translated(directive);
    } else if (first === 'ssl-default-bind-options') {
      const text = directive.words.slice(1).join(' ');
      isOnly13 = /ssl-min-ver TLSv1\.3|no-tlsv12/.test(text);
      if (isOnly13) ledger.translated(directive);
      else ledger.inherent(directive);
    } else if (first === 'ssl-default-server-options') ledger.inherent(directive);
    else if (first === 'stats' && (second === 'socket' || second === 'timeout')) {
      hasStatistics = true;
      if (second === 'socket')
        ledger.noted(directive, 'commands to a running gateway go to its admin API, see docs/admin.md');
      else ledger.inherent(directive);
    } else if (isInherent(directive.words)) ledger.inherent(directive);
    else ledger.left(directive, whyLeft(directive.words));
  }
  const within = (base: string) => (file: string) => {
    const folder = bases.get(base);
    return folder === undefined || file.startsWith('/') ? file : `${folder.replace(/\/$/, '')}/${file}`;
  };
  return {
    certificate: within('crt-base'),
    authority: within('ca-base'),
    isOnly13,
    maxConnections,
    hasStatistics,
  };
}
