// Not a byte is changed on the way: whatever a message holds and however its frame is cut up, the node gets the bytes
// that were sent, and the sender gets the bytes that the node answered.
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { frame, headerField, message, newControlId } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';

const FOLDER = new URL('../../fixtures/', import.meta.url);
const FIXTURES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.hl7'))
  .map((name) => ({ name, bytes: readFileSync(new URL(name, FOLDER)) }));
/** Up to this size every single split is tried: a few thousand messages of one connection in a few seconds. */
const EVERY_SPLIT_BYTES = 2048;

let node: FaultyNode;
let gateway: TestGateway;
/** What the node answered, payloads. */
let answered: Buffer[];

beforeAll(async () => {
  node = await startFaultyNode();
  // One of the fixtures asks for no answer, and the node answers all.
  gateway = await startGateway({ nodes: [node.url], pool: { acknowledgement: 'always' } });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await node.close();
});

/** Answers with every byte that an answer may hold but those of the framing, so that no re-encoding goes unseen. */
function answerInBytes(): void {
  answered = [];
  const odd = Buffer.from(
    Array.from({ length: 256 }, (_, i) => i).filter(
      (i) => i !== 0x0b && i !== 0x1c && i !== 0x0d && i !== 0x0a,
    ),
  );
  node.script = answers.by(({ payload }) => {
    const separator = headerField(payload, 1);
    const encoding = headerField(payload, 2);
    const msa = ['MSA', 'AA', headerField(payload, 10), `n${answered.length} `].join(separator);
    const head = [
      'MSH',
      encoding,
      'N',
      'F',
      'S',
      'F',
      '20261122',
      '',
      'ACK',
      `A${answered.length}`,
      'P',
      '2.5',
    ].join(separator);
    // The bytes stand behind an LF or none at all, without a last CR, as some nodes have it.
    const end = answered.length % 2 === 0 ? '\r' : '';
    const ack = Buffer.concat([Buffer.from(`${head}\r${msa}`, 'latin1'), odd, Buffer.from(end)]);
    answered.push(ack);
    return answers.payload(ack);
  });
}

/** Sends it cut at these positions, and compares both ways. */
async function passes(sender: Sender, bytes: Buffer, positions: readonly number[]): Promise<void> {
  const before = node.messages.length;
  const already = answered.length;
  void sender.writeSplit(frame(bytes), positions);
  const ack = await sender.nextAck();
  expect(node.messages.length).toBe(before + 1);
  // `equals`, since expect() on thousands of kilobyte buffers takes most of the time; then expect() for what differs.
  const arrived = node.messages[before]?.payload ?? Buffer.alloc(0);
  if (!arrived.equals(bytes)) expect(arrived).toEqual(bytes);
  const given = answered[already] ?? Buffer.alloc(0);
  if (!ack.equals(given)) expect(ack).toEqual(given);
}

async function onOneConnection(work: (sender: Sender) => Promise<void>): Promise<void> {
  answerInBytes();
  await using sender = await connectSender(gateway.port());
  await work(sender);
  // Nothing but frames came back, and nothing but the gateway's own frames went to the node.
  expect(sender.junk).toHaveLength(0);
  // F82: one that carried a batch takes no other message, so there may be several.
  expect(node.connections.all.every((connection) => connection.junk.length === 0)).toBe(true);
  expect(gateway.held).toEqual({ queued: 0, inFlight: 0, bytes: 0 });
}

test('the fixtures are there', () => {
  expect(FIXTURES.length).toBeGreaterThanOrEqual(30);
  expect(FIXTURES.filter(({ bytes }) => bytes.length <= EVERY_SPLIT_BYTES).length).toBeGreaterThan(20);
});

/** Several messages in one frame. */
function isBatch(bytes: Buffer): boolean {
  return (bytes.toString('latin1').match(/(^|[\r\n])(MSH|FHS|BHS)/g) ?? []).length > 1;
}

describe.for(FIXTURES.filter(({ bytes }) => bytes.length <= EVERY_SPLIT_BYTES))('$name', ({ bytes }) => {
  test('arrives whole at every single split, and its answer too', async () => {
    await onOneConnection(async (sender) => {
      // F82: a node may answer each message of a batch, so each batch takes 0.3 s.
      const step = isBatch(bytes) ? 200 : 1;
      for (let at = 0; at < bytes.length + 3; at += step) await passes(sender, bytes, [at]);
    });
  });
});

test('every fixture arrives whole however it is cut', { timeout: 60_000 }, async () => {
  await onOneConnection(async (sender) => {
    const cuts = fc.array(fc.nat(), { maxLength: 12 });
    for (const { bytes } of FIXTURES) {
      await fc.assert(
        fc.asyncProperty(cuts, (positions) =>
          passes(
            sender,
            bytes,
            positions.map((position) => position % (bytes.length + 3)),
          ),
        ),
        { numRuns: 8 },
      );
    }
  });
});

test('every fixture arrives whole byte by byte', async () => {
  await onOneConnection(async (sender) => {
    for (const { bytes } of FIXTURES.filter((fixture) => fixture.bytes.length <= EVERY_SPLIT_BYTES / 4))
      await passes(
        sender,
        bytes,
        Array.from({ length: bytes.length + 3 }, (_, i) => i),
      );
  });
});

test('all fixtures in one write, and in writes that cut across frames, arrive in order', async () => {
  await onOneConnection(async (sender) => {
    const all = FIXTURES.map(({ bytes }) => bytes);
    const stream = Buffer.concat(all.map(frame));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: stream.length }), { maxLength: 40 }), async (positions) => {
        const before = node.messages.length;
        const already = answered.length;
        void sender.writeSplit(stream, positions);
        const acks = await sender.nextAcks(all.length);
        const arrived = node.messages.slice(before).map(({ payload }) => payload);
        expect(Buffer.concat(arrived).equals(Buffer.concat(all))).toBe(true);
        expect(arrived.map(({ length }) => length)).toEqual(all.map(({ length }) => length));
        expect(acks).toEqual(answered.slice(already));
      }),
      { numRuns: 10 },
    );
  });
});

/** Any bytes that a frame may hold: no start block, and 1C only where no CR follows. */
const content = fc
  .uint8Array({ maxLength: 600 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0x0b ? 0x0a : byte))))
  .map((bytes) => {
    for (let i = 0; i < bytes.length; i++)
      if (bytes[i] === 0x1c && (bytes[i + 1] ?? 0x0d) === 0x0d) bytes[i] = 0x1d;
    return bytes;
  })
  // A second MSH would make it several messages.
  .filter((bytes) => !bytes.includes('MSH'));

const generated = fc
  .record({
    delimiters: fc.constantFrom('|^~\\&', '|^~\\&#', '#!@%*', '^~|\\&', '|@~\\&'),
    type: fc.constantFrom('ADT^A01^ADT_A01', 'ORU^R01', 'ACK'),
    separator: fc.constantFrom('\r', '\n', '\r\n'),
    bom: fc.boolean(),
    content,
  })
  .map(({ bom, content: bytes, ...parts }) => {
    const head = message({ ...parts, controlId: newControlId() });
    return Buffer.concat([Buffer.from(bom ? '\u{feff}' : ''), head, Buffer.from('ZZZ|'), bytes]);
  });

test('generated messages of any bytes arrive whole however they are cut', { timeout: 60_000 }, async () => {
  await onOneConnection(async (sender) => {
    await fc.assert(
      fc.asyncProperty(generated, fc.array(fc.nat(), { maxLength: 8 }), (bytes, positions) =>
        passes(
          sender,
          bytes,
          positions.map((position) => position % (bytes.length + 3)),
        ),
      ),
      { numRuns: 300 },
    );
  });
});
