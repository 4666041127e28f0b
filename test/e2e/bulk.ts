// Bodies of any length to and from the HTTPS VIP, with the digest of what was sent and of what came.
// Promises: the client holds a few blocks of a body, whatever its length; a transfer that stands still is an error.
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import { type Duplex, Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PATIENCE_MS, type VipCertificate } from './http-vips.ts';

export interface Transfer {
  readonly bytes: number;
  readonly sha256: string;
}

/** Byte n is n modulo 251, as in what a simulated node sends from `/bytes/N`. */
const BLOCK = Buffer.from(Array.from({ length: 251 * 1024 }, (_, n) => n % 251));

/** What `/bytes/N` is. */
export function expected(bytes: number): Transfer {
  const hash = createHash('sha256');
  for (const block of blocks(bytes)) hash.update(block);
  return { bytes, sha256: hash.digest('hex') };
}

function* blocks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= BLOCK.length)
    yield left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
}

/** Resolves to what the node says that it got; its body is JSON. */
export async function upload(
  url: string,
  bytes: number,
  { caPem }: VipCertificate,
  isChunked: boolean,
): Promise<unknown> {
  const headers = isChunked ? {} : { 'content-length': bytes };
  const request = https.request(url, { ca: caPem, method: 'PUT', headers, agent: false });
  request.setTimeout(PATIENCE_MS, () => request.destroy(new Error('the upload stands still')));
  const answered = once(request, 'response') as Promise<[Readable]>;
  answered.catch(() => undefined);
  await pipeline(Readable.from(blocks(bytes), { highWaterMark: 1 }), request);
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

export async function download(url: string, { caPem }: VipCertificate): Promise<Transfer> {
  const request = https.get(url, { ca: caPem, agent: false });
  request.setTimeout(PATIENCE_MS, () => request.destroy(new Error('the download stands still')));
  const [response] = (await once(request, 'response')) as [Readable];
  return digest(response);
}

/** The same over HTTP/2. */
export async function downloadV2(url: string, { caPem }: VipCertificate): Promise<Transfer> {
  const { origin, pathname } = new URL(url);
  const session = http2.connect(origin, { ca: caPem });
  session.on('error', () => undefined);
  try {
    const stream: Duplex = session.request({ ':path': pathname });
    session.setTimeout(PATIENCE_MS, () => stream.destroy(new Error('the download stands still')));
    return await digest(stream);
  } finally {
    session.destroy();
  }
}

async function digest(body: Readable): Promise<Transfer> {
  const hash: Hash & Writable = createHash('sha256');
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  return { bytes, sha256: hash.digest('hex') };
}
