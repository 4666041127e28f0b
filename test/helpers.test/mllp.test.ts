// The tests' own MLLP reader and message builder, held to the block format and to Mirth's form of an acknowledgement.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ackFor,
  controlIdOf,
  everySplit,
  FrameSplitter,
  frame,
  headerField,
  message,
  msaOf,
  unframe,
} from '../helpers/mllp.ts';

describe('frame and unframe', () => {
  test('a frame is 0B, the payload, 1C 0D', () => {
    expect(frame('MSH|').toString('hex')).toBe('0b4d53487c1c0d');
    expect(frame(Buffer.from([0xff])).toString('hex')).toBe('0bff1c0d');
  });

  test('two frames split at every byte are the same two payloads', () => {
    const bytes = Buffer.concat([frame('A\x1cB\rC\x1c'), frame('D')]);
    for (const [a, b] of everySplit(bytes)) {
      const splitter = new FrameSplitter();
      const payloads = [...splitter.push(a), ...splitter.push(b)].map(String);
      expect(payloads).toEqual(['A\x1cB\rC\x1c', 'D']);
      expect(splitter.open).toBe(false);
      expect(splitter.junk).toHaveLength(0);
    }
  });

  test('any payloads without 1C 0D in any chunks come out as they went in', () => {
    const payload = fc.uint8Array({ maxLength: 40 }).map((bytes) => {
      const text = Buffer.from(bytes).toString('latin1').replaceAll('\x1c\r', '');
      return Buffer.from(text.endsWith('\x1c') ? '' : text.replaceAll('\x1c\r', ''), 'latin1');
    });
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 5 }), fc.integer({ min: 1, max: 9 }), (payloads, step) => {
        fc.pre(payloads.every((each) => !each.includes('\x1c\r')));
        const bytes = Buffer.concat(payloads.map(frame));
        const splitter = new FrameSplitter();
        const out: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += step)
          out.push(...splitter.push(bytes.subarray(at, at + step)));
        expect(out).toEqual(payloads);
      }),
    );
  });

  test('bytes outside of frames are kept as junk, and an unended frame stays open', () => {
    const splitter = new FrameSplitter();
    expect(splitter.push(Buffer.from('\r\n\x0bA\x1c\r\0\x0bB'))).toEqual([Buffer.from('A')]);
    expect(splitter.junk.toString()).toBe('\r\n\0');
    expect(splitter.open).toBe(true);
  });

  test('1C 1C 0D ends a frame whose content ends in 1C', () => {
    expect(unframe(Buffer.from('\x0bA\x1c\x1c\r'))).toEqual([Buffer.from('A\x1c')]);
  });

  test('everySplit cuts at each position between the bytes', () => {
    expect([...everySplit(Buffer.from('abc'))].map(([a, b]) => `${a}/${b}`)).toEqual(['a/bc', 'ab/c']);
  });
});

describe('message', () => {
  test('is a valid small ADT^A01 by default', () => {
    expect(message({ controlId: 'C1' }).toString()).toBe(
      [
        'MSH|^~\\&|SENDAPP|SENDFAC|RECVAPP|RECVFAC|20261122083014||ADT^A01^ADT_A01|C1|P|2.5.1',
        'EVN||20261122080000',
        'PID|1||900001^^^TESTHOSP^MR||SAMPLE^ADA||19800101|F',
        'PV1|1|I|WARD1^101^1',
        '',
      ].join('\r'),
    );
  });

  test('puts each part into its field', () => {
    const built = message({
      type: 'ORU^R01',
      controlId: 'C2',
      app: 'LAB',
      facility: 'NORTH',
      receivingApp: 'HIS',
      receivingFacility: 'SOUTH',
      processingId: 'T',
      version: '2.3',
      acceptAck: 'AL',
      applicationAck: 'NE',
      charset: 'UNICODE UTF-8',
    });
    const fields = [3, 4, 5, 6, 9, 10, 11, 12, 15, 16, 18].map((n) => headerField(built, n));
    expect(fields.join(' ')).toBe('LAB NORTH HIS SOUTH ORU^R01 C2 T 2.3 AL NE UNICODE UTF-8');
    expect(built.toString()).toContain('\rOBX|1|NM|');
  });

  test('takes other delimiters and separators', () => {
    const built = message({
      delimiters: '#!@%*',
      separator: '\n',
      controlId: 'C3',
      type: 'ADT^A08',
    }).toString();
    expect(built).toMatch(/^MSH#!@%\*#SENDAPP#/);
    expect(built).toContain('#ADT!A08#C3#');
    expect(built).toContain('\nPID#1##900001!!!TESTHOSP!MR##');
    expect(built).not.toContain('|');
  });

  test.each([200, 600, 65_536])('with size %i has exactly that size', (size) => {
    expect(message({ size })).toHaveLength(size);
  });

  test('has an MSH-10 of its own in each call', () => {
    const ids = Array.from({ length: 100 }, () => controlIdOf(message()));
    expect(new Set(ids).size).toBe(100);
  });
});

describe('controlIdOf and ackFor', () => {
  test('MSH-10 is found behind a byte order mark, with LF, with odd delimiters, in a batch', () => {
    expect(controlIdOf(Buffer.concat([Buffer.from('efbbbf', 'hex'), message({ controlId: 'A' })]))).toBe('A');
    expect(controlIdOf(message({ controlId: 'B', separator: '\n' }))).toBe('B');
    expect(controlIdOf(message({ controlId: 'C', delimiters: '^~\\&#' }))).toBe('C');
    expect(
      controlIdOf(Buffer.concat([Buffer.from('FHS|^~\\&\rBHS|^~\\&\r'), message({ controlId: 'D' })])),
    ).toBe('D');
    expect(controlIdOf(Buffer.from('hello'))).toBe('');
  });

  test('an ACK has the form that Mirth 4.5.2 gives', () => {
    const ack = ackFor(message({ controlId: 'CTRL-1' })).toString();
    expect(ack).toMatch(
      /^MSH\|\^~\\&\|RECVAPP\|RECVFAC\|SENDAPP\|SENDFAC\|(\d{14}\.\d{3})\|\|ACK\^A01\^ACK\|\1\|P\|2\.5\.1\rMSA\|AA\|CTRL-1\r$/,
    );
  });

  test('an ACK uses the message’s delimiters, and takes another code, id and text', () => {
    const ack = ackFor(message({ delimiters: '#!@%*' }), 'AE', { controlId: 'X', text: 'no' });
    expect(ack.toString()).toMatch(/^MSH#!@%\*#RECVAPP#.*#ACK!A01!ACK#.*\rMSA#AE#X#no\r$/);
    expect(msaOf(ack)).toEqual({ code: 'AE', controlId: 'X' });
  });

  test('before 2.4 MSH-9 is ACK alone; without MSH-10 MSA-2 is 1', () => {
    expect(headerField(ackFor(message({ version: '2.3.1' })), 9)).toBe('ACK');
    expect(msaOf(ackFor(message({ controlId: '' })))).toEqual({ code: 'AA', controlId: '1' });
  });

  test('bytes above 7F in MSH-10 come back as the same bytes', () => {
    const sent = message({ controlId: 'M\xfcller', encoding: 'latin1' });
    expect(ackFor(sent).includes(Buffer.from('MSA|AA|M\xfcller', 'latin1'))).toBe(true);
  });
});
