// The messages of the benchmark, built once, and the cheapest way to tell frames apart on the far side.
// Promises: every frame has the same length; its control id counts up from 0 within its connection and is of fixed width.

/** Close to the median of real messages plus what an ADT has today; the figure that docs/benchmarks.md names. */
export const MESSAGE_BYTES = Number(process.env.BENCH_MESSAGE_BYTES ?? 600);
/** Control ids wrap around after this many messages of one connection: as many frames are built for each. */
export const RING = 512;

export const ID_DIGITS = 10;
/** Where MSH-10 begins in a frame: behind the start block and what `build` puts before it. */
const HEAD = 'MSH|^~\\&|BENCHAPP|BENCHFAC|RECVAPP|RECVFAC|20261122083014||ADT^A01^ADT_A01|';

/** MSH-10 of a connection's nth message. */
export function controlId(connection: number, n: number): string {
  return String((connection + 1) * 100_000 + (n % RING)).padStart(ID_DIGITS, '0');
}

/** A whole frame with a payload of MESSAGE_BYTES. `id` has ID_DIGITS digits. */
export function frameOf(id: string): Buffer {
  const start = `${HEAD}${id}|P|2.5.1\rEVN||20261122080000\rPID|1||900001^^^TESTHOSP^MR||SAMPLE^ADA||19800101|F\r`;
  const note = 'NTE|1|L|';
  const filler = 'x'.repeat(MESSAGE_BYTES - start.length - note.length - 1);
  return Buffer.from(`\x0b${start}${note}${filler}\r\x1c\r`, 'latin1');
}

/** Frames 0 to RING - 1 of a connection, one behind the other and once over, so that any run of them is one slice. */
export function ring(connection: number): { readonly bytes: Buffer; readonly frameBytes: number } {
  const frames = Array.from({ length: RING }, (_, n) => frameOf(controlId(connection, n)));
  return { bytes: Buffer.concat([...frames, ...frames]), frameBytes: MESSAGE_BYTES + 3 };
}

/** Of a frame of this benchmark, where its control id stands. */
export const ID_FROM = 1 + HEAD.length;
export const ID_TO = ID_FROM + ID_DIGITS;

/** The node's answer, in Mirth's form; the control id is patched in at `ackIdAt`. */
export const ACK = Buffer.from(
  `\x0bMSH|^~\\&|RECVAPP|RECVFAC|BENCHAPP|BENCHFAC|20261122083014.446||ACK^A01^ACK|20261122083014.446|P|2.5.1\rMSA|AA|${'0'.repeat(ID_DIGITS)}\r\x1c\r`,
  'latin1',
);
export const ACK_ID_FROM = ACK.length - 3 - ID_DIGITS;
