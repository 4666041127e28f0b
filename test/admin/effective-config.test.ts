// F77: the config as it is shown. Every key that the schema knows as a secret is masked, wherever it stands; what names the
// place of a secret is not one.
import { expect, test } from 'vitest';
import { shownText } from '../../src/admin/effective-config.ts';
import { CONFIG_SECTIONS } from '../../src/config/keys/sections.ts';
import { TOP_KEYS } from '../../src/config/keys/top.ts';

function sensitiveKeys(schema: object): string[] {
  return Object.entries(schema).flatMap(([key, value]: [string, unknown]) => {
    if (typeof value !== 'object' || value === null) return [];
    return 'sensitive' in value && value.sensitive === true ? [key] : sensitiveKeys(value);
  });
}

const KEYS = [...new Set(sensitiveKeys({ TOP_KEYS, CONFIG_SECTIONS }))];

test('there are such keys', () => {
  expect(KEYS).toEqual(expect.arrayContaining(['hashKey', 'passphrase', 'password', 'token']));
});

test.each(KEYS)('F77 %s is masked, and the place of one is told', (key) => {
  for (const written of [
    `${key}: PLANTED`,
    `${key}: "PLANTED"`,
    `${key}: 4711`,
    `a: { b: [{ ${key}: PLANTED }] }`,
  ]) {
    const shown = shownText(written, new Map());
    expect(shown).not.toMatch(/PLANTED|4711/);
    expect(shown).toContain('***');
  }
  expect(shownText(`${key}: { file: /run/secrets/x }`, new Map())).toContain('/run/secrets/x');
  expect(shownText(`${key}: \${SECRET}`, new Map())).toContain('${SECRET}');
  expect(shownText(`${key}: "\${SECRET:-PLANTED}"`, new Map())).not.toContain('PLANTED');
});
