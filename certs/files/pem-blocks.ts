// Cuts a text into its PEM blocks (RFC 7468). Text around them, as OpenSSL and Mirth put it there, is left alone.
// Promises that a block that is cut off or is no base64 is named with its line, never skipped.
import { NotDer } from '../x509/der.ts';

export interface PemBlock {
  readonly label: string;
  /** The block as it stands, with the headers of old encrypted keys. */
  readonly text: string;
  readonly der: Buffer;
  /** Of its first line, from 1. */
  readonly line: number;
}

const BEGIN = /-----BEGIN ([A-Z0-9 ]+)-----/g;

/** @throws NotDer */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const begin of text.matchAll(BEGIN)) {
    const [opening, label = ''] = begin;
    const line = text.slice(0, begin.index).split('\n').length;
    const from = begin.index + opening.length;
    const end = text.indexOf(`-----END ${label}-----`, from);
    const body = end < 0 ? '' : text.slice(from, end);
    if (end < 0 || body.includes('-----BEGIN '))
      throw new NotDer(`the ${label} block in line ${line} has no end`);
    blocks.push({
      label,
      text: `${opening}${body}-----END ${label}-----\n`,
      der: decodeBase64(body, label, line),
      line,
    });
  }
  return blocks;
}

function decodeBase64(body: string, label: string, line: number): Buffer {
  // RFC 1421 4.6: headers, then an empty line.
  const base64 = body.replace(/^\s*(?:[A-Za-z0-9-]+:.*\n(?:[ \t].*\n)*)+\s*\n/, '').replace(/\s+/g, '');
  // Buffer.from skips over what is no base64, and would make another certificate of it, or none.
  if (base64 === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    throw new NotDer(`the ${label} block in line ${line} is no base64`);
  return Buffer.from(base64, 'base64');
}
