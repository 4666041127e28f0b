// docs/errors.md and the table in src/errors.ts list the same errors with the same properties.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { asGatewayError, causeCode, ERRORS, GatewayError } from '../src/errors.ts';

const documented = new Map(
  readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `GW_ERR_'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, code = '', text, side, resend, fault, condition, what]) => [
      code.replaceAll('`', ''),
      { text, side, resend, fault, condition: Number(condition), what },
    ]),
);

describe('docs/errors.md', () => {
  it('lists every error, and no other', () => {
    expect([...documented.keys()].sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it.each(Object.entries(ERRORS))('says of %s what the code says', (code, row) => {
    const { what, ...rest } = documented.get(code) ?? {};
    expect(rest).toEqual(row);
    expect(what?.length).toBeGreaterThan(10);
  });
});

describe('GatewayError', () => {
  it('has its text from the table, with node and detail', () => {
    const error = new GatewayError('GW_ERR_NODE_CONNECT', { node: 'a', detail: 'ECONNREFUSED' });
    expect(error.message).toBe('a node could not be connected to (node a): ECONNREFUSED');
    expect([error.side, error.resend, error.fault]).toEqual(['node', 'safe', 'unavailable']);
  });

  it('wraps what it does not know as a defect, never as safe to resend', () => {
    const error = asGatewayError(new TypeError('x is undefined'));
    expect([error.code, error.resend]).toEqual(['GW_ERR_INTERNAL', 'unsafe']);
    expect(asGatewayError(error)).toBe(error);
  });

  it('only errors before the first byte are safe to resend', () => {
    const safe = Object.entries(ERRORS)
      .filter(([, row]) => row.resend === 'safe')
      .map(([code]) => code);
    expect(safe.sort()).toEqual([
      'GW_ERR_NODE_CONNECT',
      'GW_ERR_NODE_CONNECT_TIMEOUT',
      'GW_ERR_NODE_FULL',
      'GW_ERR_NODE_STALE',
      'GW_ERR_NODE_TLS',
      'GW_ERR_QUEUE_FULL',
      'GW_ERR_QUEUE_TIMEOUT',
    ]);
  });

  it('every code is used', () => {
    const root = new URL('..', import.meta.url);
    const sources = ['src', 'listeners', 'routing', 'certs'].flatMap((top) =>
      readdirSync(new URL(`${top}/`, root), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && name !== 'errors.ts')
        .map((name) => readFileSync(new URL(`${top}/${name}`, root), 'utf8')),
    );
    const unused = Object.keys(ERRORS).filter(
      (code) => !sources.some((source) => source.includes(`'${code}'`)),
    );
    expect(unused).toEqual([]);
  });

  it('takes the code of a cause, never its text', () => {
    expect(causeCode(Object.assign(new Error('connect to DOE^JANE failed'), { code: 'EPIPE' }))).toBe(
      'EPIPE',
    );
    expect(causeCode(new RangeError('DOE^JANE'))).toBe('RangeError');
    expect(causeCode('DOE^JANE')).toBe('unknown');
  });
});
