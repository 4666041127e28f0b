// The console's built files, as the admin listener gives them out: read once into memory, compressed when first asked for. Promises that
// nothing is given out but those files, whatever a path says; that a page can load, run and be framed by nothing else; and that a
// checkout that has not built them says how.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { GatewayError } from '../../errors.ts';
import { refusal, respond } from '../answer.ts';

/** Trusted Types: no text becomes HTML or script, whatever the console's code does with it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
].join('; ');

export const PAGE_HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/vnd.microsoft.icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
};
const IS_TEXT = /^text\/|svg|json/;
/** Files whose names are made of their content (vite's `assets/NAME-HASH.js`). */
const HASHED = /^\/assets\/.*-[\w-]{8,}\.\w+$/;
/** More than any console has: what stands there instead is not read. */
const MAX_FILES = 200;
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const BUILD_COMMAND = 'npm run build:console';

type Encoding = 'br' | 'gzip';

class ConsoleFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly etag: string;
  readonly caching: string;
  readonly #packed = new Map<Encoding, Promise<Buffer>>();

  constructor(path: string, bytes: Buffer) {
    this.type = TYPES[extname(path)] ?? 'application/octet-stream';
    this.bytes = bytes;
    this.etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    this.caching = HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache';
  }

  get isText(): boolean {
    return IS_TEXT.test(this.type);
  }

  /** Once for all who ask, off the event loop. */
  packed(encoding: Encoding): Promise<Buffer> {
    let packed = this.#packed.get(encoding);
    if (packed === undefined) {
      packed = encoding === 'br' ? brotli(this.bytes, BEST) : gzipped(this.bytes, { level: 9 });
      this.#packed.set(encoding, packed);
    }
    return packed;
  }
}

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);
const BEST = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };

export class ConsoleFiles {
  readonly #folder: string;
  #files: ReadonlyMap<string, ConsoleFile>;

  /** `folder`: of the built console; need not be there. */
  constructor(folder: string = consoleFolder()) {
    this.#folder = folder;
    this.#files = readFolder(folder);
  }

  /** A path of the console, built or not; the API has none of these. */
  has(path: string): boolean {
    return path === '/' || path.startsWith('/assets/') || path === '/favicon.ico' || this.#files.has(path);
  }

  /** `path`: normalised. */
  async respond(response: ServerResponse, path: string): Promise<void> {
    // It may have been built since.
    if (this.#files.size === 0) this.#files = readFolder(this.#folder);
    const file = this.#files.get(path === '/' ? '/index.html' : path);
    if (file === undefined) {
      const error =
        this.#files.size === 0
          ? new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
              detail: `the console is not built: ${BUILD_COMMAND}`,
            })
          : new GatewayError('GW_ERR_ADMIN_NOT_FOUND', { detail: 'the console has no such file' });
      respond(response, refusal(error, this.#files.size === 0 ? 503 : 404));
      return;
    }
    const { accept, known } = wantedIn(response);
    const headers = {
      ...PAGE_HEADERS,
      'content-type': file.type,
      'cache-control': file.caching,
      etag: file.etag,
      ...(file.isText ? { vary: 'accept-encoding' } : {}),
    };
    if (known.includes(file.etag)) {
      response.writeHead(304, headers).end();
      return;
    }
    const encoding = file.isText ? encodingFor(accept) : undefined;
    const body = encoding === undefined ? file.bytes : await file.packed(encoding);
    if (response.headersSent || response.destroyed) return;
    response.writeHead(200, {
      ...headers,
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      'content-length': body.length,
    });
    response.end(body);
  }
}

/** `dist/console`, seen from the bundle (`dist`) and from the sources (`src/admin/console`). */
function consoleFolder(): string {
  const here = import.meta.dirname;
  const beside = join(here, 'console');
  return existsSync(join(beside, 'index.html')) ? beside : join(here, '../../../dist/console');
}

function readFolder(folder: string): ReadonlyMap<string, ConsoleFile> {
  const files = new Map<string, ConsoleFile>();
  if (!existsSync(join(folder, 'index.html'))) return files;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('.') || entry.name.endsWith('.map')) continue;
    const file = join(entry.parentPath, entry.name);
    const bytes = readFileSync(file);
    if (bytes.length > MAX_FILE_BYTES || files.size >= MAX_FILES) continue;
    const path = file.slice(folder.length).replaceAll('\\', '/');
    files.set(path, new ConsoleFile(path, bytes));
  }
  return files;
}

function wantedIn({ req }: ServerResponse): { accept: string; known: readonly string[] } {
  const accept = String(req.headers['accept-encoding'] ?? '');
  const known = (req.headers['if-none-match'] ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  return { accept, known };
}

/** RFC 9110 12.5.3; `q=0`: not that one. */
function encodingFor(accept: string): Encoding | undefined {
  const takes = (coding: string): boolean =>
    new RegExp(`(?:^|,)\\s*${coding}\\s*(?:;\\s*q=(?!0(?:\\.0*)?\\s*(?:,|$))[\\d.]+\\s*)?(?:,|$)`, 'i').test(
      accept,
    );
  if (takes('br')) return 'br';
  return takes('gzip') ? 'gzip' : undefined;
}
