// Ready-made scripts for a faulty node: every way to answer, not to answer, or to answer wrongly that the tests know.
// Promises: each is a Script, so they nest (`answers.after(hold, answers.reset())`); none waits for a time, only for gates.

import { ackFor, frame } from './mllp.ts';
import type { Exchange, Script } from './node-connection.ts';
import type { Gate } from './until.ts';

export type Over = NonNullable<Parameters<typeof ackFor>[2]>;

/** What Mirth 4.5.2 says in MSA-3. */
const MIRTH_TEXT: Readonly<Record<string, string>> = {
  AE: 'An Error Occurred Processing Message.',
  AR: 'Message Rejected.',
};

function ack(code: string, over: Over = {}): Script {
  const text = over.text ?? MIRTH_TEXT[code];
  return ({ connection, payload }) =>
    connection.answer(ackFor(payload, code, text === undefined ? over : { ...over, text }));
}

/** Writes the bytes that `make` builds out of the correct framed AA. */
function framed(
  make: (aa: Buffer, exchange: Exchange) => Buffer,
  cutAt?: (bytes: Buffer) => number[],
): Script {
  return (exchange) => {
    const bytes = make(frame(ackFor(exchange.payload)), exchange);
    return exchange.connection.write(bytes, cutAt?.(bytes));
  };
}

const every = (bytes: Buffer): number[] => Array.from(bytes.keys());

export const answers = {
  aa: (over?: Over) => ack('AA', over),
  ae: (over?: Over) => ack('AE', over),
  ar: (over?: Over) => ack('AR', over),
  ca: (over?: Over) => ack('CA', over),
  ce: (over?: Over) => ack('CE', over),
  cr: (over?: Over) => ack('CR', over),
  /** Any MSA-1, also one that HL7 does not know. */
  code: ack,

  /** These bytes as they are, unframed. */
  bytes:
    (bytes: Buffer, cutAt?: readonly number[]): Script =>
    ({ connection }) =>
      connection.write(bytes, cutAt),
  /** This payload, framed. */
  payload:
    (payload: Buffer | string): Script =>
    ({ connection }) =>
      connection.answer(payload),
  /** Nothing, ever; the connection stays open and the next message on it is served. */
  none: (): Script => () => undefined,

  /** Waits for the gate, then goes on with `script`; later messages of the connection wait too. A late ACK is this, too. */
  after:
    (hold: Gate, script: Script = ack('AA')): Script =>
    async (exchange) => {
      await hold.opened;
      await script(exchange);
    },
  /** Like `after`, but later messages of the connection do not wait: answers may come out of order. */
  detached:
    (hold: Gate, script: Script = ack('AA')): Script =>
    (exchange) => {
      // A script that rejects here is an unhandled rejection, which fails the test run: nobody is left to tell.
      void hold.opened.then(() => script(exchange));
    },
  /** CA at once; the application's answer on the same connection when the gate opens (HL7 v2.9.1 2.9.3). */
  commitThen:
    (hold: Gate, code = 'AA'): Script =>
    async (exchange) => {
      await ack('CA')(exchange);
      void hold.opened.then(() => ack(code)(exchange));
    },
  /** One script after the other, for one message. */
  all:
    (...scripts: readonly Script[]): Script =>
    async (exchange) => {
      for (const script of scripts) await script(exchange);
    },
  /** The first script for the node's first message from now on, and so on; the last one for all that follow. */
  inSequence: (...scripts: readonly [Script, ...Script[]]): Script => {
    let next = 0;
    return (exchange) => scripts[Math.min(next++, scripts.length - 1)]?.(exchange);
  },
  /** Chosen by the message. */
  by:
    (choose: (exchange: Exchange) => Script): Script =>
    (exchange) =>
      choose(exchange)(exchange),
  /** Two messages of one connection answered in the wrong order, as HAPI 2.3 can do with pipelined frames. */
  swapped: (): Script => {
    const waiting = new Map<number, Exchange>();
    return async (exchange) => {
      const first = waiting.get(exchange.connection.id);
      if (first === undefined) {
        waiting.set(exchange.connection.id, exchange);
        return;
      }
      waiting.delete(exchange.connection.id);
      await ack('AA')(exchange);
      await ack('AA')(first);
    };
  },

  // Wrong answers
  wrongControlId: (controlId = 'NOT-THIS-ONE') => ack('AA', { controlId }),
  withoutControlId: () => ack('AA', { controlId: '' }),
  /** Mirth's answer to text that is no HL7: an AA with delimiters taken from that text. */
  garbled: () =>
    answers.payload(
      Buffer.from('MSHe lloeMIRTHeeee20261122083014.446eeACKe20261122083014.446ePe2.4\rMSAeAAe1\r'),
    ),
  /** Framed bytes that are no HL7 at all. */
  noise: (bytes: Buffer = Buffer.from('<html><body>502</body></html>')) => answers.payload(bytes),
  /** An ACK whose MSA is missing. */
  withoutMsa:
    (): Script =>
    ({ connection, payload }) => {
      const whole = ackFor(payload);
      return connection.answer(whole.subarray(0, whole.indexOf('\rMSA') + 1));
    },
  emptyFrame: () => answers.payload(Buffer.alloc(0)),
  /** The sender's own message back, which has the right MSH-10 and no MSA: an echo server on the node's port. */
  echo:
    (): Script =>
    ({ connection, payload }) =>
      connection.answer(payload),
  junkBefore: (junk: Buffer = Buffer.from('\r\n\0 ')) => framed((aa) => Buffer.concat([junk, aa])),
  junkAfter: (junk: Buffer = Buffer.from('\r\n\0 ')) => framed((aa) => Buffer.concat([aa, junk])),
  twice: () => framed((aa) => Buffer.concat([aa, aa])),

  // Wrong framing
  withoutStartBlock: () => framed((aa) => aa.subarray(1)),
  /** Neither 1C nor CR. */
  withoutEndBlock: () => framed((aa) => aa.subarray(0, -2)),
  /** 1C without CR. */
  withoutCr: () => framed((aa) => aa.subarray(0, -1)),

  // Chunks
  /** Byte by byte, each in a read of its own. */
  dripping: () => framed((aa) => aa, every),
  /** The first `count` bytes, then the rest when the gate opens. */
  stalling:
    (count: number, hold: Gate): Script =>
    async ({ connection, payload }) => {
      const aa = frame(ackFor(payload));
      await connection.write(aa.subarray(0, count));
      await hold.opened;
      await connection.write(aa.subarray(count));
    },
  /** Cut at these positions of the framed ACK; negative ones count from its end. */
  chunked: (...positions: readonly number[]) =>
    framed(
      (aa) => aa,
      (bytes) => positions.map((at) => (at < 0 ? bytes.length + at : at)),
    ),
  /** `1C` and `0D` in two packets. */
  endInTwoPackets: () => answers.chunked(-1),

  // Endings, all after the message has been read
  close:
    (): Script =>
    ({ connection }) =>
      connection.close(),
  reset:
    (): Script =>
    ({ connection }) =>
      connection.reset(),
  halfClose:
    (): Script =>
    ({ connection }) =>
      connection.halfClose(),
  /** Half of the ACK, then the end of the connection. */
  halfThen:
    (ending: 'close' | 'reset'): Script =>
    async ({ connection, payload }) => {
      const aa = frame(ackFor(payload));
      // Written as a piece of its own, so that an RST that follows does not overtake it.
      await connection.write(aa.subarray(0, aa.length >> 1), [aa.length >> 2]);
      connection[ending]();
    },
  /** A good answer, then the end: a stopping Mirth channel. A pipelined second message is dropped unanswered. */
  aaThen:
    (ending: 'close' | 'reset' | 'halfClose'): Script =>
    async (exchange) => {
      await ack('AA')(exchange);
      exchange.connection[ending]();
    },
} as const;
