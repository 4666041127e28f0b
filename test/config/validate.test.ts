// `routes[].validate`: what it loads to, and what is wrong with it, at the right line and column.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { config, folderOf, outcome } from './config-folder.ts';

const route = (validate: string): string => config({ routes: `- { to: p, validate: ${validate} }` });
const path = (text: string) => expect.objectContaining({ text });

describe('good rules', () => {
  test('in full', () => {
    const text = route(
      '{ code: AR, segments: [PID, ZP1], fields: [PID-3.1, "OBX[2]-5"], tables: { PID-8: [F, M, "1"], MSH-11: P }, lengths: { PID-5: 20, MSH-10: { min: 1, max: 9 }, PID-3: { min: 2 }, PID-4: { max: 0 } } }',
    );
    const { config: loaded, warnings } = parseConfig(text, { env: {} });
    expect(warnings).toEqual([]);
    expect(loaded.routes[0]?.validate).toEqual({
      code: 'AR',
      rules: {
        segments: ['PID', 'ZP1'],
        fields: [path('PID-3.1'), path('OBX[2]-5')],
        tables: [
          { path: path('PID-8'), values: ['F', 'M', '1'] },
          { path: path('MSH-11'), values: ['P'] },
        ],
        lengths: [
          { path: path('PID-5'), min: 0, max: 20 },
          { path: path('MSH-10'), min: 1, max: 9 },
          { path: path('PID-3'), min: 2, max: 1_000_000_000 },
          { path: path('PID-4'), min: 0, max: 0 },
        ],
      },
    });
  });

  test('the code is AE by default, and what is left out is not asked for', () => {
    const { config: loaded } = parseConfig(route('{ segments: [PID] }'), { env: {} });
    expect(loaded.routes[0]?.validate).toEqual({
      code: 'AE',
      rules: { segments: ['PID'], fields: [], tables: [], lengths: [] },
    });
  });

  test('values may come from the environment', () => {
    const text = route('{ fields: ["${F}"], tables: { PID-8: ["${V}"] }, lengths: { PID-5: "${N}" } }');
    const { config: loaded } = parseConfig(text, { env: { F: 'PID-3', V: 'F', N: '7' } });
    expect(loaded.routes[0]?.validate?.rules).toMatchObject({
      fields: [{ text: 'PID-3' }],
      tables: [{ values: ['F'] }],
      lengths: [{ max: 7 }],
    });
  });
});

describe('one mistake, one line', () => {
  test.each<[validate: string, line: string]>([
    ['PID', '8:24: routes[0].validate: must be a map'],
    [
      '{ code: AA, segments: [PID] }',
      '8:32: routes[0].validate.code: must be one of AE, AR, CE, CR, not "AA"',
    ],
    ['{ segment: [PID] }', '8:26: routes[0].validate.segment: unknown key; did you mean "segments"?'],
    ['{ segments: PID }', '8:36: routes[0].validate.segments: must be a list'],
    ['{ segments: [] }', '8:26: routes[0].validate.segments: an empty list asks for nothing; leave it out'],
    [
      '{ segments: [pid] }',
      '8:37: routes[0].validate.segments[0]: must be the name of a segment such as PID, not "pid"; did you mean "PID"?',
    ],
    [
      '{ segments: [PID, PID-3] }',
      '8:42: routes[0].validate.segments[1]: must be the name of a segment such as PID, not "PID-3"',
    ],
    [
      '{ segments: [PID, [PV1]] }',
      '8:42: routes[0].validate.segments[1]: must be a single value, not a list',
    ],
    [
      '{ fields: [PID-3, PID.5] }',
      '8:42: routes[0].validate.fields[1]: must be a field path such as PID-3.1 or OBX[2]-5, not "PID.5"',
    ],
    [
      '{ fields: [pid-3] }',
      '8:35: routes[0].validate.fields[0]: must be a field path such as PID-3.1 or OBX[2]-5, not "pid-3"; did you mean "PID-3"?',
    ],
    [
      '{ fields: [PID] }',
      '8:35: routes[0].validate.fields[0]: must be a field path such as PID-3.1 or OBX[2]-5, not "PID"',
    ],
    ['{ tables: [PID-8] }', '8:34: routes[0].validate.tables: must be a map'],
    [
      '{ tables: { PID8: [F] } }',
      '8:36: routes[0].validate.tables.PID8: must be a field path such as PID-3.1 or OBX[2]-5, not "PID8"',
    ],
    [
      '{ tables: { PID-8: [] } }',
      '8:43: routes[0].validate.tables.PID-8: an empty table takes no value at all',
    ],
    ['{ tables: { PID-8: } }', '8:36: routes[0].validate.tables.PID-8: has no value'],
    [
      '{ tables: { PID-8: [F, ""] } }',
      '8:47: routes[0].validate.tables.PID-8[1]: a value that is empty is of every table',
    ],
    [
      '{ tables: { PID-8: [F, { a: b }] } }',
      '8:47: routes[0].validate.tables.PID-8[1]: must be a single value, not a map',
    ],
    [
      '{ lengths: { PID: 3 } }',
      '8:37: routes[0].validate.lengths.PID: must be a field path such as PID-3.1 or OBX[2]-5, not "PID"',
    ],
    [
      '{ lengths: { PID-5: 3x } }',
      '8:44: routes[0].validate.lengths.PID-5: must be a number of characters from 0 to 1000000000, not "3x"',
    ],
    [
      '{ lengths: { PID-5: -1 } }',
      '8:44: routes[0].validate.lengths.PID-5: must be a number of characters from 0 to 1000000000, not "-1"',
    ],
    [
      '{ lengths: { PID-5: 9999999999 } }',
      '8:44: routes[0].validate.lengths.PID-5: must be a number of characters from 0 to 1000000000, not "9999999999"',
    ],
    [
      '{ lengths: { PID-5: [1, 2] } }',
      '8:44: routes[0].validate.lengths.PID-5: must be a single value, not a list',
    ],
    [
      '{ lengths: { PID-5: {} } }',
      '8:44: routes[0].validate.lengths.PID-5: takes a length, or { min: …, max: … }',
    ],
    [
      '{ lengths: { PID-5: { mx: 3 } } }',
      '8:46: routes[0].validate.lengths.PID-5.mx: unknown key; did you mean "max"?',
    ],
    [
      '{ lengths: { PID-5: { min: 4, max: 3 } } }',
      '8:44: routes[0].validate.lengths.PID-5: min (4) is above max (3), so no value has such a length',
    ],
    [
      '{ lengths: { PID-5: { min: x } } }',
      '8:51: routes[0].validate.lengths.PID-5.min: must be a number of characters from 0 to 1000000000, not "x"',
    ],
  ])('%s', (validate, line) => {
    expect(outcome(route(validate), folderOf({})).errors).toEqual([`gateway.yaml:${line}`]);
  });

  test('all at once', () => {
    const text = route('{ segments: [p], fields: [q], tables: { r: [] }, lengths: { s: t } }');
    expect(outcome(text, folderOf({})).errors).toHaveLength(6);
  });

  test('with reject', () => {
    const text = config({ routes: '- { reject: {}, validate: { segments: [PID] } }' });
    expect(outcome(text, folderOf({})).errors).toEqual([
      'gateway.yaml:8:19: routes[0].validate: a route that rejects has nothing to validate',
    ]);
  });

  test('without a rule it is a warning', () => {
    const { errors, warnings } = outcome(route('{ code: AR }'), folderOf({}));
    expect(errors).toEqual([]);
    expect(warnings).toEqual(['gateway.yaml:8:14: routes[0].validate: has no rule, so every message passes']);
  });

  test('what came from outside is not told', () => {
    const text = route('{ segments: ["${X}"], fields: ["${X}"], lengths: { PID-5: "${X}" } }');
    const { errors } = outcome(text, folderOf({}), { X: 'sekrit' });
    expect(errors).toHaveLength(3);
    expect(errors.join()).not.toMatch(/sekrit/i);
  });
});
