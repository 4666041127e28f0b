// Faults 6 to 8, 16 and 17: what never becomes a frame, or not in time, or not within bounds. Nothing of it is forwarded.
import { expect, it } from 'vitest';
import { frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { turns, until } from '../helpers/until.ts';
import { bytes, END, nakOf, START, startLine } from './line.ts';

const frameTimeout = '150ms';

/** A ClientHello's first bytes as OpenSSL sends them; the 0B of an extension's number opens a frame. */
const HELLO = bytes(
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'r'.repeat(60),
  '\x00\x0b\x00\x04\x03\x00\x01\x02',
);

const STRANGERS: readonly (readonly [string, Buffer])[] = [
  ['an HTTP request', bytes('GET / HTTP/1.1\r\nHost: gateway\r\n\r\n')],
  ['a TLS ClientHello', HELLO],
  ['HL7 without MLLP framing', message()],
  ['a PROXY protocol header', bytes('PROXY TCP4 192.0.2.1 192.0.2.2 4711 2575\r\n')],
  ['a PROXY protocol header', bytes('\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c', '\xc0\x00\x02\x01'.repeat(3))],
  ['SSH', bytes('SSH-2.0-OpenSSH_9.2\r\n')],
  ['binary data', bytes('\x01\x02\xff\xfe')],
];

it.each(STRANGERS)('F6 %s on the MLLP port is ended, and the log says so', async (looks, sent) => {
  await using line = await startLine({ listener: { limits: { frameTimeout } } });
  await line.sender.write(sent);
  await line.sender.closed;
  // F111: a TLS client, too, is recognised before the timer.
  const [code] = line.gw.codes;
  expect(code).toBe('GW_ERR_FRAME_NO_START');
  expect(await line.gw.logged(code as string)).toMatchObject({ detail: `it looks like ${looks}` });
  expect(line.gw.codes).toHaveLength(1);
  line.nodeGot([]);
  expect(line.sender.received.length).toBe(0);
  await line.endedButLives();
});

it.each(STRANGERS)('F6 %s: the log says so as well where it goes by itself', async (looks, sent) => {
  await using line = await startLine();
  await line.sender.write(sent);
  await line.sender.end();
  await line.sender.closed;
  expect(line.gw.codes).toHaveLength(1);
  expect(await line.gw.logged(line.gw.codes[0] as string)).toMatchObject({
    detail: `it looks like ${looks}`,
  });
  line.nodeGot([]);
  await line.lives();
});

it('F6 an HTTP request longer than maxJunk is ended by the bound', async () => {
  await using line = await startLine();
  await line.sender.write(bytes('POST / HTTP/1.1\r\n', 'X: y\r\n'.repeat(300)));
  expect(await line.gw.logged('GW_ERR_FRAME_NO_START')).toMatchObject({
    detail: 'it looks like an HTTP request',
  });
  await line.endedButLives();
});

it('F6 a real TLS client gets no handshake', async () => {
  await using line = await startLine({ listener: { limits: { frameTimeout } } });
  await expect(connectSender(line.gw.port(), { tls: { rejectUnauthorized: false } })).rejects.toThrow();
  await until(() => line.gw.log.some(({ detail }) => detail === 'it looks like a TLS ClientHello'));
  line.nodeGot([]);
  await line.goesOn();
});

it('F6 a TLS client whose random bytes happen to make a frame', async () => {
  await using line = await startLine({ listener: { limits: { frameTimeout } } });
  await line.sender.write(Buffer.from('1603010200010001fc03030b41421c0d0102', 'hex'));
  await line.sender.closed;
  expect(line.gw.codes).toEqual(['GW_ERR_FRAME_NO_START']);
  expect(line.gw.log.at(-1)).toMatchObject({ detail: 'it looks like a TLS ClientHello' });
  line.nodeGot([]);
});

it.each([
  ['no end block', message()],
  ['an end block without CR', bytes(message(), END)],
  ['nothing behind the start block', bytes('')],
  ['the start of a next start block', bytes(message(), START, 'MS')],
])('F7 %s, then silence: closed at frameTimeout', async (_, payload) => {
  await using line = await startLine({ listener: { limits: { frameTimeout } } });
  const good = frame(message());
  await line.sender.write(bytes(good, START, payload));
  await line.sender.closed;
  expect(line.gw.codes).toEqual(['GW_ERR_FRAME_TIMEOUT']);
  line.nodeGot([good]);
  line.senderGotTheAnswers();
  await line.endedButLives();
});

it.each(['end', 'reset'] as const)('F8 %s inside a frame: dropped, never forwarded', async (how) => {
  await using line = await startLine();
  const framed = frame(message());
  for (const at of [1, 2, 9, 60, framed.length - 2, framed.length - 1]) {
    const before = line.gw.codes.length;
    await using other = await connectSender(line.gw.port());
    await other.write(framed.subarray(0, at));
    await until(() => line.gw.held.bytes === at);
    await other[how]();
    await other.closed;
    await until(() => line.gw.codes.length > before);
    expect(other.received.length).toBe(0);
  }
  expect(line.gw.codes).toEqual(Array.from({ length: 6 }, () => 'GW_ERR_FRAME_TRUNCATED'));
  line.nodeGot([]);
  await line.goesOn();
});

const big = (size: number): Buffer => message({ controlId: 'BIG', size });

it.each([[[]], [[1]], [[10]], [[1025]], [[1026]], [[1027]]])(
  'F16 maxFrame is the largest payload that is taken, one byte more is refused; split at %j',
  async (cuts) => {
    await using line = await startLine({ listener: { limits: { maxFrame: '1KiB' } } });
    const largest = frame(big(1024));
    await line.sender.writeSplit(largest, cuts);
    expect(msaOf(await line.sender.nextAck())).toEqual({ code: 'AA', controlId: 'BIG' });
    await line.sender.writeSplit(bytes(frame(big(1025)), frame(message())), cuts);
    const error = 'GW_ERR_FRAME_TOO_LARGE';
    expect(nakOf(await line.sender.nextAck())).toEqual({ code: 'AR', controlId: 'BIG', error });
    line.nodeGot([largest]);
    expect(line.gw.codes).toEqual([error]);
    await line.endedButLives();
  },
);

it.each([
  ['where onRejected is close', { onRejected: 'close' }, big(3000)],
  ['where there is no MSH', {}, bytes('PID|1|', 'x'.repeat(3000))],
  [
    'where MSH has not ended, since MSH-10 may not have either',
    {},
    bytes('MSH|^~\\&|A|B|C|D|||A|', 'x'.repeat(3000)),
  ],
])('F16 a frame over maxFrame is closed without an answer %s', async (_, listener, payload) => {
  await using line = await startLine({ listener: { ...listener, limits: { maxFrame: '1KiB' } } });
  await line.sender.write(bytes(START, payload.subarray(0, 1500)));
  await line.sender.closed;
  expect(line.sender.received.length).toBe(0);
  expect(line.gw.codes).toEqual(['GW_ERR_FRAME_TOO_LARGE']);
  line.nodeGot([]);
  await line.endedButLives();
});

it('F16 a frame without bounds takes no more memory than maxFrame, and a fast sender still learns why', async () => {
  await using line = await startLine({ listener: { limits: { maxFrame: '1MiB' } } });
  const head = bytes(START, message({ controlId: 'ENDLESS' }));
  const chunk = Buffer.alloc(64 * 1024, 'x');
  await line.sender.write(head);
  let most = 0;
  let written = 0;
  for (; !line.sender.ended; written += chunk.length) {
    await line.sender.write(chunk);
    most = Math.max(most, line.gw.held.bytes);
    await turns(1);
  }
  expect(written).toBeGreaterThan(1024 * 1024);
  expect(most).toBeLessThanOrEqual(1024 * 1024 + 3);
  expect(nakOf(await line.sender.nextAck())).toMatchObject({ code: 'AR', controlId: 'ENDLESS' });
  line.nodeGot([]);
  await line.lives();
});

const TRICKLES = { content: 'x', 'start blocks': '\x0b', 'end blocks': '\x1c', junk: 'junk' };

it.each(Object.entries(TRICKLES))(
  'F17 a trickle of %s that never pauses ends at frameTimeout',
  async (kind, piece) => {
    await using line = await startLine({ listener: { limits: { frameTimeout, maxJunk: '1GiB' } } });
    if (kind !== 'junk') await line.sender.write(START);
    while (!line.sender.ended) {
      await line.sender.write(piece);
      await turns(1);
    }
    expect(line.gw.codes.at(-1)).toBe(kind === 'junk' ? 'GW_ERR_FRAME_NO_START' : 'GW_ERR_FRAME_TIMEOUT');
    expect(line.gw.codes).toHaveLength(1);
    expect(line.sender.received.length).toBe(0);
    line.nodeGot([]);
    await line.lives();
  },
);

it('F17 each frame has a deadline of its own: a steady sender is not cut', async () => {
  await using line = await startLine({ listener: { limits: { frameTimeout: '2s' } } });
  const framed = frame(message());
  const end = performance.now() + 4500;
  let sent = 0;
  // Each read ends one frame and begins the next, so that a frame is open at all times.
  await line.sender.write(framed.subarray(0, 20));
  while (performance.now() < end) {
    await line.sender.write(bytes(framed.subarray(20), framed.subarray(0, 20)));
    await line.sender.nextAck();
    sent++;
  }
  await line.sender.write(framed.subarray(20));
  await line.sender.nextAck();
  line.nodeGot(Array.from({ length: sent + 1 }, () => framed));
  expect(line.gw.codes).toEqual([]);
  await line.goesOn();
});
