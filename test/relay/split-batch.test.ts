// A split batch by itself: parts are settled by hand, and what the batch's own sender is told is looked at. No sockets.
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { readAck } from '../../src/hl7/ack.ts';
import { splitBatch } from '../../src/hl7/batch.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { frame, payloadOf } from '../../src/mllp/frame.ts';
import { SplitBatch } from '../../src/relay/batch.ts';
import { Message, type Origin, type Outcome } from '../../src/relay/message.ts';
import { ackFor, message } from '../helpers/mllp.ts';
import { turns } from '../helpers/until.ts';

class Sender implements Origin {
  readonly listener = 'in';
  readonly peer = { address: '192.0.2.1', port: 1 };
  readonly lanes: Origin['lanes'] = new WeakMap();
  readonly outcomes: Outcome[] = [];
  readonly parts: string[] = [];
  readonly later: Buffer[] = [];
  held = 0;

  settled(_: Message, outcome: Outcome): void {
    this.outcomes.push(outcome);
  }

  readonly replyTarget = {
    owner: this,
    isThere: true,
    expect: () => {},
    release: () => {},
    tell: (bytes: Buffer) => {
      this.later.push(bytes);
      return true;
    },
  };

  partSettled(part: Message, outcome: Outcome): Buffer | null {
    this.parts.push(`${part.batch?.position} ${outcome.kind}`);
    if (outcome.kind === 'answered') return outcome.frame;
    if (outcome.kind === 'unanswered') return Buffer.alloc(0);
    // As `onRejected: AR` and `onUnavailable: close` have it.
    const refused = outcome.kind === 'failed' && outcome.error.fault === 'unacceptable';
    return refused ? frame(ackFor(part.payload, 'AR')) : null;
  }

  hold(bytes: number): void {
    this.held += bytes;
  }
}

function startBatch(count: number, accept?: (part: Message) => void) {
  const messages = Array.from({ length: count }, (_, i) => message({ controlId: `M${i + 1}` }));
  const payload = Buffer.concat(messages);
  const sender = new Sender();
  const whole = new Message(payload, sender);
  whole.header = readHeader(payload);
  const parts: Message[] = [];
  const pieces = splitBatch(whole.header, count);
  if (pieces === undefined) throw new Error('not split');
  const told = { handedOver: 0 };
  const batch = new SplitBatch(
    whole,
    pieces,
    (part) => {
      parts.push(part);
      accept?.(part);
    },
    () => told.handedOver++,
  );
  batch.start();
  return { sender, whole, parts, batch, told };
}

function answer(part: Message | undefined, code: 'AA' | 'AE' | 'CA' = 'AA'): void {
  if (part === undefined) throw new Error('no part');
  const bytes = ackFor(part.payload, code);
  const ack = readAck(bytes);
  if (ack === undefined) throw new Error('no ack');
  part.settle({ kind: 'answered', ack, frame: frame(bytes), node: 'a' });
}

const failed = (part: Message | undefined, code: 'GW_ERR_QUEUE_TIMEOUT' | 'GW_ERR_ROUTE_NONE'): void =>
  part?.settle({ kind: 'failed', error: new GatewayError(code), ambiguous: false });

describe('the outcome', () => {
  it.each([
    [['AA', 'AA'], 'AA'],
    [['AA', 'CA'], 'AA'],
    [['CA', 'AA'], 'CA'],
    [['AA', 'AE', 'AA'], 'AE'],
    [['AE', 'AA'], 'AE'],
  ] as const)('of %j has the code %s', (codes, code) => {
    const { sender, parts } = startBatch(codes.length);
    codes.forEach((one, i) => {
      expect(sender.outcomes).toEqual([]);
      answer(parts[i], one);
    });
    expect(sender.outcomes).toMatchObject([{ kind: 'gathered', code }]);
    expect(sender.held).toBe(0);
  });

  it('is in the order of the batch, whatever the order of the answers', () => {
    const { sender, parts } = startBatch(3);
    for (const i of [2, 0, 1]) answer(parts[i]);
    const [outcome] = sender.outcomes;
    const text = outcome?.kind === 'gathered' ? payloadOf(outcome.frame).toString() : '';
    expect(text.match(/MSA\|AA\|M\d/g)).toEqual(['MSA|AA|M1', 'MSA|AA|M2', 'MSA|AA|M3']);
  });

  it('fails as soon as one message ends in a close, and the others are not to be sent', () => {
    const { sender, parts, whole } = startBatch(3);
    failed(parts[1], 'GW_ERR_QUEUE_TIMEOUT');
    expect(sender.outcomes).toMatchObject([{ kind: 'failed', ambiguous: false }]);
    expect(whole.phase).toBe('over');
    // They wait in no lane here, so nobody settles them; what comes of them changes nothing.
    answer(parts[0]);
    expect(sender.outcomes).toHaveLength(1);
    expect(sender.held).toBe(frame(parts[2]?.payload ?? Buffer.alloc(0)).length);
  });

  it('is ambiguous where a node has another of its messages', () => {
    for (const reach of [
      (part: Message | undefined) => answer(part, 'AE'),
      (part: Message | undefined) => part?.settle({ kind: 'unanswered', node: 'a' }),
      (part: Message | undefined) => {
        if (part !== undefined) Object.assign(part, { phase: 'sent' });
      },
    ]) {
      const { sender, parts } = startBatch(2);
      reach(parts[0]);
      failed(parts[1], 'GW_ERR_QUEUE_TIMEOUT');
      expect(sender.outcomes).toMatchObject([{ kind: 'failed', ambiguous: true }]);
    }
  });

  it('what the gateway refuses itself has reached no node', () => {
    const { sender, parts } = startBatch(2);
    failed(parts[0], 'GW_ERR_ROUTE_NONE');
    failed(parts[1], 'GW_ERR_QUEUE_TIMEOUT');
    expect(sender.outcomes).toMatchObject([{ kind: 'failed', ambiguous: false }]);
  });

  it('is no answer where none was to be given', () => {
    const { sender, parts } = startBatch(2);
    for (const part of parts) part.settle({ kind: 'unanswered', node: 'b' });
    expect(sender.outcomes).toEqual([{ kind: 'unanswered', node: 'b' }]);
  });

  it('of one that is abandoned is that, once', () => {
    const { sender, parts, whole } = startBatch(2);
    whole.abandon();
    whole.abandon();
    expect(sender.outcomes).toEqual([{ kind: 'abandoned' }]);
    answer(parts[0]);
    expect(sender.outcomes).toHaveLength(1);
  });
});

it('what is answered later waits for the batch, and then for nothing', () => {
  const { sender, parts, batch } = startBatch(2);
  const [first, second] = parts as [Message, Message];
  answer(first, 'CA');
  batch.replyTarget?.tell(Buffer.from('1'));
  expect(sender.later).toEqual([]);
  answer(second);
  expect(sender.later.join()).toBe('1');
  batch.replyTarget?.tell(Buffer.from('2'));
  expect(sender.later.join()).toBe('1,2');
});

describe('no more than a hundred', () => {
  it('are under way', () => {
    const { parts } = startBatch(250);
    expect(parts).toHaveLength(100);
    answer(parts[50]);
    expect(parts).toHaveLength(101);
  });

  it('are begun in one turn, where each is settled at once', async () => {
    const { sender, parts } = startBatch(250, (part) => failed(part, 'GW_ERR_ROUTE_NONE'));
    expect(parts).toHaveLength(100);
    await turns(1);
    expect(parts).toHaveLength(200);
    await turns(1);
    expect(parts).toHaveLength(250);
    expect(sender.outcomes).toMatchObject([{ kind: 'gathered', code: 'AR' }]);
  });

  it('and none, once it is over', async () => {
    const { parts, whole } = startBatch(250, (part) => failed(part, 'GW_ERR_ROUTE_NONE'));
    whole.abandon();
    await turns(2);
    expect(parts).toHaveLength(100);
    const stopped = startBatch(250, (part) => failed(part, 'GW_ERR_QUEUE_TIMEOUT'));
    expect(stopped.parts).toHaveLength(1);
  });
});

it('each part knows its batch', () => {
  const { parts, whole } = startBatch(2);
  expect(parts.map(({ batch }) => batch)).toEqual([
    { serial: whole.serial, trace: whole.trace, controlId: 'M1', position: 1, size: 2 },
    { serial: whole.serial, trace: whole.trace, controlId: 'M1', position: 2, size: 2 },
  ]);
  expect([whole.parts, whole.batch]).toEqual([2, undefined]);
});
