// What senders can do to the gateway over MLLP and MLLPS: frames of every shape, headers, batches, cuts, and leaving at any moment.
// Judged by the model: a node gets no payload but the model's, each positive answer holds the digest of the message it answers.
import type { Prng } from '../../../src/tools/world/prng.ts';
import { DEADLINE, HANG_MS, LONG, type Running, type Surroundings, targetOf } from '../target.ts';
import { cut, digestOf, mutate, randomBytes, shown } from '../wire/bytes.ts';
import { connectLine, type Line } from '../wire/line.ts';
import { makeMessage, plainMessage, SPICE } from './messages.ts';
import {
  AnswerReader,
  framed,
  type ModelReading,
  msaOf,
  possiblePayloads,
  readStream,
  splitMessages,
} from './model.ts';
import { answerTo, MllpNode } from './node.ts';

const MAX_FRAME = 300_000;

interface Door {
  readonly name: string;
  readonly tls?: boolean;
  /** Which messages a frame of the model becomes. */
  readonly messages: (payload: Buffer) => Buffer[];
  readonly strict?: boolean;
  /** Where a frame ends depends on how bytes arrive: what comes of which frame is not asked. */
  readonly loose?: boolean;
  readonly config: object;
}

const whole = (payload: Buffer): Buffer[] => [payload];

const DOORS: readonly Door[] = [
  { name: 'plain', messages: whole, config: {} },
  { name: 'tls', tls: true, messages: whole, config: {} },
  {
    name: 'split',
    messages: (payload) => {
      const parts = splitMessages(payload);
      return parts.length > 0 ? [payload, ...parts] : [payload];
    },
    config: { batch: 'split', onUnavailable: 'AE' },
  },
  {
    name: 'strict',
    messages: whole,
    strict: true,
    config: {
      framing: { strayEndByte: 'refuse' },
      batch: 'refuse',
      utf16: 'refuse',
      onRejected: 'AE',
      onUnavailable: 'CE',
    },
  },
  {
    name: 'loose',
    messages: whole,
    loose: true,
    config: { framing: { missingCr: 'accept' }, missingControlId: 'forward' },
  },
];

const LIMITS = { maxFrame: MAX_FRAME, frameTimeout: DEADLINE, idleTimeout: DEADLINE, writeTimeout: DEADLINE };

export const mllpSender = targetOf('mllp-sender', (around) => new SenderFuzz(around));

class SenderFuzz implements Running {
  readonly #around: Surroundings;
  readonly #stack = new AsyncDisposableStack();
  /** Digests of what the model has found in what was sent. */
  readonly #allowed = new Set<string>();
  #ports: Readonly<Record<string, number>> = {};
  #probes = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  async start(): Promise<void> {
    const { report, tls } = this.#around;
    const node = this.#stack.use(
      await MllpNode.start({
        report,
        onMessage: (payload, link) => {
          const digest = digestOf(payload);
          if (!this.#allowed.has(digest))
            report(`a node got what nobody sent as a message: ${shown(payload)}`);
          link.write(answerTo(payload, 'AA', digest));
        },
      }),
    );
    const gateway = await this.#around.start({
      listeners: Object.fromEntries(
        DOORS.map(({ name, config, tls: secure }) => [
          name,
          {
            bind: '127.0.0.1:0',
            limits: LIMITS,
            ...config,
            ...(secure === true ? { tls: { cert: tls.cert, key: tls.key } } : {}),
          },
        ]),
      ),
      pools: {
        pool: {
          nodes: { a: { url: node.url } },
          connections: { max: 64, settle: '0', idle: '1s' },
          timeouts: { connect: LONG, ack: LONG },
          queue: { timeout: LONG },
          health: { type: 'none', fall: 1_000 },
        },
      },
      routes: [{ to: 'pool' }],
      shutdown: { timeout: '5s' },
    } as { listeners: object });
    this.#ports = Object.fromEntries(DOORS.map(({ name }) => [name, gateway.port(name)]));
  }

  async probe(): Promise<string | undefined> {
    const message = plainMessage(`probe-${this.#probes++}`);
    this.#allowed.add(digestOf(message));
    const line = await this.#connect(this.#probes % 2 === 0 ? 'plain' : 'tls');
    if (line === undefined) return 'no connection for a probe';
    const answers = new AnswerReader();
    line.onBytes = (chunk) => answers.push(chunk);
    line.write(framed(message));
    const came = await line.until(() => answers.payloads.length > 0 || line.gone, HANG_MS);
    line.destroy();
    const [msa] = msaOf(answers.payloads[0] ?? Buffer.alloc(0));
    if (!came) return 'a probe was not answered';
    return msa?.text === digestOf(message) && msa.code === 'AA'
      ? undefined
      : `a probe was answered ${shown(answers.payloads[0] ?? Buffer.alloc(0))}`;
  }

  async run(index: number, prng: Prng): Promise<string | undefined> {
    const door = prng.pick(DOORS);
    const { stream, plain } = makeStream(prng, index);
    const model = readStream(stream, { strict: door.strict === true, maxFrame: MAX_FRAME });
    const payloads =
      door.loose === true ? possiblePayloads(stream) : model.frames.map(({ payload }) => payload);
    for (const payload of payloads)
      for (const message of door.messages(payload)) this.#allowed.add(digestOf(message));
    const ending = prng.next();
    const pieces = cut(prng, stream);
    const line = await this.#connect(door.name);
    if (line === undefined) return `no connection to ${door.name}`;
    const answers = new AnswerReader();
    line.onBytes = (chunk) => answers.push(chunk);
    const writing = line.writePieces(pieces);
    if (ending < 0.15) {
      // Leaves in the middle.
      if (ending < 0.05) await writing;
      if (ending < 0.1) line.reset();
      else line.destroy();
    } else {
      await writing;
      // A few wait for the gateway to lose patience.
      if (ending > 0.999) await line.until(() => line.ended || line.gone, HANG_MS);
      line.finish();
    }
    const gone = await line.until(() => line.gone, HANG_MS);
    line.destroy();
    const said = (what: string): string => `${what} at ${door.name}: ${shown(stream)}`;
    if (!gone) return said('hang: the connection did not end');
    const wrong =
      answers.wrong ?? (door.loose === true ? undefined : judge(door, model, answers, plain, ending >= 0.15));
    return wrong === undefined ? undefined : said(wrong);
  }

  #connect(door: string): Promise<Line | undefined> {
    const port = this.#ports[door] ?? 0;
    return connectLine({ port, tls: door === 'tls' ? { ca: this.#around.tls.ca } : undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Answers come in the order of the model's frames, one for each. */
function judge(
  door: Door,
  model: ModelReading,
  answers: AnswerReader,
  plain: ReadonlySet<string>,
  stayed: boolean,
): string | undefined {
  const { frames } = model;
  const { payloads } = answers;
  if (payloads.length > frames.length) return `${payloads.length} answers to ${frames.length} frames`;
  for (const [n, payload] of payloads.entries()) {
    const frame = frames[n];
    if (frame === undefined) break;
    const positive = msaOf(payload).filter(({ code }) => code === 'AA' || code === 'CA');
    if (positive.length > 0 && frame.refused) return `frame ${n} cannot be carried, and was acknowledged`;
    const digests = door.messages(frame.payload).map(digestOf);
    let from = 0;
    for (const { text } of positive) {
      const at = digests.indexOf(text, from);
      if (at < 0) return `frame ${n} has the answer of another message: ${shown(payload)}`;
      from = at + 1;
    }
    if (plain.has(digestOf(frame.payload)) && positive.length === 0)
      return `frame ${n} is a plain message, and was refused: ${shown(payload)}`;
  }
  const unanswered = frames[payloads.length];
  if (stayed && unanswered !== undefined && !unanswered.refused && plain.has(digestOf(unanswered.payload)))
    return `frame ${payloads.length} is a plain message, and was not answered`;
  if (stayed && !answers.isWhole) return 'half an answer';
  return undefined;
}

function makeStream(prng: Prng, index: number): { stream: Buffer; plain: ReadonlySet<string> } {
  const parts: Buffer[] = [];
  const plain = new Set<string>();
  for (let n = prng.int(1, 6); n > 0; n--) {
    const { bytes, plain: isPlain } = makeMessage(prng, `F${index}-${n}`);
    const kind = prng.next();
    if (kind < 0.45) {
      parts.push(framed(bytes));
      if (isPlain) plain.add(digestOf(bytes));
    } else if (kind < 0.75) parts.push(mutate(prng, framed(bytes), SPICE));
    else if (kind < 0.8) parts.push(prng.pick(SPICE));
    else if (kind < 0.83) parts.push(framed(Buffer.alloc(0)));
    else if (kind < 0.87) parts.push(framed(bytes).subarray(0, prng.int(1, bytes.length + 2)));
    else if (kind < 0.9) parts.push(Buffer.from([0x0b]), framed(bytes));
    else if (kind < 0.93) parts.push(Buffer.from(prng.pick(['\0', ' ', '\r\n', '\n\n\0 '])), framed(bytes));
    else if (kind < 0.95) parts.push(bytes);
    else if (kind < 0.97) parts.push(randomBytes(prng, prng.int(1, prng.chance(0.1) ? 3_000 : 60)));
    else if (kind < 0.98) parts.push(framed(makeMessage(prng, `F${index}-${n}i`).bytes), framed(bytes));
    else if (kind < 0.99) parts.push(framed(Buffer.concat([bytes, framed(bytes), bytes])));
    else if (prng.chance(0.1))
      parts.push(
        framed(Buffer.concat([bytes, Buffer.alloc(MAX_FRAME - bytes.length + prng.int(-2, 2), 'x')])),
      );
    else parts.push(framed(bytes));
  }
  return { stream: Buffer.concat(parts), plain };
}
