// Every field of every fixture reads as the slow reference reads it, here and in a parse worker's task; and, where it
// is right, as node-hl7-client reads it.
import { Message as ForeignMessage } from 'node-hl7-client';
import { describe, expect, it } from 'vitest';
import { splitMessages } from '../../src/hl7/message-file.ts';
import { type FieldAnswer, readFields } from '../../src/hl7/parse-tasks/fields.ts';
import { share } from '../../src/hl7/shared-bytes.ts';
import { readFixtures, typeOf } from '../fixture-reader.ts';
import { read, reference } from './split-reference.ts';

const fixtures = readFixtures();

/** Paths of all that is there, and of some that is not: one field, repetition, component more than there are. */
function pathsOf(latin1: string): string[] {
  const lines = latin1.split(/[\r\n]+/).filter((line) => line.length > 3);
  const field = latin1.slice(latin1.search(/(MSH|FHS|BHS)/)).charAt(3);
  const counts = new Map<string, number>();
  const paths: string[] = ['ZZZ-1', 'PID[9]-1'];
  for (const line of lines) {
    const name = line.slice(0, 3).replace(/^\xef\xbb\xbf/, '');
    if (!/^[A-Z][A-Z0-9]{2}$/.test(name)) continue;
    const occurrence = (counts.get(name) ?? 0) + 1;
    counts.set(name, occurrence);
    const fields = line.split(field).length + 1;
    for (let n = 1; n <= fields; n++) {
      const at = `${name}${occurrence === 1 ? '' : `[${occurrence}]`}-${n}`;
      paths.push(at, `${at}[1]`, `${at}[2].1`, `${at}.1`, `${at}.2`, `${at}.4.2`, `${at}.3.1`);
    }
  }
  return paths;
}

describe('every field of', () => {
  it.each(fixtures.map((fixture) => [fixture.file, fixture] as const))('%s', (_file, { bytes }) => {
    let present = 0;
    for (const message of splitMessages(bytes)) {
      const latin1 = message.toString('latin1');
      const paths = pathsOf(latin1);
      const expected = paths.map((path) => reference(latin1, path));
      present += expected.filter((value) => value !== undefined && value !== '').length;
      expect(paths.map((path) => read(message, path))).toEqual(expected);
      const asked = {
        id: 0,
        ofRouting: paths.map((path) => ({ path, keep: undefined, regexes: [] })),
        ofEach: undefined,
        further: false,
      };
      // A worker keeps what it has compiled by its id.
      const input = { payload: share(message), charset: undefined, asked: { ...asked, id: nextId() } };
      expect(readFields(input).ofRouting.map(({ text }: FieldAnswer) => text)).toEqual(expected);
    }
    expect(present).toBeGreaterThan(10);
  });

  it('twelve types of messages and more', () => {
    const types = new Set(fixtures.flatMap(({ messages }) => messages.map(typeOf)));
    expect(types.size).toBeGreaterThanOrEqual(12);
  });
});

let lastId = 2_000_000;

function nextId(): number {
  return ++lastId;
}

describe('node-hl7-client', () => {
  /** Where it is right: CR, ASCII, standard delimiters, one message, and a component of the first repetition. */
  const readable = fixtures.filter(
    ({ bytes, batch, messages, separator, delimiters, charset }) =>
      !batch &&
      messages.length === 1 &&
      separator === '\r' &&
      delimiters === '|^~\\&' &&
      charset === '' &&
      bytes[0] === 0x4d,
  );

  it('reads the same', () => {
    let compared = 0;
    for (const { bytes, file } of readable) {
      const text = bytes.toString('latin1');
      const foreign = new ForeignMessage({ text });
      for (const line of text.split('\r').filter((one) => one.length > 4)) {
        const name = line.slice(0, 3);
        // It reads the first segment of a name, decodes no escape, and numbers MSH's fields as it likes.
        if (name === 'MSH' || text.indexOf(`${name}|`) !== text.indexOf(line)) continue;
        for (const [n, field] of line.split('|').entries()) {
          if (n === 0 || /[\\&~]/.test(field)) continue;
          for (const [c] of field.split('^').entries()) {
            const path = `${name}-${n}.${c + 1}`;
            expect(String(foreign.get(path.replace('-', '.'))), `${file} ${path}`).toBe(
              read(bytes, path) ?? '',
            );
            compared++;
          }
        }
      }
    }
    expect(readable.length).toBeGreaterThan(5);
    expect(compared).toBeGreaterThan(300);
  });
});
