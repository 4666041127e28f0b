// MLLP and HL7 bytes as the campaign's peers understand them, written apart from the product and from the other tests'
// helpers, so that one bug cannot hide in both. Promises: bytes in, bytes out; every character is one byte (latin1).

const START = 0x0b;
const END = 0x1c;
const CR = 0x0d;

export function frame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(START), payload, Buffer.of(END, CR)]);
}

/** Cuts a stream into frames. What stands outside of frames is counted: none of the peers here sends such bytes. */
export class FrameCutter {
  #held: Buffer = Buffer.alloc(0);
  /** Up to here `#held` was searched for an end. */
  #searched = 0;
  strayBytes = 0;

  /** Bytes of a frame whose end has not come. */
  get openBytes(): number {
    return this.#held.length;
  }

  push(chunk: Buffer): Buffer[] {
    const payloads: Buffer[] = [];
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    while (bytes.length > 0) {
      const start = bytes.indexOf(START);
      this.strayBytes += start < 0 ? bytes.length : start;
      if (start < 0) {
        bytes = bytes.subarray(bytes.length);
        break;
      }
      const end = endOf(bytes, Math.max(start, this.#searched));
      if (end < 0) {
        bytes = bytes.subarray(start);
        break;
      }
      payloads.push(bytes.subarray(start + 1, end));
      bytes = bytes.subarray(end + 2);
      this.#searched = 0;
    }
    this.#held = bytes;
    this.#searched = Math.max(0, bytes.length - 1);
    return payloads;
  }
}

/** Of `1C 0D`; a `1C` before anything else is content. */
function endOf(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(END, from); at >= 0; at = bytes.indexOf(END, at + 1))
    if (bytes[at + 1] === CR) return at;
  return -1;
}

/** MSH-10; every message of the campaign has the usual delimiters. */
export function controlIdOf(message: Buffer): string {
  const text = message.toString('latin1');
  return text.slice(0, text.indexOf('\r')).split('|')[9] ?? '';
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

/** `ackId` makes every answer of a campaign one of a kind, so that each can be followed to its sender. */
export function ackOf(ackId: string, code: string, controlId: string): Buffer {
  return Buffer.from(
    `MSH|^~\\&|MIRTH|NODE|SENDER|CAMPAIGN|20261122083014||ACK^A01^ACK|${ackId}|P|2.5\rMSA|${code}|${controlId}\r`,
    'latin1',
  );
}

/** `app` is MSH-3, which the sticky key goes by. `filler` may hold any byte but those of framing. */
export function messageOf(app: string, controlId: string, serial: number, filler: string): Buffer {
  return Buffer.from(
    `MSH|^~\\&|${app}|CAMPAIGN|MIRTH|MAIN|20261122083014||ADT^A01^ADT_A01|${controlId}|P|2.5\r` +
      `PID|1||${app}${serial}^^^CAMPAIGN\rNTE|1||${filler}\r`,
    'latin1',
  );
}
