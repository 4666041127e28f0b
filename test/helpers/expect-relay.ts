// What the fault tests assert again and again of a gateway, a sender's answers and a node's record.
// Promises: waits for events, never for a time; an assertion that fails says what was there instead.
import { expect } from 'vitest';
import type { Message } from '../../src/relay/message.ts';
import { type Exchange, type FaultyNode, type Script, startFaultyNode } from './faulty-node.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { ackFor, frame, message, msaOf } from './mllp.ts';
import { connectSender, type Sender } from './sender.ts';
import { until } from './until.ts';

/** Nothing is queued, in flight or held in memory any more. */
export async function expectNothingHeld(gw: TestGateway): Promise<void> {
  await until(() => gw.held.queued === 0 && gw.held.inFlight === 0 && gw.held.bytes === 0, {
    what: 'nothing held',
  }).catch((cause: unknown) => {
    throw new Error(`still held: ${JSON.stringify(gw.held)}`, { cause });
  });
}

/** MSA-1 and MSA-2 of an answer as `AA X1`. */
export function said(ack: Buffer): string {
  const msa = msaOf(ack);
  return msa === undefined ? 'no MSA' : `${msa.code} ${msa.controlId}`;
}

/** The gateway ended the sender's connection with FIN, and not a byte came before that. */
export async function expectClosedUnanswered(sender: Sender): Promise<void> {
  expect(await sender.closed).toEqual({ hadError: false, code: undefined });
  expect(sender.received.toString('latin1')).toBe('');
}

/** A good message over a fresh connection is answered AA: the gateway has survived. */
export async function expectStillServes(gw: TestGateway, controlId = 'AFTER'): Promise<void> {
  await using sender = await connectSender(gw.port());
  expect(said(await sender.exchange(message({ controlId })))).toBe(`AA ${controlId}`);
}

/** The message with this control id, once it is over. */
export async function over(gw: TestGateway, controlId: string): Promise<Message> {
  return until(() => gw.messages.find((one) => one.hasHeader && one.header.controlId === controlId), {
    what: `message ${controlId} to be over`,
  });
}

/** Its attempts as `node code`, `node ok` for one that went well. */
export function ways(exchange: Message): string[] {
  return exchange.attempts.map(({ node, error }) => `${node} ${error?.code ?? 'ok'}`);
}

/** Answers with this code, and keeps the exact bytes that it wrote. */
export function recorded(into: Buffer[], code = 'AA', text?: string): Script {
  return ({ connection, payload }: Exchange) => {
    const answer = ackFor(payload, code, text === undefined ? {} : { text });
    into.push(frame(answer));
    return connection.answer(answer);
  };
}

export interface Pair extends AsyncDisposable {
  readonly a: FaultyNode;
  /** Used only when `a` cannot take a message. */
  readonly b: FaultyNode;
  readonly gw: TestGateway;
  readonly sender: Sender;
}

/** Node `a`, its backup `b`, a gateway before them and one sender. */
export async function startPair(
  script: Script | undefined,
  pool: Record<string, unknown> = {},
  listener: Record<string, unknown> = {},
): Promise<Pair> {
  const a = await startFaultyNode(script);
  const b = await startFaultyNode();
  const gw = await startGateway({
    nodes: [a.url, { url: b.url, backup: true } as { url: string }],
    pool,
    listener,
  });
  const sender = await connectSender(gw.port());
  return {
    a,
    b,
    gw,
    sender,
    [Symbol.asyncDispose]: async () => {
      await sender[Symbol.asyncDispose]();
      await gw[Symbol.asyncDispose]();
      await a.close();
      await b.close();
    },
  };
}
