// Reading a body whole, without sockets and by a clock of the test's own: deadlines, and whose turn it is where memory is short.
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BufferBudget } from '../../listeners/buffer-budget.ts';
import { readWhole } from '../../listeners/http/whole-body.ts';
import { GatewayError } from '../../src/errors.ts';
import { turns } from '../helpers/until.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
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

function bodyIn(budget: BufferBudget, length?: number, favoured = true): Body {
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
  const limits = { maxBytes: 100, timeoutMs: 1000, before: 1, behind: 2, budget };
  readWhole(incoming, length, { ...limits, ...(favoured && { favour: body }) }, (result) => {
    if (result instanceof GatewayError) body.result = [result.code, result.detail].filter(Boolean).join(': ');
    else body.result = result.toString('latin1', 1, result.length - 2);
  });
  return body;
}

it('comes within its deadline, which begins with the reading', async () => {
  const budget = new BufferBudget(1000);
  const body = bodyIn(budget);
  await body.send('MSH|');
  vi.advanceTimersByTime(999);
  expect(body.result).toBe(undefined);
  await body.send('more');
  vi.advanceTimersByTime(1);
  expect([body.result, budget.heldBytes]).toEqual(['GW_ERR_HTTP_TIMEOUT', 0]);
});

it('is held, with the room around it, by whoever asked for it', async () => {
  const budget = new BufferBudget(1000);
  const body = bodyIn(budget);
  await body.send('MSH|');
  await body.send('more');
  expect(budget.heldBytes).toBe(8);
  await body.end();
  expect([body.result, budget.heldBytes, vi.getTimerCount()]).toEqual(['MSH|more', 11, 0]);
});

it('one at a time goes on where the budget is spent; the next when that is over', async () => {
  const budget = new BufferBudget(10);
  const [a, b, c] = [bodyIn(budget), bodyIn(budget), bodyIn(budget)];
  await a.send('aaaa');
  await b.send('bbbb');
  await c.send('cccc');
  await a.send('aaaa');
  await b.send('bbbb');
  // c came when it was spent, and has the turn.
  expect([a, b, c].map(({ incoming }) => incoming.isPaused())).toEqual([true, true, false]);
  await c.end();
  expect(c.result).toBe('cccc');
  expect([a, b].map(({ incoming }) => incoming.isPaused())).toEqual([true, true]);
  budget.hold(-7);
  budget.unfavour(c);
  await turns();
  await b.end();
  await a.end();
  expect([a.result, b.result]).toEqual(['aaaaaaaa', undefined]);
  budget.hold(-11);
  budget.unfavour(a);
  await turns();
  expect(b.result).toBe('bbbbbbbb');
});

it.each(['deadline', 'too large', 'gone'] as const)(
  'one that fails (%s) gives its turn back',
  async (how) => {
    const budget = new BufferBudget(4);
    const [a, b] = [bodyIn(budget), bodyIn(budget)];
    await a.send('aaaa');
    vi.advanceTimersByTime(500);
    await b.send('bbbb');
    expect([a, b].map(({ incoming }) => incoming.isPaused())).toEqual([false, true]);
    if (how === 'too large') await a.send('a'.repeat(97));
    else if (how === 'gone') a.incoming.destroy();
    else vi.advanceTimersByTime(500);
    await turns();
    expect(a.result).toBe(
      { deadline: 'GW_ERR_HTTP_TIMEOUT', 'too large': 'GW_ERR_FRAME_TOO_LARGE', gone: 'GW_ERR_HTTP_CUT' }[
        how
      ],
    );
    expect([b.result, b.incoming.isPaused()]).toEqual([undefined, false]);
    await b.send('bbbb');
    await b.end();
    expect(b.result).toBe('bbbbbbbb');
  },
);

it('the time that it was made to wait is not its own: it has all of it anew', async () => {
  const budget = new BufferBudget(4);
  const held = {};
  budget.hold(4);
  budget.favours(held);
  const body = bodyIn(budget);
  await body.send('bb');
  expect(body.incoming.isPaused()).toBe(true);
  vi.advanceTimersByTime(900);
  budget.hold(-4);
  budget.unfavour(held);
  await turns();
  expect(body.incoming.isPaused()).toBe(false);
  vi.advanceTimersByTime(900);
  expect(body.result).toBe(undefined);
  await body.send('cc');
  await body.end();
  expect(body.result).toBe('bbcc');
});

it('one that is made to wait for all of its time is given up, and says why', async () => {
  const budget = new BufferBudget(4);
  budget.hold(4);
  budget.favours({});
  const body = bodyIn(budget);
  await body.send('bb');
  vi.advanceTimersByTime(1000);
  expect(body.result).toBe('GW_ERR_HTTP_TIMEOUT: limits.maxBuffered was spent');
  expect(budget.heldBytes).toBe(4);
});

it('one that asks for no favour waits like the rest, and one that is all there does not', async () => {
  const budget = new BufferBudget(4);
  budget.hold(4);
  const [plain, whole] = [bodyIn(budget, undefined, false), bodyIn(budget, 4, false)];
  await plain.send('bb');
  await whole.send('cccc');
  await whole.end();
  expect([plain.incoming.isPaused(), whole.result]).toEqual([true, 'cccc']);
  plain.incoming.destroy();
  await turns();
  expect([plain.result, budget.heldBytes]).toEqual(['GW_ERR_HTTP_CUT', 11]);
});
