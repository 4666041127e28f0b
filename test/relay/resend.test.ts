import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode, GatewayError } from '../../src/errors.ts';
import { resendAfter } from '../../src/relay/retry.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

function config(
  onAmbiguous: 'fail' | 'same-node' | 'other-node',
  more: { attempts?: number; budgetMs?: number; timeoutMs?: number } = {},
) {
  const { attempts = 2, budgetMs = 4000, timeoutMs = 3000 } = more;
  return { retry: { attempts, budgetMs, onAmbiguous }, queue: { max: 10, timeoutMs } };
}

const FRESH = { writes: 0, elapsedMs: 0 };
const WRITTEN = { writes: 1, elapsedMs: 10 };

describe.each(['fail', 'same-node', 'other-node'] as const)('onAmbiguous %s', (onAmbiguous) => {
  test.each(codes.filter((code) => ERRORS[code].resend === 'safe'))(
    '%s: another node, no byte was written',
    (code) => {
      expect(resendAfter(new GatewayError(code), FRESH, config(onAmbiguous))).toBe('other-node');
    },
  );

  test.each(codes.filter((code) => ERRORS[code].resend === 'unsafe'))('%s: as the config says', (code) => {
    expect(resendAfter(new GatewayError(code), WRITTEN, config(onAmbiguous))).toBe(
      onAmbiguous === 'fail' ? 'give-up' : onAmbiguous,
    );
  });

  test.each(codes.filter((code) => ERRORS[code].resend === 'never'))('%s: never', (code) => {
    expect(resendAfter(new GatewayError(code), FRESH, config(onAmbiguous))).toBe('give-up');
  });
});

describe('limits', () => {
  const ambiguous = new GatewayError('GW_ERR_NODE_CLOSED');
  const refused = new GatewayError('GW_ERR_NODE_CONNECT');

  test.each([
    [1, 2, 'same-node'],
    [2, 2, 'give-up'],
    [3, 2, 'give-up'],
    [1, 1, 'give-up'],
    [4, 5, 'same-node'],
  ])('written %i times of %i: %s', (writes, attempts, expected) => {
    expect(resendAfter(ambiguous, { writes, elapsedMs: 0 }, config('same-node', { attempts }))).toBe(
      expected,
    );
  });

  test('an ambiguous failure is not sent again after the budget', () => {
    const at = (elapsedMs: number): string =>
      resendAfter(ambiguous, { writes: 1, elapsedMs }, config('other-node', { budgetMs: 100 }));
    expect([at(99), at(100)]).toEqual(['other-node', 'give-up']);
  });

  test('a message that was not sent is tried for as long as the budget or the queue would keep it', () => {
    const at = (elapsedMs: number, budgetMs: number): string =>
      resendAfter(refused, { writes: 0, elapsedMs }, config('fail', { budgetMs, timeoutMs: 100 }));
    expect([at(99, 0), at(100, 0), at(199, 200), at(200, 200)]).toEqual([
      'other-node',
      'give-up',
      'other-node',
      'give-up',
    ]);
  });

  test('refusals do not count as attempts', () => {
    expect(resendAfter(refused, { writes: 9, elapsedMs: 0 }, config('fail', { attempts: 1 }))).toBe(
      'other-node',
    );
  });
});
