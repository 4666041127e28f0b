// docs/runbook.md has a section for each alert of deploy/ and each error code, none for what there is not, and names no metric,
// log line, command, file or section that there is not.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../src/errors.ts';
import { METRICS } from '../src/observe/metrics/catalogue.ts';
import { COMMAND } from './helpers/product-command.ts';
import { LOG_LINES } from './observe/log/documented-lines.ts';
import { ALERTS } from './observe/metrics/gateway/deployed.ts';

const docs = new URL('../docs/', import.meta.url);
const page = readFileSync(new URL('runbook.md', docs), 'utf8');

interface Section {
  readonly title: string;
  readonly text: string;
}

/** By their headings, each up to the next one. */
const sections: readonly Section[] = page
  .split(/^(?=#{1,6} )/m)
  .map((text) => ({ title: text.slice(0, text.indexOf('\n')).replace(/^#+ /, ''), text }));
const named = (pattern: RegExp): readonly Section[] => sections.filter(({ title }) => pattern.test(title));

/** As GitHub makes them of headings. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  return new Set(
    [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

const alerts = named(/^Hl7Gateway\w+$/);
const codes = named(/^GW_ERR_\w+$/);

test('each alert has a section, in the order of the rules, and there is none of another', () => {
  expect(alerts.map(({ title }) => title)).toEqual(ALERTS.map(({ alert }) => alert));
});

test('each error code has a section, and there is none of another', () => {
  expect(codes.map(({ title }) => title).toSorted()).toEqual(Object.keys(ERRORS).toSorted());
});

test.each([...alerts, ...codes])('$title: what it means, how to see it, what to do', ({ text }) => {
  const parts = [...text.matchAll(/^- \*\*(.+)\*\*: (.+)$/gm)].map(([, part, words]) => [part, words]);
  expect(parts.map(([part]) => part)).toEqual(['Means', 'See', 'Do']);
  for (const [part = '', words = ''] of parts) expect(words.length, part).toBeGreaterThan(8);
});

test.each(ALERTS)(
  '$alert leads to its section, which names what it asks for',
  ({ alert, expr, annotations }) => {
    const [file, anchor = ''] = annotations.runbook_url.split('#');
    expect(file).toBe('docs/runbook.md');
    expect(anchor).toBe(alert.toLowerCase());
    expect(anchorsOf(page)).toContain(anchor);
    const asked = [...expr.matchAll(/\b(?:hl7_gateway|nodejs)_\w+/g)].map(([name]) => name);
    const text = alerts.find(({ title }) => title === alert)?.text ?? '';
    const isNamed = asked.some((name) => text.includes(name.replace(/_bucket$|_limit$/, '')));
    expect(isNamed || asked.length === 0, `one of ${asked}`).toBe(true);
  },
);

describe('what the page names is there', () => {
  test('metrics', () => {
    const names = [...page.matchAll(/`((?:hl7_gateway|nodejs|process)_\w+)/g)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !(name in METRICS))).toEqual([]);
  });

  test('alerts and codes', () => {
    const known = new Set([...ALERTS.map(({ alert }) => alert), ...Object.keys(ERRORS)]);
    const names = page.match(/\b(?:Hl7Gateway[A-Z]\w+|GW_ERR_\w+)\b/g) ?? [];
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  test('lines of the log', () => {
    const lines = new Set([...LOG_LINES.keys(), ...Object.values(ERRORS).map(({ text }) => text)]);
    // Those that begin as lines of the log do, or are called so.
    const quoted = [
      ...page.matchAll(/\blines? `([^`]+)`/g),
      ...page.matchAll(
        /`((?:traces|audit|log|state|parsing|admin): [^`]+|…;[^`]+|[^`]*certificate[^`]* is about [^`]+)`/g,
      ),
    ].map(([, line = '']) => line);
    expect(quoted.length).toBeGreaterThan(20);
    expect(quoted.filter((line) => !lines.has(line))).toEqual([]);
  });

  test('commands', () => {
    const help = execFileSync(process.execPath, [COMMAND, '--help'], { encoding: 'utf8' });
    const commands = new Set([...help.matchAll(/^ {2}([a-z]+)\b/gm)].map(([, name]) => name));
    const named = [...page.matchAll(/\bhl7-gateway ([a-z]+)\b/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !commands.has(name))).toEqual([]);
  });

  test('files, and their sections', () => {
    const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link.replaceAll('\n', ''));
    expect(links.length).toBeGreaterThan(8);
    for (const link of links) {
      const [file = '', anchor] = link.split('#');
      const url = file === '' ? new URL('runbook.md', docs) : new URL(file, docs);
      expect(existsSync(url), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(readFileSync(url, 'utf8')), link).toContain(anchor);
    }
  });
});
