// The script that takes pictures of a Jaeger: what it says where there is none, and that it finds its way through one, played here
// by a server that has what its API says and pages of its own.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { chromiumPath } from '../../../e2e/browser.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';

const SCRIPT = fileURLToPath(new URL('screenshots.ts', import.meta.url));
const LONG = { timeout: 120_000 };

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(...args: string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  execFile(process.execPath, [SCRIPT, ...args], (error, out, err) =>
    resolve({ code: error === null ? 0 : Number(error.code), out, err }),
  );
  return promise;
}

describe('fails with one line', () => {
  it('where no Jaeger is named', LONG, async () => {
    expect(await run()).toEqual({
      code: 1,
      out: '',
      err: '--jaeger URL is missing: the address of its page\n',
    });
  });

  it('where there is none', LONG, async () => {
    const ended = await run('--jaeger', 'http://127.0.0.1:1/');
    expect(ended).toEqual({ code: 1, out: '', err: 'there is no Jaeger at http://127.0.0.1:1\n' });
  });
});

it.skipIf(chromiumPath === undefined)(
  'takes a picture of each page (skipped where there is no Chromium)',
  LONG,
  async () => {
    await using collector = await startCollector();
    const asked: string[] = [];
    const server = http.createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://jaeger');
      if (!url.pathname.startsWith('/api/')) {
        asked.push(url.pathname);
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><h1>Jaeger</h1>');
        return;
      }
      const id = 'hl7.message.control_id';
      const wanted = JSON.parse(url.searchParams.get('tags') ?? '{}')[id];
      const found = collector.spans.filter(({ attributes }) => attributes[id] === wanted);
      const data = found.slice(0, 1).map(({ traceId }) => ({ traceID: traceId }));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const out = await mkdtemp(path.join(tmpdir(), 'shots-'));
    try {
      const { port } = server.address() as AddressInfo;
      const jaeger = `http://127.0.0.1:${port}`;
      const ended = await run('--jaeger', jaeger, '--otlp', collector.url, '--out', out);
      expect(ended).toMatchObject({ code: 0, err: '' });
      expect(await readdir(out)).toEqual(['failed.png', 'failover.png', 'services.png']);
      for (const name of await readdir(out)) {
        const bytes = await readFile(path.join(out, name));
        expect(bytes.subarray(1, 4).toString()).toBe('PNG');
      }
      const failover = collector.spans.find(
        ({ attributes }) => attributes['hl7.message.control_id'] === 'SHOT-FAILOVER',
      );
      expect(asked.filter((page) => page !== '/favicon.ico')).toEqual([
        `/trace/${failover?.traceId}`,
        '/search',
        '/dependencies',
      ]);
    } finally {
      server.close();
      server.closeAllConnections();
      await rm(out, { recursive: true, force: true });
    }
  },
);
