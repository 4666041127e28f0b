// `protocol: tcp`: bytes go through unchanged, in both directions, no faster than they are taken; an end stays an end, and what
// breaks off never looks like one.
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { turns, until } from '../../helpers/until.ts';
import { openTcpRoom, startTcpNode } from './tcp-room.ts';

/** A-ASSOCIATE-RQ for Verification (PS3.8 9.3.2), and C-ECHO-RQ in a P-DATA-TF (PS3.7 9.3.5.1). */
function dicomEcho(): Buffer {
  const item = (type: number, value: Buffer): Buffer => {
    const head = Buffer.from([type, 0, 0, 0]);
    head.writeUInt16BE(value.length, 2);
    return Buffer.concat([head, value]);
  };
  const title = (text: string): Buffer => Buffer.from(text.padEnd(16));
  const context = Buffer.concat([
    Buffer.from([1, 0, 0, 0]),
    item(0x30, Buffer.from('1.2.840.10008.1.1')),
    item(0x40, Buffer.from('1.2.840.10008.1.2')),
  ]);
  const body = Buffer.concat([
    Buffer.from([0, 1, 0, 0]),
    title('ARCHIVE'),
    title('MODALITY'),
    Buffer.alloc(32),
    item(0x10, Buffer.from('1.2.840.10008.3.1.1.1')),
    item(0x20, context),
    item(0x50, item(0x51, Buffer.from([0, 0, 0x40, 0]))),
  ]);
  const pdu = (type: number, value: Buffer): Buffer => {
    const head = Buffer.from([type, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(value.length, 2);
    return Buffer.concat([head, value]);
  };
  const element = (number: number, value: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt16LE(number, 2);
    head.writeUInt32LE(value.length, 4);
    return Buffer.concat([head, value]);
  };
  const command = Buffer.concat([
    element(0x0002, Buffer.from('1.2.840.10008.1.1\0')),
    element(0x0100, Buffer.from([0x30, 0])),
    element(0x0110, Buffer.from([1, 0])),
    element(0x0800, Buffer.from([1, 1])),
  ]);
  const value = Buffer.concat([
    Buffer.from([0, 0, 0, 0, 1, 3]),
    element(0, Buffer.from([56, 0, 0, 0])),
    command,
  ]);
  value.writeUInt32BE(value.length - 4, 0);
  return Buffer.concat([pdu(1, body), pdu(4, value)]);
}

/** Protocol 3.0 (StartupMessage), behind a request for TLS, as psql begins. */
function postgresStartup(): Buffer {
  const ssl = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
  const values = Buffer.from('user\0mirth\0database\0mirthdb\0\0');
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + values.length, 0);
  head.writeUInt32BE(196_608, 4);
  return Buffer.concat([ssl, head, values]);
}

const SPOKEN: readonly (readonly [name: string, said: Buffer, answer: Buffer])[] = [
  ['DICOM C-ECHO', dicomEcho(), Buffer.from('0200000000b80001', 'hex')],
  [
    'an ASTM line',
    Buffer.from('\x05\x021H|\\^&|||LIS|||||P|1\r\x0395\r\n\x04', 'latin1'),
    Buffer.from('\x06'),
  ],
  ["PostgreSQL's startup", postgresStartup(), Buffer.from('N')],
  [
    'every byte',
    Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    Buffer.from('\x0b\x1c\r\0\xff', 'latin1'),
  ],
];

describe('protocol tcp: bytes go through unchanged', () => {
  it.each(SPOKEN)('%s', async (_, said, answer) => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({ nodes: [node.url] });
    const sender = room.connect();
    sender.write(said);
    const there = await node.connection();
    await there.got(said.length);
    there.write(answer);
    await sender.got(answer.length);
    sender.socket.end();
    await there.saw('ended');
    there.socket.end();
    await sender.saw('closed');
    expect(there.received.equals(said)).toBe(true);
    expect(sender.received.equals(answer)).toBe(true);
    expect(await room.line()).toMatchObject({
      level: 'info',
      listener: 'in',
      route: 'all',
      pool: 'pool',
      node: 'a',
      attempts: 1,
      endedBy: 'sender',
      bytesToNode: said.length,
      bytesToSender: answer.length,
    });
    expect(room.gw.held).toEqual({ queued: 0, inFlight: 0, bytes: 0 });
  });

  it('a server that speaks first', async () => {
    await using node = await startTcpNode({ onConnection: (peer) => peer.write('220 ready\r\n') });
    await using room = await openTcpRoom({ nodes: [node.url] });
    const sender = room.connect();
    await sender.got(11);
    expect(sender.text).toBe('220 ready\r\n');
  });

  it('100 MB each way at once, and nobody holds more than buffers', async () => {
    const size = 100 * 1024 * 1024;
    const chunk = randomBytes(64 * 1024);
    const sums = { up: createHash('sha256'), down: createHash('sha256') };
    const sent = createHash('sha256');
    for (let i = 0; i < size / chunk.length; i++) sent.update(chunk);
    const expected = sent.digest('hex');
    await using node = await startTcpNode({ keeps: false });
    await using room = await openTcpRoom({ nodes: [node.url] });
    const sender = room.connect({ keeps: false });
    const there = await node.connection();
    there.socket.on('data', (bytes) => sums.up.update(bytes));
    sender.socket.on('data', (bytes) => sums.down.update(bytes));
    const pour = async (socket: typeof sender.socket): Promise<void> => {
      for (let left = size; left > 0; left -= chunk.length)
        if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
      socket.end();
    };
    await Promise.all([pour(sender.socket), pour(there.socket)]);
    await sender.saw('closed');
    await there.saw('closed');
    expect(sums.up.digest('hex')).toBe(expected);
    expect(sums.down.digest('hex')).toBe(expected);
    expect(await room.line()).toMatchObject({ bytesToNode: size, bytesToSender: size });
  });

  it.each(['sender', 'node'] as const)('a %s that does not read stops the other side', async (slow) => {
    await using node = await startTcpNode({ keeps: false });
    await using room = await openTcpRoom({ nodes: [node.url] });
    const sender = room.connect({ keeps: false });
    const there = await node.connection();
    const [from, to] = slow === 'node' ? [sender, there] : [there, sender];
    to.socket.pause();
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    // Kernels on loopback take some megabytes for each of the two connections, and no more.
    const most = 64 * 1024 * 1024;
    const isStopped = async (): Promise<boolean> => {
      if (!from.socket.writableNeedDrain) return false;
      await turns(200);
      return from.socket.writableNeedDrain;
    };
    while (written < most && !(await isStopped())) {
      from.socket.write(chunk);
      written += chunk.length;
    }
    expect(written).toBeLessThan(most);
    expect(to.bytes).toBe(0);
    to.socket.resume();
    await to.got(written);
  });
});

describe('protocol tcp: ends', () => {
  it.each(['sender', 'node'] as const)('the %s ends its side, and the other one goes on', async (side) => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({ nodes: [node.url] });
    const sender = room.connect();
    const there = await node.connection();
    const [first, second] = side === 'sender' ? [sender, there] : [there, sender];
    first.socket.end('last');
    await second.saw('ended');
    expect(second.text).toBe('last');
    for (let i = 1; i <= 5; i++) {
      second.write('0123456789');
      await first.got(i * 10);
    }
    expect(room.gw.gateway.listeners[0]?.connections).toBe(1);
    second.socket.end();
    await first.saw('closed');
    expect(await room.line()).toMatchObject({ endedBy: side, level: 'info' });
    await until(() => room.gw.held.inFlight === 0);
  });

  it('a sender that says nothing and ends its side gets what the node says', async () => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({ nodes: [node.url] });
    const sender = room.connect();
    sender.socket.end();
    const there = await node.connection();
    await there.saw('ended');
    there.socket.end('13:37');
    await sender.saw('closed');
    expect(sender.text).toBe('13:37');
  });

  it('a node that is reset: so is its sender, and the log says why', async () => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({ nodes: [node.url] });
    const sender = room.connect();
    sender.write('q');
    const there = await node.connection();
    await there.got(1);
    there.socket.resetAndDestroy();
    await sender.saw('closed');
    expect(sender.code).toBe('ECONNRESET');
    expect(await room.line()).toMatchObject({
      level: 'warn',
      code: 'GW_ERR_NODE_RESET',
      endedBy: 'node',
      node: 'a',
    });
  });

  it('a sender that is reset: so is its node', async () => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({ nodes: [node.url] });
    const sender = room.connect();
    sender.write('q');
    const there = await node.connection();
    await there.got(1);
    sender.socket.resetAndDestroy();
    await there.saw('closed');
    expect(there.code).toBe('ECONNRESET');
    expect(await room.line()).toMatchObject({ code: 'GW_ERR_SENDER_RESET', endedBy: 'sender' });
    expect(room.gw.gateway.pools.runtimes.get('pool')?.nodes[0]?.state).toBe('up');
  });
});
