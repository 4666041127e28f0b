// Headers read in the parse pool: whatever `readHeader` makes of a payload, a task makes of it, in any company.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { type Header, readHeader } from '../../src/hl7/header.ts';
import { HeaderBatches } from '../../src/hl7/header-batches.ts';
import { ParsePool } from '../../src/hl7/parse-pool.ts';
import {
  HEAD_BYTES,
  type HeaderReading,
  headersOf,
  packHeads,
  packWhole,
  unpackHeaders,
} from '../../src/hl7/parse-tasks/headers.ts';
import { readFixtures } from '../fixture-reader.ts';
import { FAULTY_WORKER, Hold } from './hold.ts';

function shown(header: Header): unknown {
  const { start, end, batch, utf16, delimiters, separators, charset, controlId } = header;
  return { start, end, batch, utf16, delimiters, separators, charset, controlId, bytes: header.bytes };
}

/** What a header or a refusal comes down to. */
function outcome(read: () => HeaderReading): unknown {
  try {
    const reading = read();
    if (reading === 'cut') return 'cut';
    if (reading instanceof GatewayError) throw reading;
    return shown(reading);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return [thrown.code, thrown.detail];
  }
}

/** Both ways that a payload can go, in this thread. */
function readings(payloads: readonly Buffer[]): HeaderReading[] {
  const first = unpackHeaders(headersOf(packHeads(payloads)), payloads);
  return first.map((reading, i) => {
    if (reading !== 'cut') return reading;
    const payload = payloads[i] as Buffer;
    return unpackHeaders(headersOf(packWhole(payload)), [payload])[0] as HeaderReading;
  });
}

const MSH = 'MSH|^~\\&|APP|FAC|||20260101||ADT^A01|42|P|2.5||||||UNICODE UTF-8\r';
const PAYLOADS: readonly (readonly [string, Buffer])[] = [
  ['plain', Buffer.from(`${MSH}PID|1\r`)],
  ['longer than a beginning', Buffer.from(`${MSH}${'NTE|1||x\r'.repeat(1000)}`)],
  [
    'with a header longer than a beginning',
    Buffer.from(`${MSH.slice(0, -1)}|${'x'.repeat(2000)}|y\rPID|1\r`),
  ],
  [
    'whose header ends where the beginning does',
    Buffer.from(`MSH|^~\\&|${'x'.repeat(HEAD_BYTES - 9)}\rPID|1`),
  ],
  ['behind many empty lines', Buffer.from(`${'\r\n'.repeat(HEAD_BYTES)}${MSH}`)],
  ['a batch', Buffer.from(`FHS|^~\\&|F\rBHS|^~\\&|B\r${MSH}PID|1\r`)],
  [
    'a batch whose first message is far',
    Buffer.from(`FHS|^~\\&|F\r${'NTE|1||x\r'.repeat(1000)}${MSH}PID|1\r`),
  ],
  ['a batch without messages', Buffer.from(`BHS|^~\\&|B|||||||||77\r${'BTS|0\r'.repeat(300)}`)],
  ['with a byte order mark', Buffer.from(`\ufeff${MSH}`)],
  ['in UTF-16', Buffer.from(`\ufeff${MSH}PID|1||é\r`, 'utf16le')],
  ['in UTF-16 the other way round', Buffer.from(`${MSH}${'PID|1||é\r'.repeat(500)}`, 'utf16le').swap16()],
  ['no HL7', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['no HL7 and long', Buffer.alloc(5000, 'x')],
  ['bad delimiters', Buffer.from('MSH|^~\\&#!%|A\r')],
  ['letters as delimiters, and long', Buffer.from(`MSHA^~\\&|A\r${'x'.repeat(5000)}`)],
  ['nothing', Buffer.alloc(0)],
];

describe('the task', () => {
  it.each(PAYLOADS)('reads %s as it is read here', (_name, payload) => {
    expect(outcome(() => readings([payload])[0] as HeaderReading)).toEqual(
      outcome(() => readHeader(payload)),
    );
  });

  it('reads them all at once', () => {
    const payloads = PAYLOADS.map(([, payload]) => payload);
    expect(readings(payloads).map((one) => outcome(() => one))).toEqual(
      payloads.map((payload) => outcome(() => readHeader(payload))),
    );
  });

  it('reads every fixture', () => {
    const payloads = readFixtures().map(({ bytes }) => bytes);
    expect(payloads.length).toBeGreaterThan(30);
    expect(readings(payloads).map((one) => outcome(() => one))).toEqual(
      payloads.map((payload) => outcome(() => readHeader(payload))),
    );
  });

  it('reads any bytes behind any beginning of a header', () => {
    const piece = fc.constantFrom(
      'MSH',
      'FHS',
      'BHS',
      '|',
      '^',
      '\r',
      '\n',
      'A',
      '^~\\&',
      '\u0000',
      'x'.repeat(300),
    );
    const payload = fc
      .tuple(fc.constantFrom('', 'MSH|^~\\&|', 'MSH', 'FHS|^~\\&|'), fc.array(piece, { maxLength: 20 }))
      .map(([head, pieces]) => Buffer.from(head + pieces.join('')));
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 5 }), (payloads) => {
        expect(readings(payloads).map((one) => outcome(() => one))).toEqual(
          payloads.map((one) => outcome(() => readHeader(one))),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('sends no more than the beginnings to the worker', () => {
    const payloads = [Buffer.alloc(10_000, 'x'), Buffer.from(MSH)];
    expect(packHeads(payloads).bytes.byteLength).toBe(HEAD_BYTES + MSH.length);
  });
});

describe('batches', () => {
  const pools: ParsePool[] = [];
  afterAll(() => Promise.all(pools.map((pool) => pool.close())));

  function batches(): { pool: ParsePool; headers: HeaderBatches } {
    const pool = new ParsePool({ workers: 1, timeoutMs: 15_000, workerFile: FAULTY_WORKER });
    pools.push(pool);
    return { pool, headers: new HeaderBatches(pool) };
  }

  const message = (id: string): Buffer => Buffer.from(`MSH|^~\\&|A|||||||${id}|P\r`);
  const idOf = async (header: Promise<Header>): Promise<string> => (await header).text(10);

  it('what one turn brings is one task', async () => {
    const { pool, headers } = batches();
    const ids = Array.from({ length: 200 }, (_, i) => `id-${i}`);
    const read = await Promise.all(ids.map((id) => idOf(headers.read(message(id)))));
    expect(read).toEqual(ids);
    expect(pool.counts.done).toBe(1);
  });

  it('what comes while the worker is busy is one task, with a bound', async () => {
    using hold = new Hold();
    const { pool, headers } = batches();
    const first = idOf(headers.read(message('FAULT-HOLD')));
    await hold.held(1);
    const later: Promise<string>[] = [];
    for (let turn = 0; turn < 30; turn++) {
      for (let i = 0; i < 10; i++) later.push(idOf(headers.read(message(`${turn}-${i}`))));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([pool.waiting, headers.waiting]).toEqual([1, 300]);
    hold.letGo();
    expect(await first).toBe('FAULT-HOLD');
    expect((await Promise.all(later)).slice(0, 11)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => `0-${i}`),
      '1-0',
    ]);
    // 256 and the rest.
    expect(pool.counts.done).toBe(3);
  });

  it('one that ends the worker costs the others of its batch nothing', async () => {
    const { pool, headers } = batches();
    const ids = ['a', 'b', 'FAULT-EXIT', 'c', 'd'];
    const read = ids.map((id) => idOf(headers.read(message(id))).catch((error: GatewayError) => error.code));
    expect(await Promise.all(read)).toEqual(['a', 'b', 'GW_ERR_PARSE_WORKER', 'c', 'd']);
    expect(pool.counts.lost).toBe(2);
  });

  it('one without a header is refused as it is here, and one that is long is read as a whole', async () => {
    const { headers } = batches();
    const long = message('x'.repeat(3000));
    const bad = headers.read(Buffer.from('no HL7')).catch((error: GatewayError) => error.code);
    expect([await bad, await idOf(headers.read(long))]).toEqual(['GW_ERR_HEADER_MSH', 'x'.repeat(3000)]);
  });

  it('when the pool is closed, those that wait get an error', async () => {
    const { pool, headers } = batches();
    const read = ['a', 'b'].map((id) =>
      idOf(headers.read(message(id))).catch((error: GatewayError) => error.code),
    );
    await pool.close();
    expect(await Promise.all(read)).toEqual(['GW_ERR_PARSE_WORKER', 'GW_ERR_PARSE_WORKER']);
  });
});
