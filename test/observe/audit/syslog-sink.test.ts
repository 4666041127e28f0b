// What is known of records that were written to a repository: only its end of the connection says that it has them.
import { once } from 'node:events';
import type net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { NodeTls, trusting } from '../../../certs/node-tls.ts';
import type { KeyPairFiles } from '../../../src/config/config.ts';
import { AuditQueue } from '../../../src/observe/audit/audit-queue.ts';
import { MemoryBacklog } from '../../../src/observe/audit/backlog.ts';
import { SyslogSink } from '../../../src/observe/audit/syslog-sink.ts';
import { portOf } from '../../helpers/openssl.ts';
import { OctetCounter } from '../../helpers/syslog-receiver.ts';
import { createTlsFolder, type TlsFolder } from '../../helpers/tls-folder.ts';
import { until } from '../../helpers/until.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

interface Repository {
  readonly port: number;
  /** Of each connection, what has come on it. */
  readonly connections: string[][];
  /** Below their TLS. */
  readonly raw: readonly net.Socket[];
}

/** `serve` is asked what to do with each connection; what it does not read is not read. */
async function repository(
  serve: (socket: tls.TLSSocket, read: () => void, index: number) => void,
  options: tls.TlsOptions = {},
): Promise<Repository> {
  const { certPem: cert, keyPem: key } = folder.pems.good;
  const connections: string[][] = [];
  const raw: net.Socket[] = [];
  const server = tls.createServer({ cert, key, ...options }, (socket) => {
    const counter = new OctetCounter();
    const messages: string[] = [];
    socket.on('error', () => {});
    serve(
      socket,
      () => socket.on('data', (chunk: Buffer) => messages.push(...counter.push(chunk))),
      connections.push(messages) - 1,
    );
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  server.on('connection', (socket: net.Socket) => raw.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    for (const socket of raw) socket.destroy();
    await once(server, 'close');
  });
  return { port: portOf(server), connections, raw };
}

interface Line {
  readonly queue: AuditQueue;
  /** `up`, or the code and detail of what is wrong. */
  readonly told: string[];
}

function start(port: number, { keyPair, endMs }: { keyPair?: KeyPairFiles; endMs?: number } = {}): Line {
  const told: string[] = [];
  const nodeTls = new NodeTls({ ...trusting(folder.caFile), keyPair }, '127.0.0.1');
  const queue = new AuditQueue(
    new SyslogSink({ host: '127.0.0.1', port }, nodeTls, endMs),
    new MemoryBacklog(100),
    {
      onSink: (_, error) => told.push(error === undefined ? 'up' : `${error.code} ${error.detail ?? ''}`),
      onSpool: () => {},
      onKept: () => {},
      onDropped: () => {},
    },
    { confirmMs: 1, firstPauseMs: 1 },
  );
  onTestFinished(async () => {
    await queue.close(0);
  });
  return { queue, told };
}

test('a record is written when the repository has ended its side of the connection too', async () => {
  const ends: (() => void)[] = [];
  const { port, connections } = await repository(
    (socket, read) => {
      read();
      socket.once('end', () => ends.push(() => socket.end()));
    },
    { allowHalfOpen: true },
  );
  const { queue, told } = start(port);
  queue.add('one');
  await until(() => ends.length === 1);
  expect(connections).toEqual([['one']]);
  // Read, but not said to be.
  expect([queue.written, queue.queued, told]).toEqual([0, 1, []]);
  ends[0]?.();
  await until(() => queue.written === 1);
  expect([queue.queued, told]).toEqual([0, []]);
  queue.add('two');
  await until(() => ends.length === 2);
  ends[1]?.();
  await until(() => queue.written === 2);
  expect(connections).toEqual([['one'], ['two']]);
});

test('what a repository had not read when it died is written again', async () => {
  const { port, connections, raw } = await repository((_, read, index) => {
    if (index > 0) read();
  });
  const { queue, told } = start(port);
  queue.add('one');
  queue.add('two');
  await until(() => connections.length === 1);
  // As the kernel ends a connection of a process that has gone with something unread.
  raw[0]?.resetAndDestroy();
  await until(() => queue.written === 2);
  expect(connections).toEqual([[], ['one', 'two']]);
  expect(told).toEqual([expect.stringMatching(/^GW_ERR_NODE_/), 'up']);
});

test('a reset after the gateway has ended its side says that not all was read', async () => {
  const { port, raw } = await repository(
    (socket, read) => {
      read();
      socket.once('end', () => raw[0]?.resetAndDestroy());
    },
    { allowHalfOpen: true },
  );
  const { queue, told } = start(port);
  queue.add('one');
  await until(() => told.length > 0);
  expect(told).toEqual(['GW_ERR_NODE_CLOSED ECONNRESET']);
  expect([queue.written, queue.queued]).toEqual([0, 1]);
});

test('what a repository had read when it broke the connection off is written again: it may have kept none of it', async () => {
  const { port, connections } = await repository((socket, read, index) => {
    read();
    if (index === 0) socket.once('data', () => socket.end());
  });
  const { queue, told } = start(port);
  queue.add('one');
  await until(() => queue.written === 1);
  expect(connections).toEqual([['one'], ['one']]);
  expect(told).toEqual(
    ['GW_ERR_NODE_CLOSED closed', 'up'].map((one) => expect.stringMatching(one.split(' ')[0] ?? '')),
  );
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a repository that refuses the gateway by %s has nothing, however its handshake went',
  async (version) => {
    const { port } = await repository((_, read) => read(), {
      minVersion: version,
      maxVersion: version,
      ca: folder.caPem,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const { queue, told } = start(port);
    queue.add('one');
    await until(() => told.length > 0);
    expect(told[0]).toMatch(/^GW_ERR_NODE_(?:TLS|FULL) /);
    expect([queue.written, queue.queued]).toEqual([0, 1]);
    const { cert: certFile, key: keyFile } = folder.files.client;
    const keyPair = { kind: 'pem', certFile, keyFile, passphrase: undefined } as const;
    const { queue: known } = start(port, { keyPair });
    known.add('one');
    await until(() => known.written === 1);
  },
);

test('a repository that never ends a connection gets what it got once more, and then it counts as taken', async () => {
  const { port, connections } = await repository((_, read) => read(), { allowHalfOpen: true });
  const { queue, told } = start(port, { endMs: 20 });
  queue.add('one');
  await until(() => queue.written === 1);
  expect(told).toEqual(['GW_ERR_NODE_CLOSED it did not end the connection', 'up']);
  queue.add('two');
  await until(() => queue.written === 2);
  expect(connections).toEqual([['one'], ['one'], ['two']]);
});

test('at the end it is given up at once, whatever it waits for', async () => {
  const sockets: tls.TLSSocket[] = [];
  const { port, connections } = await repository(
    (socket, read) => {
      read();
      sockets.push(socket);
    },
    { allowHalfOpen: true },
  );
  const { queue } = start(port, { endMs: 3_600_000 });
  queue.add('one');
  await until(() => connections[0]?.length === 1);
  // The gateway has ended the connection, or is about to, and the repository is silent.
  expect(await queue.close(0)).toEqual(['one']);
  // Nobody is there any more whom it could say something to.
  await until(() => {
    sockets[0]?.write('?');
    return sockets[0]?.destroyed;
  });
  const { queue: dialling } = start(port);
  dialling.add('two');
  await until(() => connections.length === 2);
  expect(await dialling.close(0)).toEqual(['two']);
  expect(connections[1]).toEqual([]);
});
