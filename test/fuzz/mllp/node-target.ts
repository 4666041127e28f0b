// What nodes can do to the gateway over MLLP. Judged by what the nodes wrote: each answer holds the digest of the message that it
// is for, and a sender may see none with another's, none that was never an answer, and none out of order.
import type { Prng } from '../../../src/tools/world/prng.ts';
import { HANG_MS, LONG, type Running, type Surroundings, targetOf } from '../target.ts';
import { cut, digestOf, shown } from '../wire/bytes.ts';
import { connectLine } from '../wire/line.ts';
import { plainMessage } from './messages.ts';
import { AnswerReader, framed, msaOf } from './model.ts';
import { answerTo, MllpNode } from './node.ts';
import { makeScript, type Script } from './node-answers.ts';

const ACK_MS = 150;
/** Messages between one and another that may say its id. */
const LONG_OVER = 2_000;

interface Kind {
  readonly name: string;
  readonly connections: object;
  readonly enhanced?: boolean;
  /** All senders use the same few control ids. */
  readonly sharedIds?: boolean;
}

const KINDS: readonly Kind[] = [
  { name: 'lockstep', connections: { max: 64, settle: '0' } },
  { name: 'pipelined', connections: { max: 8, pipelining: 8, settle: '0' } },
  { name: 'settled', connections: { max: 32, pipelining: 2, settle: '2ms' } },
  { name: 'enhanced', connections: { max: 64, settle: '0' }, enhanced: true },
  { name: 'enhanced-pipelined', connections: { max: 16, pipelining: 4, settle: '0' }, enhanced: true },
  { name: 'shared', connections: { max: 64, settle: '0', repeatedIds: 'redial' }, sharedIds: true },
];

interface SentMessage {
  readonly digest: string;
  readonly bytes: Buffer;
  readonly script: Script;
}

export const mllpNode = targetOf('mllp-node', (around) => new NodeFuzz(around));

class NodeFuzz implements Running {
  readonly #around: Surroundings;
  readonly #stack = new AsyncDisposableStack();
  readonly #sent = new Map<string, SentMessage>();
  #ports: Readonly<Record<string, number>> = {};
  #ids: string[] = [];
  #probes = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  async start(): Promise<void> {
    const { report } = this.#around;
    const node = this.#stack.use(
      await MllpNode.start({
        report,
        onMessage: (payload, link) => {
          const sent = this.#sent.get(digestOf(payload));
          if (sent === undefined) report(`a node got what nobody sent: ${shown(payload)}`);
          else void Promise.resolve(sent.script.play(payload, link)).catch((error) => report(String(error)));
        },
      }),
    );
    const honest = this.#stack.use(
      await MllpNode.start({
        report,
        onMessage: (payload, link) => link.write(answerTo(payload, 'AA', digestOf(payload))),
      }),
    );
    const names = [...KINDS.map(({ name }) => name), 'probe'];
    const pool = (url: string, connections: object, ack: string): object => ({
      nodes: { a: { url } },
      connections: { idle: '1s', ...connections },
      timeouts: { connect: LONG, ack },
      queue: { timeout: '2s' },
      health: { type: 'none', fall: 1_000 },
    });
    const gateway = await this.#around.start({
      listeners: Object.fromEntries(
        names.map((name) => [name, { bind: '127.0.0.1:0', onUnavailable: 'AE' }]),
      ),
      pools: {
        ...Object.fromEntries(
          KINDS.map(({ name, connections }) => [name, pool(node.url, connections, `${ACK_MS}ms`)]),
        ),
        probe: pool(honest.url, {}, LONG),
      },
      routes: names.map((name) => ({ name, when: { listener: name }, to: name })),
      shutdown: { timeout: '5s' },
    } as { listeners: object });
    this.#ports = Object.fromEntries(names.map((name) => [name, gateway.port(name)]));
  }

  async probe(): Promise<string | undefined> {
    const message = plainMessage(`probe-${this.#probes++}`);
    const answers = await this.#ask('probe', [framed(message)], 1);
    const [msa] = msaOf(answers?.reader.payloads[0] ?? Buffer.alloc(0));
    return msa?.code === 'AA' && msa.text === digestOf(message)
      ? undefined
      : `a probe was answered ${JSON.stringify(msa)}`;
  }

  async run(index: number, prng: Prng): Promise<string | undefined> {
    const kind = prng.pick(KINDS);
    const messages = Array.from({ length: prng.int(1, 4) }, (_, n) =>
      this.#make(prng, kind, `N${index}-${n}`),
    );
    for (const one of messages) this.#sent.set(one.digest, one);
    const pieces = prng.chance(0.7)
      ? [Buffer.concat(messages.map(({ bytes }) => framed(bytes)))]
      : messages.flatMap(({ bytes }) => cut(prng, framed(bytes)));
    const answers = await this.#ask(kind.name, pieces, messages.length);
    const wrong = answers === undefined ? 'no connection' : judge(kind, messages, answers, this.#sent);
    return wrong === undefined
      ? undefined
      : `${wrong} (${kind.name}: ${messages.map(({ script }) => script.kind).join('; ')})`;
  }

  #make(prng: Prng, { enhanced = false, sharedIds = false }: Kind, token: string): SentMessage {
    const id = sharedIds ? `S${prng.int(1, 3)}` : token;
    const bytes = plainMessage(token, { id, ...(enhanced ? { modes: ['AL', 'AL'] as const } : {}) });
    const digest = digestOf(bytes);
    // Of messages that are long over: what is said under one that is out, by the node that has it, is its answer.
    const otherIds = ['OLD', ...this.#ids.slice(0, 20)].filter((other) => other !== id);
    if (!sharedIds) this.#ids = [...this.#ids.slice(-LONG_OVER), id];
    return { digest, bytes, script: makeScript(prng, { digest, ackMs: ACK_MS, otherIds, enhanced }) };
  }

  /** Until all are answered, or the gateway closes; then ends, and takes what still comes. */
  async #ask(
    listener: string,
    pieces: readonly Buffer[],
    count: number,
  ): Promise<{ reader: AnswerReader; inTime: boolean } | undefined> {
    const line = await connectLine({ port: this.#ports[listener] ?? 0 });
    if (line === undefined) return undefined;
    const reader = new AnswerReader();
    line.onBytes = (chunk) => reader.push(chunk);
    await line.writePieces(pieces);
    const inTime = await line.until(
      () => reader.payloads.length >= count || line.ended || line.gone,
      HANG_MS,
    );
    line.finish();
    const gone = await line.until(() => line.gone, HANG_MS);
    line.destroy();
    return { reader, inTime: inTime && gone };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function judge(
  kind: Kind,
  messages: readonly SentMessage[],
  { reader, inTime }: { reader: AnswerReader; inTime: boolean },
  all: ReadonlyMap<string, SentMessage>,
): string | undefined {
  if (!inTime) return 'hang: no answer, or no end of the connection';
  if (reader.wrong !== undefined) return reader.wrong;
  let next = 0;
  const seen = new Set<string>();
  for (const payload of reader.payloads) {
    const [msa] = msaOf(payload);
    const [, written, mark] = /D([0-9a-f]{20})!([rtwlm])/.exec(payload.toString('latin1')) ?? [];
    // One that no message has is a mutation's.
    const digest = written !== undefined && all.has(written) ? written : undefined;
    const positive = msa?.code === 'AA' || msa?.code === 'CA';
    const at = messages.findIndex((one) => one.digest === digest);
    // A mutation may have made another mark of its own.
    const isMutated = messages[at]?.script.kind === 'mutated';
    // F85: where one message is out, a negative answer under an id that nobody has is that message’s.
    if (mark === 't' && !positive) {
      next++;
      continue;
    }
    if (digest !== undefined && at < 0) return `the answer of another sender’s message: ${shown(payload)}`;
    if (mark === 'w' && !isMutated) return `what was no answer: ${shown(payload)}`;
    if (mark === 't' && positive && !isMutated)
      return `a positive answer with another’s id: ${shown(payload)}`;
    const number = /\|(N\d+)\|P\|2\.5\r/.exec(payload.toString('latin1'))?.[1];
    if (number !== undefined && mark !== 'm') {
      // A mutation may have made another answer's number of this one's.
      const answer = `${number} to ${msa?.id}`;
      if (seen.has(answer)) return `the same answer twice: ${shown(payload)}`;
      seen.add(answer);
    }
    // Application acknowledgements come when they come; all else in the order of the messages.
    if (kind.enhanced === true && msa?.code.startsWith('A') === true && digest !== undefined && at < next)
      continue;
    const due = messages[next++];
    if (due === undefined) return `more answers than messages: ${shown(payload)}`;
    if (digest === undefined) {
      // The gateway’s own, or one that a mutation has unmarked.
      if (positive && due.script.kind !== 'mutated')
        return `a positive answer that no node gave: ${shown(payload)}`;
    } else if (due.script.kind !== 'mutated' && at !== next - 1)
      return `message ${next - 1} has the answer of message ${at}: ${shown(payload)}`;
  }
  return reader.isWhole ? undefined : 'half an answer';
}
