// What it costs to read a header or a field here, and to have a worker read it: the whole way, and the event loop's share.
// Promises: the answers are compared; a read that finds something else has no result.
import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { parseFieldPath, readPath } from '../../src/hl7/field-path.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { Parsing, type ParsingConfig } from '../../src/hl7/parsing.ts';
import { share } from '../../src/hl7/shared-bytes.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const HEAD =
  'MSH|^~\\&|LAB|NORTH|EHR|NORTH|20261122083014||ORU^R01^ORU_R01|4711|P|2.5.1\rPID|1||900001^^^TESTHOSP^MR\r';

/** Lines of a real report's length; of the last one OBX-3.1 is LAST. A path can name 99,999 segments of a name. */
export function report(size: number): { readonly bytes: Buffer; readonly lastPath: string } {
  const filler = (n: number): string => `OBX|${n}|NM|GLU^Glucose^L||5.4|mmol/L|3.9-5.8|N|||F\r`;
  const count = Math.min(65_536, Math.floor((size - HEAD.length) / filler(10_000).length));
  const padding = 'x'.repeat(Math.max(0, Math.floor((size - HEAD.length) / count) - filler(10_000).length));
  const lines = Array.from({ length: count }, (_, i) =>
    i + 1 === count ? 'OBX|1|NM|LAST^Last^L||1|\r' : filler(i + 1).replace('mmol/L', `mmol/L${padding}`),
  );
  return { bytes: Buffer.from(HEAD + lines.join('')), lastPath: `OBX[${count}]-3.1` };
}

/** One value that is as long as the message: a document in OBX-5, whose last word is `urgent`. */
export function document(size: number): Buffer {
  const text = 'no finding of note, see the former report; ';
  return Buffer.from(
    `${HEAD}OBX|1|TX|||${text.repeat(Math.floor((size - HEAD.length) / text.length))}urgent\r`,
  );
}

const POOL: ParsingConfig = {
  workers: 1,
  offload: 'always',
  inlineLimitBytes: 0,
  queue: 1_000_000,
  timeoutMs: 60_000,
};

export interface ReadRow {
  readonly what: string;
  readonly bytes: number;
  readonly hereMicros: number;
  /** One at a time: from the asking to the answer. */
  readonly workerMicros: number;
  /** CPU time of the event loop's thread for one, while so many are asked for at once. */
  readonly loopMicros: number;
  readonly together: number;
}

/** CPU time of this thread alone, in microseconds. */
function threadMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function medianOf(times: number, once_: () => number): number {
  const all = Array.from({ length: times }, once_).sort((a, b) => a - b);
  return all[all.length >> 1] as number;
}

function microsHere(read: () => string | undefined, expected: string, budgetMs: number): number {
  if (read() !== expected) throw new Error(`not ${expected}`);
  const warm = performance.now();
  let runs = 0;
  while (performance.now() - warm < budgetMs) {
    read();
    runs++;
  }
  const each = Math.max(1, Math.floor(runs / 5));
  return medianOf(5, () => {
    const from = performance.now();
    for (let i = 0; i < each; i++) read();
    return ((performance.now() - from) * 1_000) / each;
  });
}

async function microsInWorker(
  read: () => Promise<string | undefined>,
  expected: string,
  budgetMs: number,
  together: number,
): Promise<Pick<ReadRow, 'workerMicros' | 'loopMicros'>> {
  if ((await read()) !== expected) throw new Error(`not ${expected}`);
  const singles: number[] = [];
  for (const end = performance.now() + budgetMs; performance.now() < end; ) {
    const from = performance.now();
    await read();
    singles.push((performance.now() - from) * 1_000);
  }
  singles.sort((a, b) => a - b);
  let done = 0;
  const cpu = threadMicros();
  for (const end = performance.now() + budgetMs; performance.now() < end; ) {
    await Promise.all(Array.from({ length: together }, read));
    done += together;
  }
  return { workerMicros: singles[singles.length >> 1] as number, loopMicros: (threadMicros() - cpu) / done };
}

export async function* compareReads(quick: boolean): AsyncGenerator<ReadRow> {
  const budgetMs = quick ? 200 : 1_500;
  const parsing = new Parsing(POOL);
  parsing.start(true);
  try {
    const small = report(600).bytes;
    const headerHere = (): string => readHeader(small).text(10);
    const headerThere = async (): Promise<string> => (await parsing.readHeader(small)).text(10);
    for (const together of [1, 8, 64]) {
      const hereMicros = microsHere(headerHere, '4711', budgetMs);
      const there = await microsInWorker(headerThere, '4711', budgetMs, together);
      yield { what: 'header', bytes: small.length, hereMicros, ...there, together };
    }
    let id = 3_000_000;
    for (const size of [9 * KIB, 32 * KIB, 64 * KIB, 128 * KIB, MIB, 50 * MIB]) {
      const { bytes, lastPath } = report(size);
      // As the listener hands it on: above 64 KiB it lies in shared memory.
      const { memory, offset, length } = share(bytes);
      const message = size > 64 * KIB ? Buffer.from(memory, offset, length) : bytes;
      for (const [text, expected] of [
        ['PID-3.1', '900001'],
        [lastPath, 'LAST'],
      ] as const) {
        const path = parseFieldPath(text);
        if (path === undefined) throw new Error(text);
        const header = readHeader(message);
        const ofRouting = [{ path: text, keep: 4097, regexes: [] }];
        const asked = { id: ++id, ofRouting, ofEach: undefined, further: false };
        const there = async (): Promise<string | undefined> =>
          (await parsing.readFields(message, undefined, asked).result).ofRouting[0]?.text;
        const hereMicros = microsHere(() => readPath(header, path), expected, budgetMs);
        const what = text === lastPath ? 'last OBX' : text;
        yield {
          what,
          bytes: message.length,
          hereMicros,
          ...(await microsInWorker(there, expected, budgetMs, 1)),
          together: 1,
        };
      }
    }
  } finally {
    await parsing.close();
  }
}

function sizeText(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  return bytes < MIB * 0.9 ? `${Math.round(bytes / KIB)} KiB` : `${Math.round(bytes / MIB)} MiB`;
}

const micros = (value: number): string =>
  value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en');

export function readTable(rows: readonly ReadRow[]): string[][] {
  return [
    ['what', 'message', 'here µs', 'in a worker µs', 'asked at once', 'event loop’s CPU µs each'],
    ...rows.map((row) => [
      row.what,
      sizeText(row.bytes),
      micros(row.hereMicros),
      micros(row.workerMicros),
      String(row.together),
      micros(row.loopMicros),
    ]),
  ];
}

export interface HandOverRow {
  readonly how: string;
  readonly bytes: number;
  readonly roundTripMicros: number;
  readonly loopMicros: number;
}

/** Reads one byte, so that it is the way there and back that is measured. */
const ECHO = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ port }) => port.on('message', ({ bytes, back }) => {
  const first = new Uint8Array(bytes)[0];
  port.postMessage(back ? bytes : first, back ? [bytes] : []);
}));`;

export async function* compareHandOvers(quick: boolean): AsyncGenerator<HandOverRow> {
  const worker = new Worker(ECHO, { eval: true });
  const { port1: port, port2 } = new MessageChannel();
  worker.postMessage({ port: port2 }, [port2]);
  try {
    for (const size of [64 * KIB, MIB, 50 * MIB]) {
      const frame = Buffer.alloc(size, 'x');
      let lent = frame.buffer.slice(0, size) as ArrayBuffer;
      const shared = new SharedArrayBuffer(size);
      const ways: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['structured clone', () => ask({ bytes: frame.buffer, back: false })],
        [
          'transfer, and back',
          async () => {
            lent = (await ask({ bytes: lent, back: true }, [lent])) as ArrayBuffer;
          },
        ],
        [
          'copy into shared memory',
          () => {
            const copy = new SharedArrayBuffer(size);
            new Uint8Array(copy).set(frame);
            return ask({ bytes: copy, back: false });
          },
        ],
        ['shared memory that it came in', () => ask({ bytes: shared, back: false })],
      ];
      for (const [how, go] of ways) {
        for (let i = 0; i < 3; i++) await go();
        const times: number[] = [];
        const cpu = threadMicros();
        for (const end = performance.now() + (quick ? 200 : 1_500); performance.now() < end; ) {
          const from = performance.now();
          await go();
          times.push((performance.now() - from) * 1_000);
        }
        const loopMicros = (threadMicros() - cpu) / times.length;
        times.sort((a, b) => a - b);
        yield { how, bytes: size, roundTripMicros: times[times.length >> 1] as number, loopMicros };
      }
    }
  } finally {
    port.close();
    await worker.terminate();
  }

  async function ask(message: object, transfer: ArrayBuffer[] = []): Promise<unknown> {
    const answer = once(port, 'message');
    port.postMessage(message, transfer);
    return (await answer)[0];
  }
}

export function handOverTable(rows: readonly HandOverRow[]): string[][] {
  return [
    ['how', 'message', 'there and back µs', 'event loop’s CPU µs'],
    ...rows.map((row) => [row.how, sizeText(row.bytes), micros(row.roundTripMicros), micros(row.loopMicros)]),
  ];
}
