// docs/errors.md and the table in src/errors.ts list the same errors with the same properties.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../listeners/http/statuses.ts';
import { asGatewayError, causeCode, ERRORS, type ErrorCode, GatewayError } from '../src/errors.ts';
import { productFiles, ROOT } from './helpers/product-files.ts';

const lines = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8').split('\n');

const documented = new Map(
  lines
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

it('docs/runbook.md has a section on each error, and no other', () => {
  const page = readFileSync(new URL('../docs/runbook.md', import.meta.url), 'utf8');
  const codes = [...page.matchAll(/^#### (GW_ERR_\w+)$/gm)].map(([, code]) => code);
  expect(codes.toSorted()).toEqual(Object.keys(ERRORS).sort());
});

describe('its HTTP statuses', () => {
  const rows = lines.flatMap((line) => {
    const [, status, what = ''] = /^\| (\d{3}) \| (.*) \|$/.exec(line) ?? [];
    return status === undefined ? [] : [{ status: Number(status), what }];
  });
  const named = new Map(
    rows.flatMap(({ status, what }) =>
      [...what.matchAll(/`(GW_ERR_\w+)`/g)].map(([, code = '']) => [code, status]),
    ),
  );
  const other = (fault: string): number | undefined =>
    rows.find(({ what }) => what === `every other code whose fault is ${fault}`)?.status;

  it.each(Object.keys(ERRORS) as ErrorCode[])('say of %s what the code says', (code) => {
    expect(named.get(code) ?? other(ERRORS[code].fault)).toBe(statusOf(code));
  });

  it('name no error twice, and none that there is not', () => {
    const codes = rows.flatMap(({ what }) => what.match(/GW_ERR_\w+/g) ?? []);
    expect(codes).toHaveLength(named.size);
    expect(codes.filter((code) => !(code in ERRORS))).toEqual([]);
  });

  it('name none that has the status of its fault anyway', () => {
    const idle = [...named].filter(([code, status]) => other(ERRORS[code as ErrorCode].fault) === status);
    expect(idle).toEqual([]);
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
      'GW_ERR_CLIENT_SOURCE',
      // 503 and 429 say that the message was not worked on.
      'GW_ERR_NODE_BUSY',
      'GW_ERR_NODE_CONNECT',
      'GW_ERR_NODE_CONNECT_TIMEOUT',
      'GW_ERR_NODE_FULL',
      'GW_ERR_NODE_STALE',
      'GW_ERR_NODE_TLS',
      'GW_ERR_OPEN_FILES',
      'GW_ERR_PARSE_FAILED',
      'GW_ERR_PARSE_TIMEOUT',
      'GW_ERR_PARSE_WORKER',
      'GW_ERR_QUEUE_FULL',
      'GW_ERR_QUEUE_TIMEOUT',
      'GW_ERR_SPOOL_FULL',
    ]);
  });

  it('every code is used', () => {
    const sources = productFiles()
      .filter((file) => file !== 'src/errors.ts')
      .map((file) => readFileSync(join(ROOT, file), 'utf8'));
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
