// What checking passwords costs: few at a time, once for the same ones, never again for a while, and no queue without end.
import { describe, expect, it, vi } from 'vitest';
import { Users } from '../../listeners/http/basic-auth.ts';
import { statusOf } from '../../listeners/http/statuses.ts';
import * as passwords from '../../src/config/http/password.ts';
import { GatewayError } from '../../src/errors.ts';
import { turns } from '../helpers/until.ts';

vi.mock(import('../../src/config/http/password.ts'), async (original) => {
  const real = await original();
  return { ...real, verifyPassword: vi.fn(real.verifyPassword) };
});
const verify = vi.mocked(passwords.verifyPassword);

/** Checks that a test ends by hand. */
interface Held {
  readonly password: string;
  end(good: boolean): void;
}

function holdChecks(): Held[] {
  const held: Held[] = [];
  verify.mockReset();
  verify.mockImplementation((password) => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    held.push({ password, end: resolve });
    return promise;
  });
  return held;
}

const users = (): Users => new Users({ users: new Map([['lab', 'hash']]), realm: 'r' });
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('checks', () => {
  it('run two at a time, in order', async () => {
    const held = holdChecks();
    const one = users();
    const results = ['a', 'b', 'c', 'd', 'e'].map((password) => one.check(basic(`lab:${password}`)));
    await turns();
    expect(held.map(({ password }) => password)).toEqual(['a', 'b']);
    for (let i = 0; i < 5; i++) {
      held[i]?.end(i % 2 === 0);
      await turns();
      expect(held.length).toBe(Math.min(5, i + 3));
    }
    expect(held.map(({ password }) => password)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await Promise.all(results)).toEqual([true, false, true, false, true]);
  });

  it('of the same name and password run once, however many ask', async () => {
    const held = holdChecks();
    const one = users();
    const results = Array.from({ length: 500 }, () => one.check(basic('lab:right')));
    await turns();
    expect(held.length).toBe(1);
    held[0]?.end(true);
    expect(await Promise.all(results)).toEqual(Array(500).fill(true));
    expect(await one.check(basic('lab:right'))).toBe(true);
    expect(verify).toHaveBeenCalledTimes(1);
  });

  it('that went well are remembered for that very name and password, for five minutes', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      verify.mockReset();
      verify.mockImplementation(async (password) => password === 'right');
      const one = users();
      expect(await one.check(basic('lab:right'))).toBe(true);
      vi.advanceTimersByTime(299_999);
      expect(await one.check(basic('lab:right'))).toBe(true);
      expect(verify).toHaveBeenCalledTimes(1);
      for (const other of ['lab:wrong', 'lab:right ', 'lab:', 'lax:wrong'])
        expect(await one.check(basic(other))).toBe(false);
      expect(verify).toHaveBeenCalledTimes(5);
      vi.advanceTimersByTime(1);
      expect(await one.check(basic('lab:right'))).toBe(true);
      expect(verify).toHaveBeenCalledTimes(6);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that went wrong are not remembered', async () => {
    verify.mockReset();
    verify.mockResolvedValue(false);
    const one = users();
    for (let i = 0; i < 3; i++) expect(await one.check(basic('lab:wrong'))).toBe(false);
    expect(verify).toHaveBeenCalledTimes(3);
  });

  it('of a user that is unknown are done as well, so that time tells nothing', async () => {
    verify.mockReset();
    verify.mockResolvedValue(false);
    await users().check(basic('nobody:x'));
    expect(verify.mock.calls).toEqual([['x', undefined]]);
  });

  it('more than a hundred that wait are refused as too many, and not as wrong', async () => {
    const held = holdChecks();
    const one = users();
    const results = Array.from({ length: 102 }, (_, i) => one.check(basic(`lab:${i}`)));
    const tooMany = one.check(basic('lab:right'));
    await expect(tooMany).rejects.toThrow(GatewayError);
    await expect(tooMany).rejects.toMatchObject({ code: 'GW_ERR_HTTP_CHECKS' });
    expect(statusOf('GW_ERR_HTTP_CHECKS')).toBe(503);
    // One that is being checked already is no more work.
    const again = one.check(basic('lab:0'));
    for (let i = 0; i < 102; i++) {
      await turns();
      held[i]?.end(i === 0);
    }
    expect(await Promise.all(results)).toEqual([true, ...Array(101).fill(false)]);
    expect(await again).toBe(true);
    const right = one.check(basic('lab:right'));
    await turns();
    held[102]?.end(true);
    expect(await right).toBe(true);
  });

  it('that break leave room for others', async () => {
    verify.mockReset();
    verify.mockRejectedValue(new Error('no memory'));
    const one = users();
    for (let i = 0; i < 5; i++) await expect(one.check(basic('lab:right'))).rejects.toThrow('no memory');
    verify.mockReset();
    verify.mockResolvedValue(true);
    expect(await one.check(basic('lab:right'))).toBe(true);
  });
});
