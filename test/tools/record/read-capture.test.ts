// Captures of every form that is promised, with all that TCP does to a stream, against what was put into them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteSource } from '../../../src/tools/record/capture/byte-source.ts';
import { type CaptureCounts, readCapture } from '../../../src/tools/record/capture/read-capture.ts';
import type { Recorded } from '../../../src/tools/record/exchange.ts';
import { folderWith } from '../../config/config-folder.ts';
import { ackFor, frame, message } from '../../helpers/mllp.ts';
import {
  type FileOptions,
  ipPacket,
  type Link,
  pcap,
  pcapng,
  TcpConversation,
  type WrittenPacket,
} from './pcap-writer.ts';

function read(bytes: Buffer, port?: number): { recorded: Recorded[]; counts: CaptureCounts } {
  const path = join(folderWith({}), 'x.pcap');
  writeFileSync(path, bytes);
  const recorded: Recorded[] = [];
  using source = new ByteSource(path);
  const counts = readCapture(source, path, { port, onRecorded: (one) => recorded.push(one) });
  return { recorded, counts };
}

const timed = (packets: readonly Buffer[], startMs = 1_700_000_000_000): WrittenPacket[] =>
  packets.map((ip, i) => ({ ms: startMs + i * 2.5, ip }));

const texts = (recorded: readonly Recorded[]): string[] =>
  recorded.map((one) => one.message.toString('latin1'));

/** A message and its answer, all in order. */
function simple(options: ConstructorParameters<typeof TcpConversation>[0] = {}) {
  const tcp = new TcpConversation(options);
  const sent = message({ controlId: 'A1' });
  const ack = ackFor(sent);
  const packets = [
    ...tcp.open(),
    tcp.send('client', frame(sent)),
    tcp.send('server', frame(ack)),
    tcp.ack('client'),
    tcp.fin('client'),
    tcp.fin('server'),
  ];
  return { sent, ack, packets };
}

describe('file formats and links', () => {
  const links: Link[] = ['ethernet', 'vlan', 'cooked', 'cooked2', 'loopback', 'raw'];
  const forms = links.flatMap((link) =>
    [true, false].flatMap((little) =>
      (
        [
          ['pcap', pcap],
          ['pcapng', pcapng],
        ] as const
      ).map(([name, write]) => ({ link, little, name, write })),
    ),
  );
  test.for(forms)('$name, little-endian $little, $link', ({ link, little, write }) => {
    const { sent, ack, packets } = simple();
    const options: FileOptions = { link, little, nanoseconds: link === 'raw' };
    const { recorded, counts } = read(write(timed(packets), options));
    expect(recorded).toHaveLength(1);
    expect(recorded[0]).toMatchObject({ connection: 1, message: sent, answer: ack, code: 'AA' });
    expect(recorded[0]?.timeMs).toBeCloseTo(1_700_000_000_007.5, 2);
    expect((recorded[0]?.answeredMs ?? 0) - (recorded[0]?.timeMs ?? 0)).toBeCloseTo(2.5, 2);
    expect(counts).toMatchObject({
      packets: packets.length,
      connections: 1,
      withMessages: 1,
      gaps: 0,
      unreadable: 0,
      truncated: undefined,
    });
  });

  test('IPv6 with an extension header', () => {
    const { sent, packets } = simple({ version: 6 });
    expect(texts(read(pcap(timed(packets))).recorded)).toEqual([sent.toString('latin1')]);
  });

  test('cut off anywhere: what was before is there, and it is said', () => {
    const first = simple();
    const second = simple({ port: 41_000 });
    const whole = [pcap, pcapng].map((write) => write(timed([...first.packets, ...second.packets])));
    for (const bytes of whole) {
      const { recorded, counts } = read(bytes.subarray(0, bytes.length - 150));
      expect([recorded.length, counts.truncated]).toEqual([2, 'it ends in the middle of a packet']);
      expect(read(bytes.subarray(0, bytes.length / 2 + 90)).counts.truncated).toBeDefined();
    }
  });

  test('a length that cannot be right ends the reading', () => {
    const { packets } = simple();
    const bytes = pcap(timed(packets));
    bytes.writeUInt32LE(0x7fffffff, 24 + 8);
    expect(read(bytes).counts.truncated).toBe('a length in it cannot be right');
  });

  test.for(['', 'abc', 'MSH|^~\\&|A', '\x1f\x8b\x08\x00gzip'])('no capture: %j', (text) => {
    expect(() => read(Buffer.from(text, 'latin1'))).toThrow(/it is neither pcap nor pcapng/);
  });
});

describe('TCP', () => {
  const body = frame(message({ controlId: 'A1', size: 600 }));
  const next = frame(message({ controlId: 'A2' }));
  const part = (from: number, to?: number): Buffer => body.subarray(from, to);

  test('out of order, sent again, and overlapping: each byte once', () => {
    const tcp = new TcpConversation({ clientStart: 0xffffff00 });
    const open = tcp.open();
    const [a, b, c, d] = [part(0, 100), part(100, 300), part(300, 500), part(500)].map((one) =>
      tcp.send('client', one),
    ) as [Buffer, Buffer, Buffer, Buffer];
    const overlap = tcp.again('client', part(250, 520), body.length - 250);
    const packets = [...open, a, c, a, overlap, b, d, d, tcp.ack('server'), tcp.send('client', next)];
    const { recorded, counts } = read(pcap(timed(packets)));
    expect(recorded.map((one) => frame(one.message))).toEqual([body, next]);
    expect(counts.gaps).toBe(0);
    expect(counts.repeatedBytes).toBeGreaterThan(100);
  });

  test('any order of segments within a window, any copies', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 30 }),
        fc.infiniteStream(fc.nat({ max: 3 })),
        fc.constantFrom(1000, 0x7fffff00, 0xffffff00),
        (sizes, choices, clientStart) => {
          const tcp = new TcpConversation({ clientStart });
          const packets = tcp.open();
          const all = Buffer.concat([body, next, body]);
          const pending: Buffer[] = [];
          let at = 0;
          for (let i = 0; at < all.length; i++) {
            const size = sizes[i % sizes.length] as number;
            pending.push(tcp.send('client', all.subarray(at, at + size)));
            at += size;
          }
          const picks = choices[Symbol.iterator]();
          // SYN has said where it begins, so that the first segment may be late, too.
          while (pending.length > 0) {
            const pick = Math.min(picks.next().value as number, pending.length - 1);
            const [packet] = pending.splice(pick, 1) as [Buffer];
            packets.push(packet);
            if ((picks.next().value as number) === 0) packets.push(packet);
          }
          const { recorded, counts } = read(pcap(timed(packets)));
          expect(recorded.map((one) => frame(one.message))).toEqual([body, next, body]);
          expect(counts.gaps).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('a gap: its message is left out, and those behind it are there', () => {
    const tcp = new TcpConversation();
    const open = tcp.open();
    const first = tcp.send('client', part(0, 200));
    tcp.send('client', part(200, 400));
    const last = tcp.send('client', part(400));
    const behind = tcp.send('client', next);
    const { recorded, counts } = read(pcap(timed([...open, first, last, behind, tcp.ack('server')])));
    expect(recorded.map((one) => frame(one.message))).toEqual([next]);
    expect(counts).toMatchObject({ gaps: 1, missingBytes: 200, brokenFrames: 1 });
  });

  test('a snap length below the packets: what was cut is a gap', () => {
    const tcp = new TcpConversation();
    const packets = [...tcp.open(), tcp.send('client', body), tcp.send('client', next)];
    const { recorded, counts } = read(pcap(timed(packets), { snapLength: 400 }));
    expect(recorded.map((one) => frame(one.message))).toEqual([next]);
    expect(counts).toMatchObject({ gaps: 1, brokenFrames: 1 });
  });

  test('fragments are refused and counted', () => {
    const { packets, sent } = simple();
    const fragment = ipPacket(4, true, Buffer.alloc(40), 0x2000);
    const { recorded, counts } = read(
      pcap(timed([fragment, ...packets, ipPacket(4, true, Buffer.alloc(40), 0x0010)])),
    );
    expect([texts(recorded), counts.fragments]).toEqual([[sent.toString('latin1')], 2]);
  });

  test('a capture that begins within a connection; other ports; the same ports again', () => {
    const tcp = new TcpConversation();
    const late = [tcp.send('server', Buffer.from('rest of something')), tcp.send('client', next)];
    expect(read(pcap(timed(late))).recorded.map((one) => frame(one.message))).toEqual([next]);
    expect(read(pcap(timed(late)), 80)).toMatchObject({ recorded: [], counts: { connections: 0 } });
    const again = [simple({ clientStart: 100 }), simple({ clientStart: 9_000_000 })].flatMap(
      ({ packets }) => packets,
    );
    const { recorded, counts } = read(pcap(timed(again)));
    expect([recorded.map(({ connection }) => connection), counts.connections]).toEqual([[1, 2], 2]);
  });
});

describe('messages and answers', () => {
  test('two interleaved senders: in the order in which messages came, each with its own answer', () => {
    const [a, b] = [new TcpConversation({ port: 40_001 }), new TcpConversation({ port: 40_002, version: 6 })];
    const [a1, a2, b1] = ['A1', 'A2', 'B1'].map((controlId) => message({ controlId })) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    const packets = [
      ...a.open(),
      ...b.open(),
      a.send('client', Buffer.concat([frame(a1), frame(a2)])),
      b.send('client', frame(b1)),
      b.send('server', frame(ackFor(b1, 'AE'))),
      a.send('server', Buffer.concat([frame(ackFor(a1)), frame(ackFor(a2, 'AR'))])),
    ];
    const { recorded } = read(pcap(timed(packets)));
    expect(recorded.map(({ connection, message: sent, code }) => [connection, sent, code])).toEqual([
      [1, a1, 'AA'],
      [1, a2, 'AR'],
      [2, b1, 'AE'],
    ]);
  });

  test('without an answer, with a strange one, and what is no HL7', () => {
    const tcp = new TcpConversation();
    const sent = message({ controlId: 'A1' });
    const other = ackFor(message({ controlId: 'ZZ' }));
    const packets = [
      ...tcp.open(),
      tcp.send('client', frame(sent)),
      tcp.send('server', frame(other)),
      tcp.send('client', frame(Buffer.from('hello'))),
    ];
    const { recorded, counts } = read(pcap(timed(packets)));
    expect(recorded).toEqual([expect.objectContaining({ message: sent })]);
    expect(recorded[0]?.code).toBeUndefined();
    expect(counts).toMatchObject({ strayAnswers: 1, notHl7: 1 });
  });

  test('a message that holds MSA is one where its sender has sent it', () => {
    const tcp = new TcpConversation();
    const late = ackFor(message({ controlId: 'ZZ' }));
    // Who connected is not in it: then it is an answer to something before.
    const within = [tcp.send('client', frame(late)), tcp.send('server', frame(ackFor(late)))];
    expect(read(pcap(timed(within)))).toMatchObject({ recorded: [], counts: { strayAnswers: 2 } });
    const whole = new TcpConversation();
    const all = [
      ...whole.open(),
      whole.send('client', frame(late)),
      whole.send('server', frame(ackFor(late))),
    ];
    expect(read(pcap(timed(all))).recorded).toEqual([expect.objectContaining({ message: late, code: 'AA' })]);
  });

  test('in which pieces a message came, to the byte', () => {
    const tcp = new TcpConversation();
    const [one, two] = [frame(message({ controlId: 'A1' })), frame(message({ controlId: 'A2' }))];
    const all = Buffer.concat([one, Buffer.from('\r\n'), two]);
    const cuts = [0, 5, one.length - 1, one.length + 12, all.length];
    const packets = [
      ...tcp.open(),
      ...cuts.slice(1).map((to, i) => tcp.send('client', all.subarray(cuts[i], to))),
    ];
    const { recorded } = read(pcap(timed(packets)));
    expect(recorded.map(({ chunks }) => chunks?.map(({ bytes }) => bytes))).toEqual([
      [5, one.length - 6, 1],
      [10, two.length - 10],
    ]);
    const times = recorded[0]?.chunks?.map(({ timeMs }) => Math.round(timeMs * 10) % 1000);
    expect(times).toEqual([75, 100, 125]);
  });

  test('TLS is named', () => {
    const tcp = new TcpConversation();
    const packets = [...tcp.open(), tcp.send('client', Buffer.from('16030100c8010000c40303', 'hex'))];
    expect(read(pcap(timed(packets))).counts).toMatchObject({ tls: 1, withMessages: 0 });
  });
});
