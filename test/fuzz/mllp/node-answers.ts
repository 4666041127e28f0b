// What nodes do with a message, by seed: answers late, wrong, several, in pieces, cut, mutated, or none, and connections that end.
// Promises: every answer says whose message it is for (a digest), and whether a sender may ever see it.
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import type { Prng } from '../../../src/tools/world/prng.ts';
import { mutate, randomBytes } from '../wire/bytes.ts';
import { SPICE } from './messages.ts';
import { framed } from './model.ts';
import { answerTo, type NodeLink } from './node.ts';

/**
 * `r`: the right answer, whatever its code. `t`: a negative one under a foreign id, which may pass for the answer where only one
 * message is out. `w`: never to be seen. `l`: right, but after its time. `m`: mutated, nobody knows.
 */
export type Mark = 'r' | 't' | 'w' | 'l' | 'm';

export interface Script {
  readonly kind: string;
  /** `payload`: as it came. */
  readonly play: (payload: Buffer, link: NodeLink) => Promise<void> | void;
}

export interface ScriptRoom {
  readonly digest: string;
  /** Of the pool. */
  readonly ackMs: number;
  /** Of other messages: under way, answered, or never sent. */
  readonly otherIds: readonly string[];
  readonly enhanced: boolean;
}

const POSITIVE = ['AA', 'CA'];
const CODES = ['AA', 'AA', 'AA', 'AE', 'AR'];

export function makeScript(prng: Prng, { digest, ackMs, otherIds, enhanced }: ScriptRoom): Script {
  const mark = (of: Mark): string => `D${digest}!${of}`;
  const code = enhanced ? prng.pick(['CA', 'CA', 'CA', 'CE', 'AA', 'AE']) : prng.pick(CODES);
  const right = (payload: Buffer): Buffer => answerTo(payload, code, mark('r'));
  const foreign = prng.chance(0.5) ? prng.pick(otherIds) : prng.pick(['', 'X', '0', 'NOBODY']);
  const wrong = (payload: Buffer): Buffer =>
    answerTo(payload, code, mark(POSITIVE.includes(code) ? 'w' : 't'), foreign);
  const one = (kind: string, bytes: (payload: Buffer) => Buffer): Script => ({
    kind,
    play: (payload, link) => link.write(bytes(payload)),
  });
  const kinds: readonly (readonly [weight: number, make: () => Script])[] = [
    [30, () => one('right', right)],
    [4, () => dripping(right)],
    [3, () => late(prng.int(0, 2 * ackMs), (payload) => answerTo(payload, code, mark('l')))],
    [1, () => ({ kind: 'never', play: () => {} })],
    [4, () => one('wrong id', wrong)],
    [3, () => one('wrong id, then right', (payload) => Buffer.concat([wrong(payload), right(payload)]))],
    [4, () => one('twice', (payload) => Buffer.concat([right(payload), right(payload)]))],
    [3, () => twice(prng.int(0, 30), right)],
    [3, () => one('right, then wrong id', (payload) => Buffer.concat([right(payload), wrong(payload)]))],
    [2, () => one('empty frame', () => framed(''))],
    [2, () => one('empty frame, then right', (payload) => Buffer.concat([framed(''), right(payload)]))],
    [2, () => one('no MSA', () => framed(`MSH|^~\\&|N|N|||2026||ACK|1|P|2.5\rZZZ|${mark('w')}\r`))],
    [
      2,
      () =>
        one('no such code', (payload) =>
          answerTo(payload, prng.pick(['A', 'AAA', 'OK', 'NN', '', 'XA']), mark('w')),
        ),
    ],
    [2, () => one('not HL7', () => framed(prng.pick(['hello', '\0\0', 'PID|1', '{"ok":true}'])))],
    [2, () => one('no framing', (payload) => right(payload).subarray(1, -2))],
    [2, () => one('no start block', (payload) => right(payload).subarray(1))],
    [2, () => one('no end', (payload) => right(payload).subarray(0, -2))],
    [2, () => one('no CR', (payload) => right(payload).subarray(0, -1))],
    [
      2,
      () =>
        one('junk, then right', (payload) =>
          Buffer.concat([
            Buffer.from(prng.pick(['\0\0', '\r\n', '   ', 'hello ', 'HTTP/1.1 200 OK\r\n\r\n'])),
            right(payload),
          ]),
        ),
    ],
    [1, () => one('junk', () => randomBytes(prng, prng.int(1, 2_000)))],
    [
      8,
      () => {
        const bytes = (payload: Buffer): Buffer =>
          mutate(prng.fork(), answerTo(payload, code, mark('m')), SPICE);
        return one('mutated', bytes);
      },
    ],
    [
      2,
      () =>
        one('cut off, then right', (payload) =>
          Buffer.concat([right(payload).subarray(0, prng.int(1, 60)), right(payload)]),
        ),
    ],
    [3, () => ends('closes without an answer', 'end', () => undefined)],
    [2, () => ends('resets without an answer', 'reset', () => undefined)],
    [3, () => ends('answers and closes', 'end', right)],
    [2, () => ends('answers and resets', 'reset', right)],
    [
      2,
      () =>
        ends('half an answer, then closes', 'end', (payload) => right(payload).subarray(0, prng.int(1, 70))),
    ],
    [
      1,
      () =>
        ends('half an answer, then resets', 'reset', (payload) =>
          right(payload).subarray(0, prng.int(1, 70)),
        ),
    ],
  ];
  if (enhanced && prng.chance(0.6)) return committed(prng, mark);
  return pickBy(prng, kinds)();
}

function dripping(bytes: (payload: Buffer) => Buffer): Script {
  return {
    kind: 'dripping',
    async play(payload, link) {
      for (const byte of bytes(payload)) {
        link.write(Buffer.from([byte]));
        await turn();
      }
    },
  };
}

function late(ms: number, bytes: (payload: Buffer) => Buffer): Script {
  return {
    kind: 'late',
    async play(payload, link) {
      await pause(ms);
      link.write(bytes(payload));
    },
  };
}

function twice(ms: number, bytes: (payload: Buffer) => Buffer): Script {
  return {
    kind: 'twice, the second later',
    async play(payload, link) {
      link.write(bytes(payload));
      await pause(ms);
      link.write(bytes(payload));
    },
  };
}

function ends(kind: string, how: 'end' | 'reset', bytes: (payload: Buffer) => Buffer | undefined): Script {
  return {
    kind,
    play(payload, link) {
      const said = bytes(payload);
      if (said !== undefined) link.write(said);
      if (how === 'end') link.socket.end();
      else link.socket.resetAndDestroy();
    },
  };
}

/** A commit, and what comes of the message: at once, later, twice, or instead. */
function committed(prng: Prng, mark: (of: Mark) => string): Script {
  const commit = prng.pick(['CA', 'CA', 'CA', 'CR']);
  const application = prng.pick(['AA', 'AE', 'AR']);
  const [count, delayMs] = [prng.pick([0, 1, 1, 1, 2]), prng.pick([0, 0, 5, 40])];
  const commitFirst = prng.chance(0.9);
  return {
    kind: 'commit',
    async play(payload, link) {
      if (commitFirst) link.write(answerTo(payload, commit, mark('r')));
      for (let n = 0; n < count; n++) {
        if (delayMs > 0) await pause(delayMs);
        link.write(answerTo(payload, application, mark('r')));
      }
      if (!commitFirst) link.write(answerTo(payload, commit, mark('r')));
    },
  };
}

function pickBy<T>(prng: Prng, from: readonly (readonly [number, T])[]): T {
  let left = prng.next() * from.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, one] of from) {
    left -= weight;
    if (left < 0) return one;
  }
  throw new Error('nothing to pick from');
}
