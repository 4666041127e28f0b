// The head of a request to a node: one Host, one framing, and nothing that its writer has not put there (F57, F70).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BodyFraming, requestHead } from '../../src/http/request-head.ts';
import { readRequests, values } from '../helpers/strict-http.ts';

const HOST = ['host', 'vip.test'];

describe('requestHead', () => {
  it.each<[string, BodyFraming, boolean, string]>([
    ['GET', 'none', false, 'GET /a?b HTTP/1.1\r\nhost: vip.test\r\nconnection: keep-alive\r\nx: y\r\n\r\n'],
    [
      'POST',
      'none',
      true,
      'POST /a?b HTTP/1.1\r\nhost: vip.test\r\nconnection: close\r\nx: y\r\ncontent-length: 0\r\n\r\n',
    ],
    [
      'DELETE',
      { length: 5 },
      false,
      'DELETE /a?b HTTP/1.1\r\nhost: vip.test\r\nconnection: keep-alive\r\nx: y\r\ncontent-length: 5\r\n\r\n',
    ],
    [
      'GET',
      'chunked',
      false,
      'GET /a?b HTTP/1.1\r\nhost: vip.test\r\nconnection: keep-alive\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n',
    ],
  ])('%s with %j', (method, framing, close, expected) => {
    expect(requestHead(method, '/a?b', ['x', 'y', ...HOST, 'content-length', '99'], framing, close)).toBe(
      expected,
    );
  });

  it.each([
    ['a value with CR', 'GET', '/', ['x', 'a\rb', ...HOST]],
    ['a value with LF', 'GET', '/', ['x', 'a\nb', ...HOST]],
    ['a value with NUL', 'GET', '/', ['x', 'a\0b', ...HOST]],
    ['a value beyond bytes', 'GET', '/', ['x', '\u0100', ...HOST]],
    ['a name with a colon', 'GET', '/', ['x:', 'a', ...HOST]],
    ['a name with a blank', 'GET', '/', ['x y', 'a', ...HOST]],
    ['no name', 'GET', '/', ['', 'a', ...HOST]],
    ['Connection', 'GET', '/', ['connection', 'close', ...HOST]],
    ['Transfer-Encoding in any case', 'GET', '/', ['Transfer-Encoding', 'chunked', ...HOST]],
    ['Expect', 'GET', '/', ['expect', '100-continue', ...HOST]],
    ['two Hosts', 'GET', '/', ['Host', 'a', ...HOST]],
    ['no Host', 'GET', '/', []],
    ['a target with a blank', 'GET', '/a b', HOST],
    ['a target with LF', 'GET', '/a\nb', HOST],
    ['no target', 'GET', '', HOST],
    ['a method with a blank', 'GET /', '/', HOST],
  ])('F70 %s cannot be written', (_, method, target, fields) => {
    // Twice: what is known of a name is kept.
    for (let i = 0; i < 2; i++)
      expect(() => requestHead(method, target, fields, 'none', false)).toThrow(TypeError);
  });

  it('is read as one request with its fields, or is not written at all', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'B', '-', '_', ':', ' ', '\t', '\r', '\n', '\0', '\xe4'),
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 5 }), (pairs) => {
        let head: string;
        try {
          head = requestHead('GET', '/', [...pairs.flat(), ...HOST], 'none', false);
        } catch {
          return;
        }
        const { messages, rest } = readRequests(Buffer.from(head, 'latin1'));
        expect([messages.length, rest.length]).toEqual([1, 0]);
        const [got] = messages;
        for (const [name, value] of pairs)
          expect(got && values(got, name.toLowerCase())).toContain(value.replace(/^[ \t]+|[ \t]+$/g, ''));
        expect(got?.fields.length).toBe(pairs.length + 2);
      }),
    );
  });
});
