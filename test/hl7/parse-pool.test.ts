// The parse pool: bounded, with deadlines, and never short of a worker for long, whatever a worker does.
import { afterEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { type Job, ParsePool, type ParsePoolOptions } from '../../src/hl7/parse-pool.ts';
import type { Asked, FieldsOutput } from '../../src/hl7/parse-tasks/fields.ts';
import { share } from '../../src/hl7/shared-bytes.ts';
import { FAULTY_WORKER, Hold } from './hold.ts';

let pools: ParsePool[] = [];

afterEach(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  pools = [];
});

function createPool(options: Partial<ParsePoolOptions> = {}): ParsePool {
  const pool = new ParsePool({ workers: 1, timeoutMs: 15_000, ...options });
  pools.push(pool);
  return pool;
}

const ASKED: Asked = {
  id: 1_000_001,
  ofRouting: [{ path: 'PID-3.1', keep: undefined, regexes: [] }],
  ofEach: undefined,
  further: false,
};

const message = (text: string): Buffer => Buffer.from(`MSH|^~\\&|A|B\rPID|1||${text}^^^H\r`);

function ask(pool: ParsePool, text: string): Job<FieldsOutput> {
  return pool.run('fields', () => ({
    input: { payload: share(message(text)), charset: undefined, asked: ASKED },
  }));
}

const answer = async ({ result }: Job<FieldsOutput>): Promise<string | undefined> =>
  (await result).ofRouting[0]?.text;

async function errorOf({ result }: Job<unknown>): Promise<GatewayError> {
  const error: unknown = await result.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GatewayError)) throw new Error('no GatewayError', { cause: error });
  return error;
}

it('reads fields in a worker', async () => {
  const pool = createPool();
  expect(await answer(ask(pool, '42'))).toBe('42');
  expect(pool.counts).toEqual({ done: 1, failed: 0, timedOut: 0, lost: 0 });
});

describe('faults of a worker', () => {
  const faulty = (timeoutMs = 15_000): ParsePool => createPool({ workerFile: FAULTY_WORKER, timeoutMs });

  it.each([
    ['killed by process.exit', 'FAULT-EXIT', 'Error'],
    ['an error outside of the task', 'FAULT-LATER', 'Error'],
    ['2 GB allocated', 'FAULT-MEMORY', 'ERR_WORKER_OUT_OF_MEMORY'],
  ])('%s: costs its own task an error, and the next is done', async (_name, text, detail) => {
    const pool = faulty();
    const bad = ask(pool, text);
    const good = ask(pool, '42');
    const error = await errorOf(bad);
    expect([error.code, error.resend, error.fault]).toEqual(['GW_ERR_PARSE_WORKER', 'safe', 'unavailable']);
    expect(error.message).not.toContain('DOE');
    expect(error.detail).toBe(detail);
    expect(await answer(good)).toBe('42');
    expect(pool.counts).toMatchObject({ done: 1, lost: 1 });
  });

  it('an endless loop: is stopped at its deadline, and the next is done', async () => {
    const pool = faulty(1_500);
    const bad = ask(pool, 'FAULT-LOOP');
    const good = ask(pool, '42');
    expect((await errorOf(bad)).code).toBe('GW_ERR_PARSE_TIMEOUT');
    expect(await answer(good)).toBe('42');
    expect(pool.counts).toEqual({ done: 1, failed: 0, timedOut: 1, lost: 0 });
  });

  it('a task that throws: the worker lives on', async () => {
    const pool = faulty();
    const error = await errorOf(ask(pool, 'FAULT-THROW'));
    expect([error.code, error.detail]).toEqual(['GW_ERR_PARSE_FAILED', 'TypeError']);
    expect(await answer(ask(pool, '42'))).toBe('42');
    expect(pool.counts).toEqual({ done: 1, failed: 1, timedOut: 0, lost: 0 });
  });

  it('one after the other, with two workers: every good task is done', async () => {
    const pool = createPool({ workerFile: FAULTY_WORKER, workers: 2 });
    const texts = Array.from({ length: 24 }, (_, i) => (i % 4 === 1 ? 'FAULT-EXIT' : `id-${i}`));
    const jobs = texts.map((text) => ask(pool, text));
    const results = await Promise.all(
      jobs.map((job) => answer(job).catch((error: GatewayError) => error.code)),
    );
    expect(results).toEqual(texts.map((text) => (text === 'FAULT-EXIT' ? 'GW_ERR_PARSE_WORKER' : text)));
  });

  it('memory for a task that cannot be had: its own error', async () => {
    const pool = createPool();
    const job = pool.run('fields', () => {
      throw new RangeError('Array buffer allocation failed');
    });
    expect(await errorOf(job)).toMatchObject({ code: 'GW_ERR_PARSE_FAILED', detail: 'RangeError' });
    expect(await answer(ask(pool, '42'))).toBe('42');
  });
});

describe('the queue', () => {
  it('gives each worker one task at a time, and the rest in order', async () => {
    using hold = new Hold();
    const pool = createPool({ workerFile: FAULTY_WORKER, workers: 2 });
    const done: string[] = [];
    const jobs = ['FAULT-HOLD-1', 'FAULT-HOLD-2', 'a', 'b', 'c'].map((text) => {
      const job = ask(pool, text);
      return answer(job).then((value) => done.push(value ?? ''));
    });
    await hold.held(2);
    expect([pool.running, pool.waiting, done.length]).toEqual([2, 3, 0]);
    hold.letGo();
    await Promise.all(jobs);
    // The first two may be with a worker each, and either may be the faster; the last waits for one of them.
    expect(done.filter((text) => text.length === 1).toSorted()).toEqual(['a', 'b', 'c']);
    expect(done.indexOf('c')).toBeGreaterThan(Math.min(done.indexOf('a'), done.indexOf('b')));
    expect([pool.running, pool.waiting]).toEqual([0, 0]);
  });

  it('the time in it does not count for a deadline', async () => {
    const pool = createPool({ workerFile: FAULTY_WORKER, timeoutMs: 1_500 });
    const bad = [ask(pool, 'FAULT-LOOP'), ask(pool, 'FAULT-LOOP')].map(errorOf);
    // Its turn comes when twice its own deadline is over.
    expect(await answer(ask(pool, '42'))).toBe('42');
    expect((await Promise.all(bad)).map(({ code }) => code)).toEqual(Array(2).fill('GW_ERR_PARSE_TIMEOUT'));
  });

  it('what is cancelled there is never begun', async () => {
    using hold = new Hold();
    const pool = createPool({ workerFile: FAULTY_WORKER });
    const first = ask(pool, 'FAULT-HOLD');
    let begun = false;
    const second = pool.run('fields', () => {
      begun = true;
      return { input: { payload: share(message('no')), charset: undefined, asked: ASKED } };
    });
    const third = ask(pool, '42');
    await hold.held(1);
    second.cancel();
    hold.letGo();
    expect([await answer(first), await answer(third), begun]).toEqual(['FAULT-HOLD', '42', false]);
  });
});

describe('close', () => {
  it('ends what runs and what waits, and takes no more', async () => {
    using hold = new Hold();
    const pool = createPool({ workerFile: FAULTY_WORKER });
    const jobs = [ask(pool, 'FAULT-HOLD'), ask(pool, '42')].map(errorOf);
    await hold.held(1);
    await pool.close();
    expect((await Promise.all(jobs)).map(({ code }) => code)).toEqual(Array(2).fill('GW_ERR_PARSE_WORKER'));
    expect((await errorOf(ask(pool, '42'))).code).toBe('GW_ERR_PARSE_WORKER');
    expect(pool.counts.lost).toBe(0);
  });
});

describe('bytes', () => {
  it('are shared with the worker, not copied, where they lie in shared memory already', async () => {
    const memory = new SharedArrayBuffer(1024, { maxByteLength: 1 << 20 });
    const pool = createPool();
    const bytes = Buffer.from(memory, 8, message('42').copy(Buffer.from(memory), 8));
    expect(share(bytes)).toEqual({ memory, offset: 8, length: bytes.length });
    const run = (): Job<FieldsOutput> =>
      pool.run('fields', () => ({ input: { payload: share(bytes), charset: undefined, asked: ASKED } }));
    expect(await answer(run())).toBe('42');
    bytes.write('43', bytes.indexOf('42'));
    expect(await answer(run())).toBe('43');
    expect(bytes.includes('43')).toBe(true);
  });

  it('that are not are copied, and stay with who has them', async () => {
    const bytes = message('42');
    const shared = share(bytes);
    expect(shared.memory).not.toBe(bytes.buffer);
    bytes.fill(0);
    const pool = createPool();
    const job = pool.run('fields', () => ({ input: { payload: shared, charset: undefined, asked: ASKED } }));
    expect(await answer(job)).toBe('42');
  });

  it('of many large messages are not all held, though the worker has nothing else to collect', async () => {
    const pool = createPool();
    const bytes = 16 * 2 ** 20;
    await answer(ask(pool, '42'));
    const before = process.memoryUsage.rss();
    let most = 0;
    for (let i = 0; i < 60; i++) {
      const large = Buffer.from(new SharedArrayBuffer(bytes)).fill('x');
      message('42').copy(large);
      const job = pool.run('fields', () => ({
        input: { payload: share(large), charset: undefined, asked: ASKED },
      }));
      expect(await answer(job)).toBe('42');
      // What a listener reads a message of this size in, which this thread counts.
      for (let at = 0; at < bytes; at += 2 ** 16) Buffer.allocUnsafeSlow(2 ** 16);
      most = Math.max(most, process.memoryUsage.rss() - before);
    }
    expect(most / bytes).toBeLessThan(40);
  });

  it('that are transferred are the worker’s', async () => {
    const bytes = new ArrayBuffer(8);
    const pool = createPool();
    const input = { bytes, spans: Int32Array.of(8, 0) };
    await pool.run('headers', () => ({ input, transfer: [bytes] })).result;
    expect(bytes.detached).toBe(true);
  });
});
