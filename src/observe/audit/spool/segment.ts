// The files of a spool: how they are called and what is in them. Pure; promises that of a file that was cut off or changed
// every record is found that is whole, and no other.
import { crc32 } from 'node:zlib';

/** A line, by which a record is known to be whole. A record has no line feeds. */
export function encoded(record: string): string {
  return `${crc32(record).toString(16).padStart(8, '0')} ${record}\n`;
}

/** Octets of it in a file, of a record that is ASCII. */
export function sizeOf(record: string): number {
  return record.length + 10;
}

export interface Decoded {
  readonly records: readonly string[];
  /** Lines that are none. */
  readonly damaged: number;
}

export function decoded(text: string): Decoded {
  const lines = text.split('\n');
  const records: string[] = [];
  // Behind the last line feed is nothing, or a record that was never written whole.
  let damaged = lines.pop() === '' ? 0 : 1;
  for (const line of lines) {
    const record = line.slice(9);
    if (`${line}\n` === encoded(record)) records.push(record);
    else damaged++;
  }
  return { records, damaged };
}

export interface SegmentName {
  /** Milliseconds since 1970, and later than that of every file before it. */
  readonly at: number;
  readonly owner: string;
}

/** By their names, they are in order. */
export function fileName({ at, owner }: SegmentName): string {
  return `${String(at).padStart(15, '0')}.${owner}.audit`;
}

/** Undefined: it is none of a spool. */
export function parseName(name: string): SegmentName | undefined {
  const [, at = '', owner] = /^(\d{15})\.(\d+-\d+-\d+)\.audit$/.exec(name) ?? [];
  return owner === undefined ? undefined : { at: Number(at), owner };
}
