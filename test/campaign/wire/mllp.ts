// MLLP and HL7 bytes as the campaign's peers understand them, written apart from the product and from the other tests'
// helpers, so that one bug cannot hide in both. Promises: bytes in, bytes out; every character is one byte (latin1).

const START = 0x0b;
const END = 0x1c;
const CR = 0x0d;
const END_BLOCK = Buffer.of(END, CR);

export function frame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(START), payload, Buffer.of(END, CR)]);
}

/** Cuts a stream into frames. What stands outside of frames is counted: none of the peers here sends such bytes. */
export class FrameCutter {
  /** Of an open frame, as it came: joined when its end may be there, as to join 8 MB at each read takes half a second. */
  #parts: Buffer[] = [];
  #bytes = 0;
  strayBytes = 0;

  /** Bytes of a frame whose end has not come. */
  get openBytes(): number {
    return this.#bytes;
  }

  push(chunk: Buffer): Buffer[] {
    if (chunk.length === 0) return [];
    const isEndOpen = this.#parts.at(-1)?.at(-1) === END && chunk[0] === CR;
    if (this.#bytes > 0 && !isEndOpen && !chunk.includes(END_BLOCK)) {
      this.#keep(chunk);
      return [];
    }
    const payloads: Buffer[] = [];
    let searched = Math.max(0, this.#bytes - 1);
    let bytes = this.#bytes === 0 ? chunk : Buffer.concat([...this.#parts, chunk]);
    this.#parts = [];
    this.#bytes = 0;
    while (bytes.length > 0) {
      const start = bytes.indexOf(START);
      this.strayBytes += start < 0 ? bytes.length : start;
      if (start < 0) break;
      const end = endOf(bytes, Math.max(start, searched));
      if (end < 0) {
        this.#keep(bytes.subarray(start));
        break;
      }
      payloads.push(bytes.subarray(start + 1, end));
      bytes = bytes.subarray(end + 2);
      searched = 0;
    }
    return payloads;
  }

  #keep(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }
}

/** Of `1C 0D`; a `1C` before anything else is content. */
function endOf(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(END, from); at >= 0; at = bytes.indexOf(END, at + 1))
    if (bytes[at + 1] === CR) return at;
  return -1;
}

/** MSH-10. */
export function controlIdOf(message: Buffer): string {
  return headerOf(message)[10] ?? '';
}

export interface Msa {
  readonly code: string;
  readonly id: string;
}

/** MSA-1 and MSA-2; undefined where there is no MSA. */
export function msaOf(ack: Buffer): Msa | undefined {
  const segment = ack
    .toString('latin1')
    .split(/[\r\n]/)
    .find((line) => line.startsWith('MSA|'));
  if (segment === undefined) return undefined;
  const [, code = '', id = ''] = segment.split('|');
  return { code, id };
}

/**
 * `ackId` makes every answer of a campaign one of a kind, so that each can be followed to its sender. `app`: to whom, which an
 * application acknowledgement is told apart by.
 */
export function ackOf(ackId: string, code: string, controlId: string, app = 'SENDER'): Buffer {
  return Buffer.from(
    `MSH|^~\\&|MIRTH|NODE|${app}|CAMPAIGN|20261122083014||ACK^A01^ACK|${ackId}|P|2.5\rMSA|${code}|${controlId}\r`,
    'latin1',
  );
}

export interface MessageParts {
  /** MSH-3, which the sticky key goes by. */
  readonly app: string;
  readonly controlId: string;
  readonly serial: number;
  /** Any bytes but those of framing and line ends. */
  readonly filler: string;
  /** Without PID-3, which the route of such a sender asks for. */
  readonly invalid?: boolean;
  /** MSH-15 and MSH-16: wants a commit and an application acknowledgement. */
  readonly enhanced?: boolean;
}

export function messageOf({ app, controlId, serial, filler, invalid, enhanced }: MessageParts): Buffer {
  return Buffer.from(
    `MSH|^~\\&|${app}|CAMPAIGN|MIRTH|MAIN|20261122083014||ADT^A01^ADT_A01|${controlId}|P|2.5${enhanced === true ? '|||AL|AL' : ''}\r` +
      `PID|1||${invalid === true ? '' : `${app}${serial}^^^CAMPAIGN`}\rNTE|1||${filler}\r`,
    'latin1',
  );
}

/** Fields of MSH by their numbers; every message of the campaign has the usual delimiters. */
export function headerOf(message: Buffer): readonly string[] {
  const end = message.indexOf(CR);
  const fields = message.toString('latin1', 0, end < 0 ? undefined : end).split('|');
  return ['MSH', ...fields];
}

/** The messages, or the answers, of a batch, without its own header and trailer segments. */
export function membersOf(batch: Buffer): Buffer[] {
  const starts: number[] = [];
  for (let at = 0; at >= 0; at = nextLine(batch, at)) if (isSegment(batch, at, 'MSH|')) starts.push(at);
  return starts.map((from, index) => {
    const until = starts[index + 1] ?? batch.length;
    let end = from;
    for (let at = from; at >= 0 && at < until; at = nextLine(batch, at)) {
      if (['BHS|', 'FHS|', 'BTS', 'FTS'].some((name) => isSegment(batch, at, name))) break;
      const next = nextLine(batch, at);
      end = next < 0 ? batch.length : next;
    }
    return batch.subarray(from, Math.min(end, until));
  });
}

function isSegment(bytes: Buffer, at: number, name: string): boolean {
  return bytes.toString('latin1', at, at + name.length) === name;
}

function nextLine(bytes: Buffer, at: number): number {
  const end = bytes.indexOf(CR, at);
  return end < 0 || end + 1 >= bytes.length ? -1 : end + 1;
}
