// Conditions: what holds for which message, what does not compile, and that no pattern takes long.
import { describe, expect, it } from 'vitest';
import { compileCondition } from '../../routing/condition.ts';
import { MemoizedPredicate } from '../../routing/memoized-predicate.ts';
import type { ValueTest } from '../../src/config/config.ts';
import { GatewayError } from '../../src/errors.ts';
import { any, cidr, condition, equals, exists, not, ORU, regex, view } from './views.ts';

function holds(text: string, test: ValueTest, message: string | Buffer = ORU, peer = {}): boolean {
  return compileCondition(condition(text, test))(view(message, peer));
}

describe('fields', () => {
  it.each<[string, ValueTest, boolean]>([
    ['MSH-9.1', equals('ORU'), true],
    ['MSH-9.1', equals('ADT'), false],
    ['MSH-9', equals('ORU^R01'), true],
    ['OBX-5', equals('a&b'), true],
    ['OBX-5', equals('a\\T\\b'), false],
    ['MSH-4', any(equals('SOUTH'), equals('NORTH')), true],
    ['MSH-4', any(equals('SOUTH'), equals('EAST')), false],
    ['MSH-4', any(equals('SOUTH'), regex('^N')), true],
    ['MSH-4', any(), false],
    ['MSH-4', not(equals('NORTH')), false],
    ['MSH-4', not(any(equals('SOUTH'), equals('EAST'))), true],
    ['MSH-4', not(not(equals('NORTH'))), true],
    ['MSH-9', regex('^ORU\\^R0[0-9]$'), true],
    ['MSH-9', regex('oru'), false],
    ['MSH-9', regex('oru', 'i'), true],
    ['PID-3.4', exists(), true],
    ['PID-3.4', exists(false), false],
  ])('%s %j: %j', (text, test, expected) => expect(holds(text, test)).toBe(expected));

  it.each<[ValueTest, boolean]>([
    [equals(''), true],
    [equals('x'), false],
    [not(equals('')), false],
    [not(equals('x')), true],
    [exists(), false],
    [exists(false), true],
    [regex('^$'), true],
    [regex('.'), false],
    [not(regex('.')), true],
  ])('absent and empty are the same: %j is %j', (test, expected) => {
    // Empty, left out at the segment's end, segment missing.
    expect(['MSH-5', 'MSH-30', 'ZZZ-1'].map((text) => holds(text, test))).toEqual([
      expected,
      expected,
      expected,
    ]);
  });

  it('the null value exists', () => {
    expect(holds('MSH-3', exists(), 'MSH|^~\\&|""')).toBe(true);
  });

  it('are compared by the delimiters and the charset of the message', () => {
    expect(holds('MSH-3.2', equals('Ä'), Buffer.from('MSH#!@%*#x!Ä##############8859/1', 'latin1'))).toBe(
      true,
    );
  });

  it('m and s are what they are in RE2', () => {
    const message = 'MSH|^~\\&|a\\.br\\b';
    const found = [regex('^b'), regex('^b', 'm'), regex('a.b'), regex('a.b', 's')].map((test) =>
      holds('MSH-3', test, message),
    );
    expect(found).toEqual([false, true, false, true]);
  });
});

describe('the sender', () => {
  it.each<[string, string, boolean]>([
    ['10.1.0.0/16', '10.1.2.3', true],
    ['10.1.0.0/16', '::ffff:10.1.2.3', true],
    ['10.1.0.0/16', '::ffff:a01:203', true],
    ['10.1.0.0/16', '10.2.2.3', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['::ffff:10.1.0.0/112', '10.1.2.3', true],
    ['::ffff:10.1.2.3', '10.1.2.3', true],
    ['::ffff:10.1.2.3', '10.1.2.4', false],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::/8', 'fe80::1%eth0', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::1', '::1', true],
    ['0.0.0.0/0', 'fd00::1', false],
    ['::/0', '10.1.2.3', false],
    ['0.0.0.0/0', '', false],
    ['0.0.0.0/0', '/run/socket', false],
  ])('source in %s: %j is %j', (range, address, expected) => {
    expect(holds('source', cidr(range), ORU, { address })).toBe(expected);
    expect(holds('source', not(cidr(range)), ORU, { address })).toBe(!expected);
  });

  it('a source in any of several ranges', () => {
    expect(holds('source', any(cidr('192.168.0.0/16'), cidr('10.0.0.0/8')))).toBe(true);
  });

  it('the listener', () => {
    expect([holds('listener', equals('adt')), holds('listener', equals('lab'))]).toEqual([true, false]);
  });

  const tls = { subject: 'CN=lab', san: ['a.example', 'b.example'], fingerprint: 'AB:CD:EF' };

  it.each<[ValueTest, boolean]>([
    [equals('b.example'), true],
    [equals('c.example'), false],
    [regex('^b\\.'), true],
    [any(equals('c.example'), equals('a.example')), true],
    [not(equals('b.example')), false],
    [not(equals('c.example')), true],
    [not(any(equals('c.example'), equals('a.example'))), false],
    [any(equals('c.example'), not(equals('d.example'))), true],
    [exists(), true],
    [exists(false), false],
  ])('tls.san with %j: %j', (test, expected) => expect(holds('tls.san', test, ORU, { tls })).toBe(expected));

  it.each(['tls.san', 'tls.subject', 'tls.fingerprint'])(
    '%s without a certificate passes no test of a value',
    (text) => {
      const tests = [equals(''), regex('.*'), any(equals('')), exists(), not(equals('x')), exists(false)];
      expect(tests.map((test) => holds(text, test))).toEqual([false, false, false, false, true, true]);
    },
  );

  it.each(['AB:CD:EF', 'ab:cd:ef', 'abcdef'])('a fingerprint may be written %s', (written) => {
    expect(holds('tls.fingerprint', equals(written), ORU, { tls })).toBe(true);
    expect(holds('tls.fingerprint', any(equals('00'), equals(written)), ORU, { tls })).toBe(true);
    expect(holds('tls.fingerprint', equals(`${written}0`), ORU, { tls })).toBe(false);
  });
});

describe('what does not compile', () => {
  it.each<[string, ValueTest]>([
    ['MSH-9', regex('(')],
    ['MSH-9', regex('(a)\\1')],
    ['MSH-9', regex('a', 'g')],
    ['source', cidr('10.0.0.0/33')],
    ['source', cidr('north')],
  ])('%s %j is an error of the config that names the condition', (text, test) => {
    try {
      compileCondition(condition(text, test));
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
      expect((error as GatewayError).code).toBe('GW_ERR_CONFIG');
      expect((error as GatewayError).message).toContain(text);
      return;
    }
    expect.unreachable();
  });
});

describe('F75 regexes of the config', () => {
  it('take time in proportion to the value, also where a backtracking engine would not end', () => {
    const match = compileCondition(condition('MSH-3', regex('^(a+)+$')));
    // A backtracking engine takes 2^n steps here.
    expect(match(view(`MSH|^~\\&|${'a'.repeat(50_000)}!`))).toBe(false);
    expect(match(view(`MSH|^~\\&|${'a'.repeat(50_000)}`))).toBe(true);
  });
});

describe('remembered answers', () => {
  it('are asked for once', () => {
    const asked: string[] = [];
    const remembered = new MemoizedPredicate((value) => asked.push(value) > 0 && value === 'yes');
    expect(['yes', 'no', 'yes', 'no'].map((value) => remembered.answer(value))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(asked).toEqual(['yes', 'no']);
  });

  it('are bounded, and stay right beyond the bound', () => {
    let asked = 0;
    const remembered = new MemoizedPredicate((value) => ++asked > 0 && value.endsWith('7'));
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 1_000; i++) expect(remembered.answer(String(i))).toBe(i % 10 === 7);
    }
    expect(asked).toBe(2_000);
  });

  it('are not kept for long values', () => {
    let asked = 0;
    const remembered = new MemoizedPredicate(() => ++asked > 0);
    remembered.answer('x'.repeat(65));
    remembered.answer('x'.repeat(65));
    expect(asked).toBe(2);
  });
});
