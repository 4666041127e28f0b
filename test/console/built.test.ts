// What a browser is given of the console: small, of its own files only, and nothing within the page that its policy would refuse.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { ROOT } from '../helpers/product-files.ts';
import { builtConsole, consoleFiles } from './built.ts';

let folder: string;
let files: string[];
beforeAll(async () => {
  folder = await builtConsole();
  files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name));
});

const text = (name: string): string => readFileSync(join(folder, name), 'utf8');

test('all of its script is at most 60 kB by brotli', () => {
  const scripts = files.filter((name) => name.endsWith('.js'));
  expect(scripts.length).toBeGreaterThan(0);
  const size = scripts.reduce((sum, name) => sum + brotliCompressSync(text(name)).length, 0);
  expect(size).toBeGreaterThan(10_000);
  expect(size).toBeLessThan(60_000);
});

test('the page has no script and no style within it, and asks for what stands beside it', () => {
  const page = text('index.html');
  expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|<base/i);
  for (const [, script = ''] of page.matchAll(/<script[^>]*>(.*?)<\/script>/gs)) expect(script).toBe('');
  const asked = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
  expect(asked.length).toBeGreaterThanOrEqual(3);
  for (const path of asked) {
    expect(path).toMatch(/^\.\//);
    expect(files).toContain(path.slice(2));
  }
});

test('nothing in it is loaded from elsewhere, nor made code of text', () => {
  for (const name of files.filter((one) => /\.(css|html)$/.test(one)))
    expect(text(name), name).not.toMatch(/https?:\/\/|@import|url\((?!data:)/);
  for (const name of files.filter((one) => one.endsWith('.js')))
    expect(text(name), name).not.toMatch(
      /\beval\(|new Function\(|document\.write|localStorage|sessionStorage/,
    );
});

test('its sources use nothing of the gateway, and put no HTML together', () => {
  const sources = consoleFiles().filter((name) => /\.tsx?$/.test(name));
  expect(sources.length).toBeGreaterThan(20);
  for (const name of sources) {
    const source = readFileSync(join(ROOT, name), 'utf8');
    expect(source, name).not.toMatch(/innerHTML|dangerouslySetInnerHTML|outerHTML|insertAdjacentHTML/);
    for (const [, from = ''] of source.matchAll(/from '([^']+)'/g))
      expect(from, name).toMatch(/^(\.\/|\.\.\/(?!\.\.)|preact|@preact\/signals$|uplot$)/);
  }
});
