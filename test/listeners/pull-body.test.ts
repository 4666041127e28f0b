// A request's body between a client and a node: nothing is read before it is asked for, nothing is lost behind its end, and
// what was cut off never looks whole.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { LazyBody } from '../../listeners/http/proxy/lazy-body.ts';
import { turns } from '../helpers/until.ts';

const IDLE_MS = 1_000;

/** As Node.js's own: it ends, then closes. */
class Incoming extends Readable {
  complete = false;

  override _read(): void {}

  finish(): void {
    this.complete = true;
    this.push(null);
  }
}

function open(): { incoming: Incoming; body: LazyBody; count: { requestBytes: number } } {
  const incoming = new Incoming();
  const count = { requestBytes: 0 };
  return { incoming, count, body: new LazyBody(incoming as Readable as IncomingMessage, IDLE_MS, count) };
}

describe('PullBody', () => {
  it('asks for nothing before it is asked', async () => {
    const { incoming, body, count } = open();
    incoming.push('hello');
    await turns();
    expect([body.started, incoming.readableLength, count.requestBytes]).toEqual([false, 5, 0]);
    body.resume();
    await turns();
    expect([body.started, incoming.readableLength, count.requestBytes]).toEqual([true, 0, 5]);
  });

  it('keeps what came before its end for a node that is slow', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { incoming, body, count } = open();
      body.read(0);
      incoming.push('hello');
      incoming.finish();
      await once(incoming, 'close');
      vi.advanceTimersByTime(10 * IDLE_MS);
      expect((await buffer(body)).toString()).toBe('hello');
      expect(count.requestBytes).toBe(5);
    } finally {
      vi.useRealTimers();
    }
  });

  it('holds its client back, and is not out of patience while it does', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { incoming, body } = open();
      body.read(0);
      incoming.push(Buffer.alloc(100_000));
      await turns();
      expect(incoming.isPaused()).toBe(true);
      vi.advanceTimersByTime(10 * IDLE_MS);
      expect(body.destroyed).toBe(false);
      incoming.finish();
      expect((await buffer(body)).length).toBe(100_000);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ['a close', (incoming: Incoming) => incoming.destroy(), 'GW_ERR_HTTP_CUT'],
    ['an end that is none', (incoming: Incoming) => incoming.push(null), 'GW_ERR_HTTP_CUT'],
    ['silence', () => vi.advanceTimersByTime(IDLE_MS + 1), 'GW_ERR_HTTP_TIMEOUT'],
  ])('%s is an error', async (_, happen, code) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { incoming, body } = open();
      const failed = once(body, 'error');
      body.resume();
      incoming.push('hello');
      await turns();
      happen(incoming);
      expect((await failed)[0]).toMatchObject({ code });
      expect(incoming.listenerCount('data')).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
