// A sentence of what is wrong, with the page that shows more of it. Pure.

export interface ProblemPart {
  readonly text: string;
  /** A page of the console. */
  readonly link?: string;
}

/** How the gateway names them (src/admin/control/condition.ts). A pool's name has no space; a node's has no colon. */
const NODE = /^(node )(\S+?)\/([^\s:]+)( is .*)$/s;
const POOL = /^(pool )(\S+)( has .*)$/s;
const CERTIFICATE = /^certificate /;
const CONFIG = /^the last reload failed/;

export function problemParts(sentence: string): readonly ProblemPart[] {
  const [, before = '', pool = '', node = '', after = ''] = NODE.exec(sentence) ?? [];
  if (node !== '') {
    const link = linkTo('nodes', { open: `${pool}/${node}` });
    return [{ text: before }, { text: `${pool}/${node}`, link }, { text: after }];
  }
  const [, start = '', name = '', end = ''] = POOL.exec(sentence) ?? [];
  if (name !== '')
    return [{ text: start }, { text: name, link: linkTo('nodes', { pool: name }) }, { text: end }];
  if (CERTIFICATE.test(sentence)) return [{ text: sentence, link: linkTo('certificates') }];
  if (CONFIG.test(sentence)) return [{ text: sentence, link: linkTo('config') }];
  return [{ text: sentence }];
}

/** Of a page, with what it is to show. */
export function linkTo(page: string, wanted: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(wanted).filter(
    (one): one is [string, string] => one[1] !== undefined && one[1] !== '',
  );
  const query = new URLSearchParams(given).toString();
  return `#/${page}${query === '' ? '' : `?${query}`}`;
}
