// The campaign's own small MLLP code and its random numbers, on which all of its findings stand.
import { describe, expect, test } from 'vitest';
import { ackOf, controlIdOf, FrameCutter, frame, messageOf, msaOf } from './mllp.ts';
import { Prng } from './prng.ts';

const message = messageOf('S1', 'S1-7', 7, 'a\x1cb\xff');

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

test('the same seed draws the same numbers, within their bounds', () => {
  const draw = (seed: number): number[] => {
    const prng = new Prng(seed);
    return Array.from({ length: 1_000 }, () => prng.int(3, 5));
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(new Set(draw(1))).toEqual(new Set([3, 4, 5]));
});
