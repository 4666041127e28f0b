// What a route's `http` says of headers: which are removed, set and added, on the way to the node and back.
// Promises that no value of it can end a header line early (F70), and that no error repeats a value: it may be a password.
import { HEADER_VARIABLES, type HeaderRules, type HeaderValue } from '../../config.ts';
import { isToken } from '../../formats.ts';
import type { Section } from '../../read/section.ts';
import { suggestion } from '../../source/closest.ts';
import type { SourcePlace } from '../../source/problem.ts';
import { type Entry, type ReadContext, scalarOf } from '../../source/value.ts';

type Way = 'request' | 'response';
type Part = 'remove' | 'set' | 'add';

/**
 * Framing and connection headers (RFC 9110 7.6.1, RFC 9112 6, RFC 9113 8.2.2) are the gateway's own: a route that changed
 * them would change where a message ends.
 */
const OWN = [
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** The gateway replaces or appends to these by what it knows of the client, see `trustedProxies`. */
const FORWARDING = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
];

/** Jetty, which Mirth serves HTTP with, takes 8 KiB of headers in all. */
const LONGEST_VALUE = 4096;

export function readRules(section: Section, way: Way, reading: ReadContext): HeaderRules {
  return {
    remove: readRemoved(section, way, reading),
    set: readValues(section, way, 'set', reading),
    add: readValues(section, way, 'add', reading),
  };
}

function readRemoved(section: Section, way: Way, reading: ReadContext): string[] {
  const part = `${way}.remove`;
  const listed = section.tree(part)?.kind === 'list';
  return section.scalars(part).map(({ text, place }, index) => {
    const key = `${section.key}.${part}${listed ? `[${index}]` : ''}`;
    checkName(text, way, 'remove', { place, key, reading });
    return text.toLowerCase();
  });
}

function readValues(section: Section, way: Way, part: 'set' | 'add', reading: ReadContext): HeaderValue[] {
  const first = new Map<string, Entry>();
  return section.entries(`${way}.${part}`).flatMap((entry) => {
    const key = `${section.key}.${way}.${part}.${entry.key}`;
    const name = entry.key.toLowerCase();
    const other = first.get(name);
    first.set(name, other ?? entry);
    if (other !== undefined) {
      // RFC 9110 5.1: names are compared without regard to letter case.
      const message = `is given twice, first in line ${other.place.line} as ${other.key}`;
      reading.problems.error(entry.place, key, message);
      return [];
    }
    if (!checkName(entry.key, way, part, { place: entry.place, key, reading })) return [];
    const scalar = scalarOf(entry.value, key, reading);
    if (scalar === undefined) return [];
    const trouble =
      valueTrouble(scalar.text) ??
      (way === 'request' && name === 'host' ? hostTrouble(scalar.text) : undefined);
    if (trouble !== undefined) reading.problems.error(scalar.place, key, trouble);
    return { name, value: scalar.text };
  });
}

interface Where {
  readonly place: SourcePlace;
  readonly key: string;
  readonly reading: ReadContext;
}

/** Reports what is wrong or odd with changing this header; false: it cannot be. */
function checkName(
  name: string,
  way: Way,
  part: Part,
  { place, key, reading: { problems } }: Where,
): boolean {
  if (!isToken(name)) {
    problems.error(place, key, 'is no header name (RFC 9110 5.1)');
    return false;
  }
  // Servers that hand headers on as CGI variables do not tell `_` from `-` (F58).
  const plain = name.toLowerCase().replaceAll('_', '-');
  if (OWN.includes(plain)) {
    problems.error(place, key, 'is set by the gateway itself');
    return false;
  }
  if (way === 'request' && plain === 'host' && part !== 'set') {
    problems.error(place, key, 'a request has exactly one Host (RFC 9112 3.2); it can be set');
    return false;
  }
  if (way === 'request' && plain === 'cookie' && part === 'add') {
    problems.error(place, key, 'a request has at most one Cookie (RFC 6265 5.4); it can be set');
    return false;
  }
  if (way === 'request' && FORWARDING.includes(plain) && part !== 'remove') {
    const message = `is made by the gateway: the node no longer learns from it who the client is`;
    problems.warn(place, key, part === 'set' ? message : 'is made by the gateway: the node gets two of them');
  }
  if (way === 'response' && plain === 'set-cookie' && part === 'set') {
    problems.warn(place, key, "replaces every cookie of the node's; with add they stay");
  }
  return true;
}

function valueTrouble(text: string): string | undefined {
  if (text.length > LONGEST_VALUE) return `is longer than ${LONGEST_VALUE} characters`;
  // RFC 9110 5.5 without obs-text: nothing but visible ASCII, space and tab.
  if (!/^[\t\x20-\x7e]*$/.test(text) || text.trim() !== text)
    return 'must be one line of printable ASCII, without spaces at its ends';
  // Those of the file itself were looked at already; these came with the environment or a file.
  for (const [, name = '', end] of text.matchAll(/\$\{([^}]*)(\}?)/g)) {
    if (end === '}' && HEADER_VARIABLES.some((one) => one === name)) continue;
    const known = HEADER_VARIABLES.map((one) => `\${${one}}`).join(', ');
    return `the variables here are ${known}${suggestion(name, HEADER_VARIABLES)}`;
  }
  return undefined;
}

/** RFC 9110 7.2: `host` or `host:port`. */
function hostTrouble(text: string): string | undefined {
  return /^(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?$/.test(text) ? undefined : 'must be host or host:port';
}
