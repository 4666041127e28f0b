// A message's line written as bytes is the line that pino writes of the same fields, to the byte.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../../src/hl7/header.ts';
import { createLog } from '../../../src/observe/log/log.ts';
import { LogOutput } from '../../../src/observe/log/log-output.ts';
import { MessageLog } from '../../../src/observe/log/message-log.ts';
import { Identifiers } from '../../../src/observe/traces/identifiers.ts';
import type { Message } from '../../../src/relay/message.ts';

const SETTINGS = { level: 'info', format: 'json' } as const;
const plain = new Identifiers({ controlIds: 'plain', hashKey: undefined });
const hashed = new Identifiers({ controlIds: 'hash', hashKey: 'k' });

const name = fc.oneof(
  fc.constantFrom('adt', 'mirth-a', 'Aufnahme Süd', 'a "b" \\ c', '\u0001'),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
);
const field = fc.oneof(
  fc.constantFrom('', 'ADT^A01^ADT_A01', 'LAB', 'Müller', '"', '\\T\\', 'x'.repeat(64), 'y'.repeat(65)),
  fc.string({ unit: 'binary-ascii', maxLength: 70 }).map((text) => text.replaceAll(/[\r\n|]/g, '')),
);
const ms = fc.oneof(
  fc.constantFrom(0, 0.001, 0.004, 0.005, 0.1, 0.29, 1, 1.005, 12.34, 99.995, 1e6, 1e7 + 0.25, 1e12, -3.25),
  fc.double({ min: 0, max: 1e7, noNaN: true }),
);
const header = fc
  .tuple(fc.constantFrom('MSH', 'MSH', 'BHS'), field, field, field, field)
  .map(([segment, app, facility, type, id]) =>
    readHeader(Buffer.from(`${segment}|^~\\&|${app}|${facility}||||X|${type}|${id}|${id}|P`, 'latin1')),
  );
const attempt = fc.record({
  node: name,
  connectMs: ms,
  writtenAt: fc.option(ms, { nil: undefined }),
  endedAt: fc.option(ms, { nil: undefined }),
});
const messages = fc.record({
  trace: fc.constant({ traceId: '0af7651916cd43dd8448eb211c80319c' }),
  origin: fc.record({
    listener: name,
    peer: fc.record({ address: fc.ipV6(), port: fc.nat(65_535) }),
    framing: fc.option(fc.constant('utf-16le'), { nil: undefined }),
  }),
  header: fc.option(header, { nil: undefined }),
  batch: fc.option(fc.record({ controlId: field }), { nil: undefined }),
  parts: fc.constantFrom(0, 0, 3),
  payload: fc.integer({ min: 3, max: 100_000 }).map((length) => ({ length })),
  route: fc.option(fc.record({ name }), { nil: undefined }),
  pool: fc.option(fc.record({ name }), { nil: undefined }),
  attempts: fc.array(attempt, { maxLength: 3 }),
  outcome: fc.constantFrom(
    undefined,
    { kind: 'answered' },
    { kind: 'gathered' },
    { kind: 'unanswered' },
    { kind: 'abandoned' },
  ),
  queuedMs: ms,
  settledAt: fc.option(ms, { nil: undefined }),
  receivedAt: fc.constant(0),
});

/** As far as the log looks at one. */
function messageOf(
  some: Readonly<Record<string, unknown>> & { readonly attempts: readonly object[] },
): Message {
  const { attempts } = some;
  return { ...some, lastAttempt: attempts.at(-1), attemptCount: attempts.length } as unknown as Message;
}

/** What goes to standard output, and what of it was written since it was last asked. */
function outputs(): {
  readonly asBytes: LogOutput;
  readonly written: () => string;
} {
  const chunks: Buffer[] = [];
  const asBytes = new LogOutput({
    isPrompt: true,
    writeNow: (bytes) => {
      chunks.push(Buffer.from(bytes));
      return bytes.length;
    },
    write: () => {},
  });
  return { asBytes, written: () => Buffer.concat(chunks.splice(0)).toString() };
}

const { asBytes, written } = outputs();
const fast = createLog(SETTINGS, asBytes);
const slowLines: string[] = [];
const slow = createLog(SETTINGS, { write: (line) => void slowLines.push(line) });
const withoutTime = (text: string): string => text.replaceAll(/"time":"[^"]*"/g, '"time":""');

describe('the line of a message', () => {
  it('is the same by bytes and by pino, for any names, identifiers and times', () => {
    const property = fc.property(messages, name, fc.boolean(), (some, replyCode, hashes) => {
      const message = messageOf({ ...some, replyCode, hasHeader: some.header !== undefined });
      const shown = hashes ? hashed : plain;
      slowLines.length = 0;
      new MessageLog(fast, { hasMessages: () => true, identifiers: () => shown }).onMessage(message);
      asBytes.flush();
      new MessageLog(slow, { hasMessages: () => true, identifiers: () => shown }).onMessage(message);
      const line = written();
      expect(withoutTime(line)).toBe(withoutTime(slowLines.join('')));
      expect(Math.abs(Date.parse(JSON.parse(line).time) - Date.now())).toBeLessThan(60_000);
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it('keeps its place among the lines of others, long ones too', () => {
    const { asBytes: output, written: all } = outputs();
    const log = createLog(SETTINGS, output);
    const one = {
      trace: { traceId: 'id' },
      origin: { listener: 'in', peer: { address: '::1', port: 1 } },
      hasHeader: false,
      parts: 0,
      payload: { length: 3 },
      attempts: [],
      queuedMs: 0,
      receivedAt: 0,
    };
    const wanted: string[] = [];
    for (let i = 0; i < 300; i++) {
      const text = i % 7 === 0 ? `${i} ${'ä'.repeat(40_000)}` : `${i}`;
      log.info(text);
      const message = messageOf({ ...one, replyCode: String(i) });
      new MessageLog(log, { hasMessages: () => true, identifiers: () => plain }).onMessage(message);
      wanted.push(text, String(i));
    }
    output.flush();
    const lines = all()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ msg, reply }) => reply ?? msg)).toEqual(wanted);
  });
});
