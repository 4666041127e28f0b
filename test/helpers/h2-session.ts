// An HTTP/2 client as programs use it: a session over TLS, and requests on it whose whole answer is kept.
// Promises: an answer that was broken off is an answer with a code, and no error.
import { once } from 'node:events';
import http2 from 'node:http2';
import { until } from './until.ts';

export async function openSession(
  port: number,
  ca: string,
): Promise<http2.ClientHttp2Session & AsyncDisposable> {
  const client = http2.connect(`https://localhost:${port}`, { ca, lookup });
  client.on('error', () => undefined);
  await once(client, 'connect');
  return Object.assign(client, {
    async [Symbol.asyncDispose]() {
      client.destroy();
      await until(() => client.destroyed);
    },
  });
}

/** The certificate's name, at the only address there is. */
function lookup(_: string, options: unknown, done: (...args: never[]) => void): void {
  const all = typeof options === 'object' && options !== null && 'all' in options && options.all === true;
  Reflect.apply(
    done,
    undefined,
    all ? [null, [{ address: '127.0.0.1', family: 4 }]] : [null, '127.0.0.1', 4],
  );
}

export interface Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly interim: readonly (readonly [number, unknown])[];
  readonly body: string;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly code: number;
}

export async function ask(
  client: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: string,
): Promise<Answer> {
  const stream = client.request({ ':path': '/', ...headers }, { endStream: body === undefined });
  const interim: (readonly [number, unknown])[] = [];
  let answered: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  stream.on('headers', (more) => interim.push([more[':status'] ?? 0, more.link]));
  stream.on('response', (got) => {
    answered = got;
  });
  stream.on('trailers', (got) => {
    trailers = got;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  if (body !== undefined) stream.end(body);
  await new Promise((resolve) => stream.once('close', resolve));
  const { rstCode: code } = stream;
  const status = Number(answered[':status'] ?? 0);
  return { status, headers: answered, interim, body: Buffer.concat(chunks).toString(), trailers, code };
}
