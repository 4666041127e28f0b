// What src/upstream/client/ assumes of undici beyond its documentation (docs/decisions/0014): each has to hold before another
// version is taken up, and the version is exactly the one that these were last seen with.
import { readFileSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { join } from 'node:path';
import { Client, type Dispatcher, errors } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { causeCode } from '../../src/errors.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** `answer`: given once the request's head has come. */
async function answering(
  answer: string | ((socket: Socket) => void),
): Promise<{ client: Client; port: number }> {
  const server = net.createServer((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!/\r\n\r\n/.test(text)) return;
      text = '';
      if (typeof answer === 'string') socket.write(answer);
      else answer(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const client = new Client(`http://127.0.0.1:${port}`);
  onTestFinished(async () => {
    await client.destroy();
    server.close();
  });
  return { client, port };
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
    const { client } = await answering(answer);
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
    const { port } = await answering(answer);
    const limited = new Client(`http://127.0.0.1:${port}`, options);
    onTestFinished(() => limited.destroy());
    const thrown = await failureOf(limited.request({ method: 'GET', path: '/' }));
    expect(causeCode(thrown)).toBe(code);
  });

  test('a close without an answer, with what had been read', async () => {
    const { client } = await answering((socket) => socket.end());
    const thrown = await failureOf(client.request({ method: 'GET', path: '/' }));
    expect(thrown).toMatchObject({ name: 'SocketError', code: 'UND_ERR_SOCKET', socket: { bytesRead: 0 } });
  });
});
