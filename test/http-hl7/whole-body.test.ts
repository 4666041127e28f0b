// Reading a body whole, without sockets and by a clock of the test's own: deadlines, and whose turn it is where memory is short.
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BufferBudget } from '../../listeners/accept/buffer-budget.ts';
import { readWholeBody } from '../../listeners/http/proxy/whole-body.ts';
import { GatewayError } from '../../src/errors.ts';
import { turns } from '../helpers/until.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Body {
  readonly incoming: IncomingMessage;
  /** The bytes, or the code and detail of what went wrong. */
  result: string | undefined;
  send(text: string): Promise<void>;
  end(): Promise<void>;
}

const MIB = 1024 * 1024;
const LIMIT = 8 * MIB;

/** Of a source of its own, unless one is given. */
function bodyIn(budget: BufferBudget, length?: number, source = budget.source(String(sources++))): Body {
  const incoming = new IncomingMessage(new Socket());
  const body: Body = {
    incoming,
    result: undefined,
    async send(text) {
      incoming.push(text);
      await turns();
    },
    async end() {
      incoming.complete = true;
      incoming.push(null);
      await turns();
    },
  };
  const [before, behind] = [Buffer.from('<'), Buffer.from('>>')];
  const limits = { maxBytes: LIMIT, timeoutMs: 1000, before, behind, source };
  readWholeBody(incoming, length, limits, (result) => {
    if (result instanceof GatewayError) body.result = [result.code, result.detail].filter(Boolean).join(': ');
    else body.result = result.toString('latin1');
    if (!(result instanceof GatewayError)) source.hold(-result.length);
  });
  return body;
}

let sources = 0;

it('comes within its deadline, which begins with the reading', async () => {
  const budget = new BufferBudget(16 * MIB);
  const body = bodyIn(budget);
  await body.send('MSH|');
  vi.advanceTimersByTime(999);
  expect(body.result).toBe(undefined);
  await body.send('more');
  vi.advanceTimersByTime(1);
  expect([body.result, budget.heldBytes]).toEqual(['GW_ERR_HTTP_TIMEOUT', 0]);
});

it('is held while it comes, and comes with what belongs before and behind it', async () => {
  const budget = new BufferBudget(16 * MIB);
  const body = bodyIn(budget);
  await body.send('MSH|');
  await body.send('more');
  expect(budget.heldBytes).toBe(8);
  await body.end();
  expect([body.result, budget.heldBytes, vi.getTimerCount()]).toEqual(['<MSH|more>>', 0, 0]);
});

it('of several MiB it is what was sent', async () => {
  const body = bodyIn(new BufferBudget(16 * MIB));
  const sent = Array.from({ length: 50 }, (_, i) => String(i % 10).repeat(64 * 1024));
  for (const text of sent) await body.send(text);
  await body.end();
  expect(body.result === `<${sent.join('')}>>`).toBe(true);
});

const PART = 'x'.repeat(100_000);

/** One that may grow to 8 MiB, which leaves no room for another. */
async function begun(budget: BufferBudget): Promise<Body> {
  const body = bodyIn(budget);
  await body.send(PART);
  return body;
}

it('F79 where memory is short one goes on at a time; the next when that is over', async () => {
  const budget = new BufferBudget(10 * MIB);
  const [a, b, c] = [await begun(budget), await begun(budget), await begun(budget)];
  const paused = (): boolean[] => [a, b, c].map(({ incoming }) => incoming.isPaused());
  expect(paused()).toEqual([false, true, true]);
  await a.end();
  expect(paused().slice(1)).toEqual([false, true]);
  await b.send(PART);
  await b.end();
  await turns();
  expect([b.result?.length, c.incoming.isPaused()]).toEqual([2 * PART.length + 3, false]);
  await c.end();
  expect([c.result?.length, budget.heldBytes, vi.getTimerCount()]).toEqual([PART.length + 3, 0, 0]);
});

it.each(['deadline', 'too large', 'gone'] as const)('F79 one that fails (%s) makes room', async (how) => {
  const budget = new BufferBudget(10 * MIB);
  const a = await begun(budget);
  vi.advanceTimersByTime(500);
  const b = await begun(budget);
  expect([a, b].map(({ incoming }) => incoming.isPaused())).toEqual([false, true]);
  if (how === 'too large') await a.send('a'.repeat(LIMIT));
  else if (how === 'gone') a.incoming.destroy();
  else vi.advanceTimersByTime(500);
  await turns();
  expect(a.result).toBe(
    { deadline: 'GW_ERR_HTTP_TIMEOUT', 'too large': 'GW_ERR_FRAME_TOO_LARGE', gone: 'GW_ERR_HTTP_CUT' }[how],
  );
  expect([b.result, b.incoming.isPaused()]).toEqual([undefined, false]);
  await b.end();
  expect(b.result?.length).toBe(PART.length + 3);
});

it('F79 the time that it was made to wait is not its own', async () => {
  const budget = new BufferBudget(10 * MIB);
  const a = await begun(budget);
  const b = bodyIn(budget);
  vi.advanceTimersByTime(400);
  await b.send(PART);
  expect(b.incoming.isPaused()).toBe(true);
  a.incoming.destroy();
  await turns();
  vi.advanceTimersByTime(599);
  expect([b.result, b.incoming.isPaused()]).toEqual([undefined, false]);
  vi.advanceTimersByTime(1);
  expect(b.result).toBe('GW_ERR_HTTP_TIMEOUT');
  const c = await begun(budget);
  const d = await begun(budget);
  for (let i = 0; i < 100; i++) {
    await c.send('x'.repeat(70_000));
    vi.advanceTimersByTime(9);
  }
  expect([d.result, d.incoming.isPaused()]).toEqual([undefined, true]);
  await c.end();
  vi.advanceTimersByTime(900);
  await d.end();
  expect(d.result?.length).toBe(PART.length + 3);
});

it('F79 one whose source has too much in work is read when there is room, and one that is all there at once', async () => {
  const budget = new BufferBudget(10 * MIB);
  const source = budget.source('busy');
  while (source.hasRoom) source.hold(50_000);
  const body = bodyIn(budget, undefined, source);
  await body.send('MSH|');
  vi.advanceTimersByTime(5000);
  expect([body.result, body.incoming.isPaused()]).toEqual([undefined, true]);
  const other = bodyIn(budget);
  await other.send('MSH|');
  await other.end();
  expect(other.result).toBe('<MSH|>>');
  source.hold(-50_000);
  await turns();
  await body.end();
  expect(body.result).toBe('<MSH|>>');
  const whole = bodyIn(budget, PART.length);
  await begun(budget);
  await whole.send(PART);
  await whole.end();
  expect(whole.result?.length).toBe(PART.length + 3);
});
