// MLLP and HL7 bytes as the tests understand them, written apart from src/ on purpose, so that one bug cannot hide
// in both. Promises: bytes in, bytes out (latin1 inside, nothing re-encoded); a built message has an MSH-10 of its own.

const START = 0x0b;
const END = 0x1c;
const CR = 0x0d;

/** `0B payload 1C 0D` (MLLP Release 1). */
export function frame(payload: Buffer | string): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'utf8') : payload;
  return Buffer.concat([Buffer.from([START]), body, Buffer.from([END, CR])]);
}

/**
 * Reads frames from one connection. Bytes outside of frames are kept in `junk`; a start block inside an open frame is
 * content, as Mirth has it. Each byte is looked at once, so that a frame of 50 MB costs no more than its length.
 */
export class FrameSplitter {
  #parts: Buffer[] = [];
  #open = false;
  #endSeen = false;
  #junk: Buffer[] = [];

  /** True inside a frame whose end has not come. */
  get open(): boolean {
    return this.#open;
  }

  /** Every byte so far that belonged to no frame. */
  get junk(): Buffer {
    return Buffer.concat(this.#junk);
  }

  push(chunk: Buffer): Buffer[] {
    const payloads: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (!this.#open) at = this.#skip(chunk, at);
      else if (this.#endSeen) at = this.#afterEnd(chunk, at, payloads);
      else at = this.#content(chunk, at);
    }
    return payloads;
  }

  #skip(chunk: Buffer, at: number): number {
    const start = chunk.indexOf(START, at);
    const until = start === -1 ? chunk.length : start;
    if (until > at) this.#junk.push(Buffer.from(chunk.subarray(at, until)));
    this.#open = start !== -1;
    return until + 1;
  }

  #content(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(END, at);
    const until = end === -1 ? chunk.length : end;
    this.#parts.push(Buffer.from(chunk.subarray(at, until)));
    this.#endSeen = end !== -1;
    return until + 1;
  }

  /** Only `1C 0D` ends a frame: a `1C` before anything else was content. */
  #afterEnd(chunk: Buffer, at: number, payloads: Buffer[]): number {
    this.#endSeen = false;
    if (chunk[at] !== CR) {
      this.#parts.push(Buffer.from([END]));
      return at;
    }
    payloads.push(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#open = false;
    return at + 1;
  }
}

/** The payloads of all whole frames in `bytes`. */
export function unframe(bytes: Buffer): Buffer[] {
  return new FrameSplitter().push(bytes);
}

/** Every way to cut `bytes` into two chunks that both hold something. */
export function* everySplit(bytes: Buffer): Generator<[Buffer, Buffer]> {
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

interface Msh {
  readonly separator: string;
  /** MSH-2's first four characters, standard ones where the message declares fewer. */
  readonly encoding: string;
  /** `field(10)` is MSH-10; empty if absent. */
  field(n: number): string;
}

/** The first MSH of a message or batch, whatever its delimiters and segment separator; undefined if there is none. */
function msh(message: Buffer): Msh | undefined {
  const text = message.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  const segment = text.split(/[\r\n]+/).find((line) => line.startsWith('MSH'));
  if (segment === undefined || segment.length < 5) return undefined;
  const separator = segment.charAt(3);
  const fields = segment.split(separator);
  const declared = fields[1] ?? '';
  return {
    separator,
    encoding: declared.slice(0, 4) + '^~\\&'.slice(Math.min(declared.length, 4)),
    field: (n) => (n === 1 ? separator : (fields[n - 1] ?? '')),
  };
}

/** MSH-10, one character for each byte; empty if there is none. */
export function controlIdOf(message: Buffer): string {
  return msh(message)?.field(10) ?? '';
}

/** Any field of MSH (`headerField(message, 3)` is MSH-3), one character for each byte; empty if there is none. */
export function headerField(message: Buffer, n: number): string {
  return msh(message)?.field(n) ?? '';
}

/** MSA-1 and MSA-2 of an acknowledgement, by its own delimiters. */
export function msaOf(ack: Buffer): { code: string; controlId: string } | undefined {
  const separator = msh(ack)?.separator;
  const segment = ack
    .toString('latin1')
    .split(/[\r\n]+/)
    .find((line) => line.startsWith('MSA'));
  if (separator === undefined || segment === undefined) return undefined;
  const [, code = '', controlId = ''] = segment.split(separator);
  return { code, controlId };
}

/**
 * The acknowledgement that Mirth 4.5.2 gives: timestamp with milliseconds as MSH-7 and MSH-10, MSH-3/4 and 5/6 swapped
 * (first components), the sender's delimiters, `MSA-2` 1 without MSH-10, and MSH-9 with event from 2.4 on.
 */
export function ackFor(
  message: Buffer,
  code = 'AA',
  over: { controlId?: string; text?: string } = {},
): Buffer {
  const header = msh(message);
  const separator = header?.separator ?? '|';
  const encoding = header?.encoding ?? '^~\\&';
  const field = (n: number): string => header?.field(n) ?? '';
  const component = (n: number, c = 0): string => field(n).split(encoding.charAt(0))[c] ?? '';
  const version = component(12) || '2.4';
  const now = new Date().toISOString().replace(/[-:TZ]/g, '');
  const type = /^2\.[123](\.|$)/.test(version)
    ? 'ACK'
    : ['ACK', component(9, 1), 'ACK'].join(encoding.charAt(0));
  const head = [
    `MSH${separator}${encoding}`,
    ...[component(5) || 'MIRTH', component(6), component(3), component(4)],
    ...[now, '', type, now, field(11) || 'P', version],
  ];
  const msa = ['MSA', code, over.controlId ?? (field(10) || '1')];
  if (over.text !== undefined) msa.push(over.text);
  return Buffer.from(`${head.join(separator)}\r${msa.join(separator)}\r`, 'latin1');
}

export interface MessageParts {
  /** MSH-9, written with `^` whatever the delimiters are. Default `ADT^A01^ADT_A01`. */
  readonly type?: string;
  readonly controlId?: string;
  readonly app?: string;
  readonly facility?: string;
  readonly receivingApp?: string;
  readonly receivingFacility?: string;
  readonly processingId?: string;
  readonly version?: string;
  /** MSH-15 and MSH-16: enhanced mode if either is given. */
  readonly acceptAck?: string;
  readonly applicationAck?: string;
  /** MSH-18. */
  readonly charset?: string;
  /** MSH-1 and MSH-2 as one string. Default `|^~\&`. */
  readonly delimiters?: string;
  /** Between segments and after the last. Default CR. */
  readonly separator?: string;
  /** Replaces everything after MSH, taken as it is. */
  readonly segments?: readonly string[];
  /** Pads with one NTE to this many bytes. */
  readonly size?: number;
  /** How the text becomes bytes. Default utf8. */
  readonly encoding?: BufferEncoding;
}

const PID = 'PID|1||900001^^^TESTHOSP^MR||SAMPLE^ADA||19800101|F';
const OBR = 'OBR|1|T1001|T2001|GLU^Glucose^L|||20261122080000';
const BODIES: Readonly<Record<string, readonly string[]>> = {
  ADT: ['EVN||20261122080000', PID, 'PV1|1|I|WARD1^101^1'],
  ORU: [PID, `${OBR}|||||||||||||||||||F`, 'OBX|1|NM|GLU^Glucose^L||5.4|mmol/L|3.9-5.8|N|||F'],
  ORM: [PID, 'ORC|NW|T1001', OBR],
  ACK: ['MSA|AA|T0'],
};
const OTHER_BODY: readonly string[] = [PID];

let issued = 0;

/** A control id that no other test message of this process has. */
export function newControlId(): string {
  issued += 1;
  return `T${process.pid}-${issued}`;
}

export function message(parts: MessageParts = {}): Buffer {
  const type = parts.type ?? 'ADT^A01^ADT_A01';
  const header = [
    ['MSH', '^~\\&', parts.app ?? 'SENDAPP', parts.facility ?? 'SENDFAC', parts.receivingApp ?? 'RECVAPP'],
    [parts.receivingFacility ?? 'RECVFAC', '20261122083014', '', type, parts.controlId ?? newControlId()],
    [parts.processingId ?? 'P', parts.version ?? '2.5.1', '', ''],
    [parts.acceptAck ?? '', parts.applicationAck ?? '', '', parts.charset ?? ''],
  ].flat();
  while (header.at(-1) === '') header.pop();
  const standard = parts.segments ?? BODIES[type.split('^')[0] ?? ''] ?? OTHER_BODY;
  const declared = parts.delimiters ?? '|^~\\&';
  const [, , ...fields] = header;
  const msh = `MSH${declared}${declared.charAt(0)}${fields.map((field) => translate(field, declared)).join(declared.charAt(0))}`;
  const body = parts.segments ?? standard.map((segment) => translate(segment, declared));
  const separator = parts.separator ?? '\r';
  const bytes = Buffer.from([msh, ...body, ''].join(separator), parts.encoding ?? 'utf8');
  return parts.size === undefined ? bytes : pad(bytes, parts.size, declared.charAt(0), separator);
}

/** Writes `|` and `^` of a text in standard form as the message's own delimiters. */
function translate(text: string, delimiters: string): string {
  return text.replace(
    /[|^~\\&]/g,
    (character) => delimiters.charAt('|^~\\&'.indexOf(character)) || character,
  );
}

function pad(bytes: Buffer, size: number, field: string, separator: string): Buffer {
  const head = `NTE${field}1${field}L${field}`;
  const filler = size - bytes.length - head.length - separator.length;
  if (filler < 0) throw new RangeError(`a message of ${bytes.length} bytes cannot be padded to ${size}`);
  return Buffer.concat([bytes, Buffer.from(head), Buffer.alloc(filler, 'x'), Buffer.from(separator)]);
}
