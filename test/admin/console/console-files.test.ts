// The console's files over real connections: what is given out, with what headers, and what no path gets at.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { ConsoleFiles } from '../../../src/admin/console/console-files.ts';
import { connectClient } from '../../helpers/raw-http-client.ts';
import { value } from '../../helpers/strict-http.ts';
import { openAdmin } from '../admin-room.ts';

const PAGE = `<!doctype html><title>hl7-gateway</title><script type="module" src="/assets/main-a1b2c3d4.js"></script>${' '.repeat(2000)}`;

function builtConsole(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-console-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const built = join(folder, 'console');
  mkdirSync(join(built, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'outside');
  writeFileSync(join(built, 'index.html'), PAGE);
  writeFileSync(join(built, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(built, '.hidden'), 'hidden');
  writeFileSync(join(built, 'assets', 'main-a1b2c3d4.js'), 'document.title;');
  writeFileSync(join(built, 'assets', 'main-a1b2c3d4.js.map'), '{}');
  symlinkSync(join(folder, 'secret.txt'), join(built, 'assets', 'link-a1b2c3d4.txt'));
  return built;
}

const open = () => openAdmin({ console: new ConsoleFiles(builtConsole()) });

test('the page loads nothing from elsewhere, runs no text as script, and is framed by nobody', async () => {
  const { url } = await open();
  const page = await fetch(url);
  expect([page.status, await page.text()]).toEqual([200, PAGE]);
  expect(Object.fromEntries(page.headers)).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
      "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'",
  });
});

test('files with a hash in their name are kept for good; a page is asked for again and answered with 304', async () => {
  const { url } = await open();
  const script = await fetch(`${url}/assets/main-a1b2c3d4.js`);
  expect([script.headers.get('content-type'), script.headers.get('cache-control')]).toEqual([
    'text/javascript; charset=utf-8',
    'public, max-age=31536000, immutable',
  ]);
  expect((await fetch(`${url}/favicon.svg`)).headers.get('content-type')).toBe('image/svg+xml');
  const etag = (await fetch(url)).headers.get('etag') ?? '';
  const again = await fetch(url, { headers: { 'if-none-match': etag } });
  expect([again.status, await again.text(), again.headers.get('content-security-policy')]).toEqual([
    304,
    '',
    expect.any(String),
  ]);
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test.each([
  ['br', 'br', brotliDecompressSync],
  ['gzip, deflate, br', 'br', brotliDecompressSync],
  ['gzip', 'gzip', gunzipSync],
  ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync],
  ['br;q=0', undefined, (bytes: Buffer) => bytes],
  ['brr', undefined, (bytes: Buffer) => bytes],
  ['', undefined, (bytes: Buffer) => bytes],
] as const)('accept-encoding "%s" gets %s', async (accept, encoding, undone) => {
  const { port } = await open();
  await using client = await connectClient(port);
  const told = await client.ask(`GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${accept}\r\n\r\n`);
  expect(value(told, 'content-encoding')).toBe(encoding);
  expect(value(told, 'vary')).toBe('accept-encoding');
  expect(undone(told.body).toString()).toBe(PAGE);
});

test.each(['/assets/../index.html', '/assets/%2e%2e/index.html', '//'])('%s is the page', async (path) => {
  const { port } = await open();
  await using client = await connectClient(port);
  expect((await client.ask(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).status).toBe(200);
});

test.each([
  ['/../secret.txt', 401],
  ['/assets/../../secret.txt', 401],
  ['/assets/..%2f..%2fsecret.txt', 404],
  ['/assets/%2e%2e/%2e%2e/secret.txt', 401],
  ['/assets/..%5c..%5csecret.txt', 404],
  ['/assets/link-a1b2c3d4.txt', 404],
  ['/assets/main-a1b2c3d4.js.map', 404],
  ['/assets/', 404],
  ['/assets/%00', 401],
  ['/.hidden', 401],
  ['/etc/passwd', 401],
  ['/index.html/', 401],
])('no path gets at anything else: %s', async (path, status) => {
  const { port } = await open();
  await using client = await connectClient(port);
  const told = await client.ask(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  expect(told.status).toBe(status);
  expect(told.body.toString()).not.toMatch(/outside|hidden|root:/);
});

test('a checkout that has not built it says how, and finds it once it is built', async () => {
  const folder = builtConsole();
  const later = join(folder, '..', 'later');
  const { url } = await openAdmin({ console: new ConsoleFiles(later) });
  const told = await fetch(url);
  expect([told.status, await told.text()]).toEqual([503, expect.stringContaining('npm run build:console')]);
  expect((await fetch(`${url}/assets/x.js`)).status).toBe(503);
  mkdirSync(later);
  writeFileSync(join(later, 'index.html'), PAGE);
  expect((await fetch(url)).status).toBe(200);
  expect((await fetch(`${url}/assets/x.js`)).status).toBe(404);
});

test('an answer of the API is what it says it is, and runs and frames nothing', async () => {
  const { url } = await open();
  for (const path of ['/livez', '/metrics', '/status', '/nothing'])
    expect(Object.fromEntries((await fetch(`${url}${path}`)).headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
});
