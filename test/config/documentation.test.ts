// docs/configuration.md and the schema hold the same keys, types and defaults; the examples in it load.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { FormatName } from '../../src/config/keys/formats.ts';
import { type ConfigKey, isKey, type KeyTable } from '../../src/config/keys/key.ts';
import { CONFIG_SECTIONS } from '../../src/config/keys/sections.ts';
import { folderOf, outcome, TLS_FILES } from './config-folder.ts';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

interface Row {
  readonly key: string;
  readonly type: string;
  readonly default: string;
}

function documented(): Row[] {
  const rows = page.matchAll(/^\| `([A-Za-z0-9.[\]]+)` \| (.+?) \| (.+?) \| .+ \|$/gm);
  return [...rows].map(([, key = '', type = '', fallback = '']) => ({ key, type, default: fallback }));
}

function items(schema: KeyTable, path: string): [string, ConfigKey][] {
  return Object.entries(schema).flatMap(([key, part]) => {
    const full = path === '' ? key : `${path}.${key}`;
    return isKey(part) ? [[full, part] as [string, ConfigKey]] : items(part, full);
  });
}

const WORDS: Partial<Record<FormatName, string>> = {
  flag: 'boolean',
  share: 'number 0 to 1',
  bind: 'address',
  'listener-bind': 'address, interface, or range of ports',
  'node-url': 'node URL',
  'http-url': 'URL',
  host: 'host name',
  files: 'file or list of files',
  'key-pair': 'file or p12',
  'key-pairs': 'file, p12 or a list of such',
  fingerprints: 'fingerprint or list of fingerprints',
  groups: 'group or list of groups',
  codings: 'coding or list of codings',
  ip: 'IP address',
  source: 'IP address or `client`',
  'any-text': 'text',
  token: 'name',
  tokens: 'name or list of names',
  texts: 'list of texts',
  patterns: 'path or list of paths',
  ranges: 'range or list of ranges',
  'duration-range': 'durations',
};

function typeOf({ format, values = [], min, max }: ConfigKey): string {
  if (format === 'count') return `integer ${min} to ${max}`;
  if (format === 'auto-count') return `\`auto\` or integer ${min} to ${max}`;
  if (format !== 'one-of') return WORDS[format] ?? format;
  const quoted = values.map((value) => `\`${value}\``);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}

function defaultOf(item: ConfigKey): string {
  if (item.default === null) return 'required';
  return item.default === undefined ? 'none' : `\`${item.default}\``;
}

const schemaRows = Object.entries(CONFIG_SECTIONS).flatMap(([pattern, schema]) => {
  return items(schema, pattern).map(([key, item]) => ({ key, type: typeOf(item), default: defaultOf(item) }));
});

describe('docs/configuration.md', () => {
  test('documents each key of the schema once, and no other', () => {
    const keys = documented().map(({ key }) => key);
    expect(keys.toSorted()).toEqual(schemaRows.map(({ key }) => key).toSorted());
    expect(keys.length).toBeGreaterThan(90);
  });

  test.each(schemaRows)('has the type and default of $key', (row) => {
    expect(documented().find(({ key }) => key === row.key)).toEqual(row);
  });

  test('names the limits of each size', () => {
    for (const [key, item] of Object.entries(CONFIG_SECTIONS).flatMap(([pattern, schema]) =>
      items(schema, pattern),
    )) {
      if (item.format !== 'size') continue;
      const line = page.split('\n').find((one) => one.startsWith(`| \`${key}\``));
      const unit = (bytes = 0) =>
        bytes === 0
          ? '0'
          : ['', 'KiB', 'MiB', 'GiB', 'TiB']
              .map((name, n) => bytes / 1024 ** n + name)
              .findLast((text) => !text.includes('.'));
      expect(line).toContain(`${unit(item.min)} to ${unit(item.max)}`);
    }
  });

  test('has eight examples, which load without a warning', () => {
    const examples = [...page.matchAll(/```yaml\n(.+?)```/gs)].map(([, example = '']) => example);
    expect(examples).toHaveLength(8);
    const included = examples.find((one) => one.includes('# Joins ../gateway.yaml')) ?? '';
    const folder = folderOf({ ...TLS_FILES, 'conf.d/lab.yaml': included });
    for (const example of examples.filter((one) => one !== included)) {
      expect(example).toContain('listeners:');
      expect(outcome(example, folder)).toEqual({ errors: [], warnings: [] });
    }
  });
});
