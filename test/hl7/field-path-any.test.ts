// Any path of any message: agrees with a slow reference, never throws.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerEquals, isHeaderPath, parseFieldPath, readPath } from '../../src/hl7/field-path.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { oddMessages } from './odd-messages.ts';
import { read, reference } from './split-reference.ts';

const index = fc.constantFrom(undefined, undefined, undefined, 1, 2, 3);
const paths = fc
  .record({
    segment: fc.constantFrom('MSH', 'PID', 'PID', 'OBX', 'FHS'),
    occurrence: index,
    field: fc.constantFrom(1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 18, 19),
    repetition: index,
    component: index,
    subcomponent: index,
  })
  .map((p) => {
    const bracket = (n: number | undefined): string => (n === undefined ? '' : `[${n}]`);
    const deep =
      p.component === undefined
        ? ''
        : `.${p.component}${p.subcomponent === undefined ? '' : `.${p.subcomponent}`}`;
    return `${p.segment}${bracket(p.occurrence)}-${p.field}${bracket(p.repetition)}${deep}`;
  });

/** `FIELD_PATH_RUNS=100000 npx vitest run test/hl7/field-path-any.test.ts` takes ten seconds. */
const RUNS = Number(process.env.FIELD_PATH_RUNS ?? 10_000);

describe('any message', () => {
  it('reads as the slow reference reads it', () => {
    let present = 0;
    const property = fc.property(oddMessages, paths, (message, path) => {
      const value = read(Buffer.from(message, 'latin1'), path);
      if (value !== undefined) present++;
      expect(value).toBe(reference(message, path));
    });
    fc.assert(property, { numRuns: RUNS });
    // That the two agree must not be because neither finds anything.
    expect(present).toBeGreaterThan(RUNS / 10);
  }, 120_000);

  it('throws for no bytes behind a header', () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('', '8859/1', 'ISO IR87', 'BIG-5', 'GB 18030-2000'),
      paths,
      (bytes, charset, path) => {
        const message = Buffer.concat([Buffer.from(`MSH|^~\\&|A|||||||||||||||${charset}\rPID|`), bytes]);
        expect(() => read(message, path)).not.toThrow();
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });

  it('a value of the header is compared by its bytes as by its text, wherever bytes can say it', () => {
    let compared = 0;
    let equal = 0;
    const other = fc.constantFrom('', 'ADT', 'a', '&', '\\T\\', 'É');
    const property = fc.property(oddMessages, paths, other, fc.boolean(), (message, text, wrong, same) => {
      const path = parseFieldPath(text);
      if (path === undefined || !isHeaderPath(path)) return;
      const header = readHeader(Buffer.from(message, 'latin1'));
      const value = readPath(header, path) ?? '';
      const expected = same ? value : wrong;
      const answer = headerEquals(header, path, expected);
      if (answer === undefined) return;
      compared++;
      if (answer) equal++;
      expect(answer).toBe(value === expected);
    });
    fc.assert(property, { numRuns: RUNS });
    expect(compared).toBeGreaterThan(RUNS / 100);
    expect(equal).toBeGreaterThan(RUNS / 200);
  }, 120_000);
});
