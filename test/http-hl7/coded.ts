// Bodies in content codings, made by Node.js's own encoders, and bodies that grow without measure.
import zlib from 'node:zlib';

const LARGE_BYTES = 2 ** 20;
/** Its best takes ten seconds for 4 MiB, where this takes one. */
const QUICK = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } };

/** By the names that a Content-Encoding field has for them; `raw` is what some send as `deflate`. */
const ENCODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => zlib.gzipSync(bytes),
  'x-gzip': (bytes) => zlib.gzipSync(bytes),
  deflate: (bytes) => zlib.deflateSync(bytes),
  raw: (bytes) => zlib.deflateRawSync(bytes),
  br: (bytes) => zlib.brotliCompressSync(bytes, bytes.length > LARGE_BYTES ? QUICK : {}),
  zstd: (bytes) => zlib.zstdCompressSync(bytes),
  identity: (bytes) => bytes,
};

export const NAMES = ['gzip', 'deflate', 'br', 'zstd'] as const;

/** `field`: of Content-Encoding, in the order of application (RFC 9110 8.4). */
export function encoded(bytes: Buffer, field: string): Buffer {
  let out = bytes;
  for (const part of field.split(',')) {
    const name = part.trim().toLowerCase();
    if (name !== '') out = (ENCODERS[name] as (bytes: Buffer) => Buffer)(out);
  }
  return out;
}
