// What src/upstream/http/ assumes of undici beyond its documentation (docs/decisions/0014): each has to hold before another
// version is taken up, and the version is exactly the one that these were last seen with.
import { readFileSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Client, type Dispatcher, errors, Pool } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { causeCode } from '../../src/errors.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Watched {
  readonly client: Client;
  readonly port: number;
  /** What was written to the socket, in its pieces and with their types. */
  readonly written: (string | Uint8Array)[];
  readonly reads: () => number;
  readonly events: () => readonly (string | symbol)[];
}

/** `answer`: given once the request's last bytes have come. */
async function watched(answer: string | ((socket: Socket) => void), last = /\r\n\r\n/): Promise<Watched> {
  const server = net.createServer((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!last.test(text)) return;
      text = '';
      if (typeof answer === 'string') socket.write(answer);
      else answer(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const written: (string | Uint8Array)[] = [];
  let reads = 0;
  let of: Socket | undefined;
  const client = new Client(`http://127.0.0.1:${port}`, {
    connect: (_, done) => {
      const socket = net.connect(port, '127.0.0.1', () => done(null, socket));
      of = socket;
      socket.on('error', () => {});
      const [write, take] = [socket.write.bind(socket), socket.read.bind(socket)];
      socket.write = (chunk: string | Uint8Array, ...more: unknown[]) => {
        written.push(chunk);
        return Reflect.apply(write, undefined, [chunk, ...more]);
      };
      socket.read = (size) => {
        reads++;
        return take(size);
      };
    },
  });
  onTestFinished(async () => {
    await client.destroy();
    server.close();
  });
  return { client, port, written, reads: () => reads, events: () => of?.eventNames() ?? [] };
}

async function failureOf(request: Promise<Dispatcher.ResponseData>): Promise<unknown> {
  try {
    await (await request).body.text();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

test('the version is pinned, and this one', () => {
  const { dependencies } = read('package.json');
  const lock = read('package-lock.json').packages;
  expect(dependencies.undici).toMatch(/^\d+\.\d+\.\d+$/);
  expect(lock[''].dependencies.undici).toBe(dependencies.undici);
  expect(lock['node_modules/undici'].version).toBe(dependencies.undici);
  expect(read('node_modules/undici/package.json').version).toBe(dependencies.undici);
});

describe('reading and writing (pooled-client.ts)', () => {
  test('what comes is taken by `read`, never by `data`', async () => {
    const { client, reads, events } = await watched(OK);
    const { body } = await client.request({ method: 'GET', path: '/' });
    expect(await body.text()).toBe('ok');
    expect(reads()).toBeGreaterThan(0);
    expect(events()).not.toContain('data');
  });

  test('a request without a body is one text with all of its head', async () => {
    const { client, written } = await watched(OK);
    await (await client.request({ method: 'GET', path: '/' })).body.dump();
    expect(written.length).toBe(1);
    expect(written[0]).toMatch(/^GET \/ HTTP\/1\.1\r\n(.+\r\n)+\r\n$/);
  });

  test('an empty body with a length says so in its head as the last field', async () => {
    const { client, written } = await watched(OK);
    await (await client.request({ method: 'POST', path: '/', body: Buffer.alloc(0) })).body.dump();
    expect(written.join('')).toMatch(/\r\ncontent-length: 0\r\n\r\n$/);
  });

  test('bodies are bytes, whatever frames them is text, and the last chunk is one text', async () => {
    const { client, written } = await watched(OK, /\r\n0\r\n\r\n$/);
    const body = Readable.from([Buffer.from('abc'), Buffer.from('def')]);
    await (await client.request({ method: 'POST', path: '/', body })).body.dump();
    const bytes = written.filter((piece) => typeof piece !== 'string');
    expect(bytes.map(String)).toEqual(['abc', 'def']);
    const texts = written.filter((piece) => typeof piece === 'string');
    expect(texts[0]).toMatch(/transfer-encoding: chunked\r\n/);
    expect(texts.at(-1)).toBe('\r\n0\r\n\r\n');
  });

  test('a request goes through `dispatch` of the client that a pool made', async () => {
    const { client } = await watched(OK);
    let dispatched = 0;
    const dispatch = client.dispatch.bind(client);
    client.dispatch = (options, handler) => {
      dispatched++;
      return dispatch(options, handler);
    };
    const pool = new Pool('http://127.0.0.1:1', { connections: 1, factory: () => client });
    await (await pool.request({ method: 'GET', path: '/' })).body.dump();
    expect(dispatched).toBe(1);
  });

  test('a handler may be told of its request before the first byte is written', async () => {
    const { client, written } = await watched(OK);
    const before = await new Promise<number>((resolve, reject) => {
      let atStart = -1;
      client.dispatch(
        { method: 'GET', path: '/' },
        {
          onRequestStart: () => {
            atStart = written.length;
          },
          onResponseStart: () => {},
          onResponseData: () => {},
          onResponseEnd: () => resolve(atStart),
          onResponseError: (_, error) => reject(error),
        },
      );
    });
    expect(before).toBe(0);
  });

  test('a body without a length that a reset ends looks whole', async () => {
    const { client } = await watched((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nhalf', () => socket.resetAndDestroy());
    });
    const thrown = await failureOf(client.request({ method: 'GET', path: '/' }));
    // F66: so `isBroken` looks at the socket.
    expect(thrown).toBeUndefined();
  });
});

describe('its errors (node-request.ts, http-message-client.ts, send.ts)', () => {
  test.each<[string, string, (thrown: unknown) => unknown, unknown]>([
    ['what is no HTTP', 'MSH|no\r\n\r\n', (thrown) => thrown instanceof errors.HTTPParserError, true],
    [
      'its name, which is read without undici',
      'MSH|no\r\n\r\n',
      (thrown) => Reflect.get(thrown as object, 'name'),
      'HTTPParserError',
    ],
    [
      'an upgrade that nobody asked for',
      'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      (thrown) => (thrown as Error).message,
      'bad upgrade',
    ],
    [
      'a 100 that nobody asked for',
      'HTTP/1.1 100 Continue\r\n\r\n',
      (thrown) => (thrown as Error).message,
      'bad response',
    ],
  ])('%s', async (_, answer, look, expected) => {
    const { client } = await watched(answer);
    const thrown = await failureOf(client.request({ method: 'GET', path: '/' }));
    expect(look(thrown)).toBe(expected);
  });

  test.each<[string, object, string, string]>([
    [
      'a head that is too long',
      { maxHeaderSize: 64 },
      `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100)}\r\n\r\n`,
      'UND_ERR_HEADERS_OVERFLOW',
    ],
    ['a body that is too long', { maxResponseSize: 1 }, OK, 'UND_ERR_RES_EXCEEDED_MAX_SIZE'],
  ])('%s', async (_, options, answer, code) => {
    const { port } = await watched(answer);
    const limited = new Client(`http://127.0.0.1:${port}`, options);
    onTestFinished(() => limited.destroy());
    const thrown = await failureOf(limited.request({ method: 'GET', path: '/' }));
    expect(causeCode(thrown)).toBe(code);
  });

  test('a close without an answer, with what had been read', async () => {
    const { client } = await watched((socket) => socket.end());
    const thrown = await failureOf(client.request({ method: 'GET', path: '/' }));
    expect(thrown).toMatchObject({ name: 'SocketError', code: 'UND_ERR_SOCKET', socket: { bytesRead: 0 } });
  });
});
