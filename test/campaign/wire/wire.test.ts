// The campaign's own small MLLP code and its random numbers, on which all of its findings stand.
import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/tools/world/prng.ts';
import { ResponseCutter } from './http.ts';
import { ackOf, controlIdOf, FrameCutter, frame, headerOf, membersOf, messageOf, msaOf } from './mllp.ts';

const message = messageOf({ app: 'S1', controlId: 'S1-7', serial: 7, filler: 'a\x1cb\xff' });

describe('frames', () => {
  const stream = Buffer.concat([frame(message), frame(Buffer.alloc(0)), frame(Buffer.from('x\r\n'))]);
  const payloads = [message, Buffer.alloc(0), Buffer.from('x\r\n')];

  test('are found however the stream is cut', () => {
    for (let at = 0; at <= stream.length; at++) {
      const cutter = new FrameCutter();
      const found = [...cutter.push(stream.subarray(0, at)), ...cutter.push(stream.subarray(at))];
      expect(found).toEqual(payloads);
      expect(cutter.strayBytes).toBe(0);
    }
    const byByte = new FrameCutter();
    expect([...stream].flatMap((byte) => byByte.push(Buffer.of(byte)))).toEqual(payloads);
  });

  test('bytes outside of them are counted, and what has not ended is none', () => {
    const cutter = new FrameCutter();
    expect(cutter.push(Buffer.concat([Buffer.from('xy'), frame(message), Buffer.from('z')]))).toEqual([
      message,
    ]);
    expect(cutter.strayBytes).toBe(3);
    expect(cutter.push(frame(message).subarray(0, -1))).toEqual([]);
  });
});

test('a message has its control id, an answer its MSA', () => {
  expect(controlIdOf(message)).toBe('S1-7');
  expect(msaOf(ackOf('a.1.1', 'AE', 'S1-7'))).toEqual({ code: 'AE', id: 'S1-7' });
  expect(msaOf(message)).toBeUndefined();
});

test('a batch has its messages, with or without segments of its own', () => {
  const other = messageOf({ app: 'S1', controlId: 'S1-8', serial: 8, filler: '', enhanced: true });
  expect(membersOf(Buffer.concat([message, other]))).toEqual([message, other]);
  const [head, tail] = [Buffer.from('FHS|^~\\&|S1\rBHS|^~\\&|S1\r'), Buffer.from('BTS|2\rFTS|1\r')];
  expect(membersOf(Buffer.concat([head, message, other, tail]))).toEqual([message, other]);
  expect(membersOf(message)).toEqual([message]);
  expect([headerOf(other)[3], headerOf(other)[15], headerOf(other)[16]]).toEqual(['S1', 'AL', 'AL']);
});

describe('responses', () => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
  const stream = Buffer.from(
    `HTTP/1.1 100 Continue\r\n\r\n${chunked}HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno`,
  );

  test('are found however the stream is cut', () => {
    for (let at = 0; at <= stream.length; at++) {
      const cutter = new ResponseCutter();
      const found = [...cutter.push(stream.subarray(0, at)), ...cutter.push(stream.subarray(at))];
      expect(found.map(({ status, body }) => [status, body.toString()])).toEqual([
        [200, 'abcde'],
        [503, 'no'],
      ]);
      expect(cutter.openBytes).toBe(0);
    }
  });

  test('without their end are none', () => {
    const cutter = new ResponseCutter();
    expect(cutter.push(Buffer.from(chunked.slice(0, -2)))).toEqual([]);
    expect(cutter.openBytes).toBe(chunked.length - 2);
  });
});

test('the same seed draws the same numbers, within their bounds', () => {
  const draw = (seed: number): number[] => {
    const prng = new Prng(seed);
    return Array.from({ length: 1_000 }, () => prng.int(3, 5));
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(new Set(draw(1))).toEqual(new Set([3, 4, 5]));
});
