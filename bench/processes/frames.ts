// The messages of the benchmark, and where in a frame its length and its control id stand.
// Promises: a frame says how long it is, so that a node needs no orders; control ids are of fixed width and count up within
// their connection, so that an answer that is another message's is seen.

/** Close to the median of real messages plus what an ADT has today; the figure that docs/benchmarks.md names. */
export const MESSAGE_BYTES = Number(process.env.BENCH_MESSAGE_BYTES ?? 600);
/** MLLP's start block, and its end block. */
export const FRAMING_BYTES = 3;

export const ID_DIGITS = 10;
/** So many digits at the end count messages, those before them connections. */
const COUNT_DIGITS = 5;
const ZERO = 0x30;

const UNTIL_LENGTH = 'MSH|^~\\&|BENCHAPP|BENCHFAC|RECVAPP|RECVFAC|20261122083014|';
const UNTIL_ID = '|ADT^A01^ADT_A01|';

/** MSH-8: the payload's bytes. */
export const LENGTH_FROM = 1 + UNTIL_LENGTH.length;
export const LENGTH_DIGITS = 8;
/** MSH-10. */
export const ID_FROM = LENGTH_FROM + LENGTH_DIGITS + UNTIL_ID.length;
export const ID_TO = ID_FROM + ID_DIGITS;

/** MSH-10 of a connection's nth message. */
export function controlId(connection: number, n: number): string {
  return String((connection + 1) * 10 ** COUNT_DIGITS + (n % 10 ** COUNT_DIGITS)).padStart(ID_DIGITS, '0');
}

/** A whole frame with a payload of so many bytes, at least 250. `id` has ID_DIGITS digits. */
export function frameOf(id: string, bytes = MESSAGE_BYTES): Buffer {
  const length = String(bytes).padStart(LENGTH_DIGITS, '0');
  const head = `${UNTIL_LENGTH}${length}${UNTIL_ID}${id}|P|2.5.1\rEVN||20261122080000\rPID|1||900001^^^TESTHOSP^MR||SAMPLE^ADA||19800101|F\r`;
  const result = 'OBX|1|NM|GLU^Glucose^L||5.4|mmol/L|3.9-5.8|N|||F\r';
  const note = 'NTE|1|L|';
  const room = bytes - head.length - note.length - 1;
  const results = result.repeat(Math.max(0, Math.floor((room - 200) / result.length)));
  const filler = 'x'.repeat(room - results.length);
  return Buffer.from(`\x0b${head}${results}${note}${filler}\r\x1c\r`, 'latin1');
}

/** Writes an id's digits over those at `at`. */
export function writeId(id: Uint8Array, into: Uint8Array, at: number): void {
  for (let i = 0; i < ID_DIGITS; i++) into[at + i] = id[i] as number;
}

/** The id of the same connection's next message, in place. */
export function countUp(id: Uint8Array): void {
  for (let i = ID_DIGITS - 1; i >= ID_DIGITS - COUNT_DIGITS; i--) {
    if (id[i] !== ZERO + 9) {
      id[i] = (id[i] as number) + 1;
      return;
    }
    id[i] = ZERO;
  }
}

/** The number that stands there in digits. */
export function numberAt(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let i = at; i < at + digits; i++) value = value * 10 + (bytes[i] as number) - ZERO;
  return value;
}

/** The node's answer, in Mirth's form; the control id is patched in at ACK_ID_FROM. */
export const ACK = Buffer.from(
  `\x0bMSH|^~\\&|RECVAPP|RECVFAC|BENCHAPP|BENCHFAC|20261122083014.446||ACK^A01^ACK|20261122083014.446|P|2.5.1\rMSA|AA|${'0'.repeat(ID_DIGITS)}\r\x1c\r`,
  'latin1',
);
export const ACK_ID_FROM = ACK.length - 3 - ID_DIGITS;
