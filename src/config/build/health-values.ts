// Single values of a health check: status codes, header fields, what a body must hold, the message of an MLLP check.
// Promises that what comes back can be used as it is: regexes compile, messages have a header.
import { readHeader } from '../../hl7/header.ts';
import { compileRegex } from '../../hl7/regex.ts';
import type { BodyTest, StatusRange } from '../health-config.ts';
import type { POOL_KEYS } from '../keys/pool.ts';
import type { Section } from '../read/section.ts';
import { readText } from '../source/files.ts';
import { namedFiles } from '../source/named-files.ts';
import { printable, quoted } from '../source/problem.ts';
import { described, type ReadContext, scalarOf } from '../source/value.ts';

type PoolSection = Section<typeof POOL_KEYS>;

/** `200`, `200-399`, `200, 204, 300-399`. */
export function readStatuses(pool: PoolSection): readonly StatusRange[] {
  const key = 'health.status';
  const ranges = pool.values.health.status.split(',').map((part) => {
    const [, from, to = from] = /^\s*([1-5]\d\d)\s*(?:-\s*([1-5]\d\d)\s*)?$/.exec(part) ?? [];
    return { from: Number(from), to: Number(to) };
  });
  if (!ranges.every(({ from, to }) => from <= to))
    pool.error(key, 'must be status codes and ranges of them such as 200, 300-399');
  return ranges;
}

/** These say where a request ends or what its connection is for, which is undici's to say. */
const OWN_HEADERS = /^(connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade)$/i;

export function readHeaderRules(
  pool: PoolSection,
  reading: ReadContext,
): readonly (readonly [string, string])[] {
  return pool.entries('health.headers').flatMap(({ key: name, place, value }) => {
    const key = `${pool.key}.health.headers.${name}`;
    const scalar = scalarOf(value, key, reading);
    if (scalar === undefined) return [];
    // RFC 9110 5.1 and 5.5.
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || OWN_HEADERS.test(name))
      reading.problems.error(place, key, 'is no header field that a check may set');
    else if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(scalar.text))
      reading.problems.error(scalar.place, key, 'holds what no header field can hold');
    return [[name, scalar.text] as const];
  });
}

export function readBodyRule(pool: PoolSection): BodyTest | undefined {
  const key = 'health.body';
  const [scalar] = pool.scalars(key);
  const text = pool.values.health.body;
  if (text === undefined || scalar === undefined) return undefined;
  if (!text.startsWith('/')) return { kind: 'part', text };
  const [, source = '', flags = ''] = /^\/(.*)\/([A-Za-z]*)$/s.exec(text) ?? [];
  if (source === '') {
    pool.error(key, 'a value that begins with / is a regex and ends in / and its flags');
    return undefined;
  }
  try {
    compileRegex(source, flags);
  } catch (thrown) {
    const why = scalar.written === undefined ? `: ${printable((thrown as Error).message)}` : '';
    pool.error(key, `is no RE2 regex with flags of i, m and s${why}`);
  }
  return { kind: 'regex', source, flags };
}

/** What a file holds larger than this is no probe. */
const LARGEST_MESSAGE = 64 * 1024;

export function readMessage(pool: PoolSection, reading: ReadContext): string {
  const key = 'health.message';
  const [scalar] = pool.scalars(key);
  if (scalar === undefined) {
    if (!pool.has(key))
      pool.error('health.type', 'mllp needs message, the file of the message that it sends');
    return '';
  }
  const errors = reading.problems.count;
  const [file = ''] = namedFiles([scalar], `${pool.key}.${key}`, reading);
  if (reading.problems.count > errors || reading.isElsewhere) return '';
  const read = readText(file);
  const name = scalar.written === undefined ? quoted(scalar.text) : described(scalar);
  if ('trouble' in read) {
    pool.error(key, `the file ${name} ${read.trouble}`);
    return '';
  }
  const message = read.text.replace(/\r?\n/g, '\r').replace(/\r*$/, '\r');
  const trouble = messageTrouble(message);
  if (trouble !== undefined) pool.error(key, `the file ${name} ${trouble}`);
  return message;
}

function messageTrouble(message: string): string | undefined {
  if (message.length > LARGEST_MESSAGE) return 'is larger than 64 KiB';
  // MLLP R1: these bytes frame a message, so none may hold them.
  if (/[\x0b\x1c]/.test(message)) return 'holds a byte that frames messages (0B or 1C)';
  try {
    if (readHeader(Buffer.from(message)).controlId === '') return 'has no MSH-10; write {id} there';
    return undefined;
  } catch {
    return 'holds no HL7 message: it does not begin with a usable MSH';
  }
}
