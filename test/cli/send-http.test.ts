// `send` over HTTP and HTTPS: what it posts, what it makes of each answer, TLS and passwords, and its exit codes.
import { writeFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type SendOptions, send } from '../../src/cli/messages/send.ts';
import { GatewayError } from '../../src/errors.ts';
import { MIRTH_HTTP_DEFAULTS } from '../../src/tools/simulation/mirth-defaults.ts';
import { SimulatedHttpNode } from '../../src/tools/simulation/simulated-http-node.ts';
import { folderWith } from '../config/config-folder.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { ackFor, message } from '../helpers/mllp.ts';
import { portOf } from '../helpers/openssl.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { command, fixture } from './command-line.ts';

const ADMIT = fixture('adt-a01-admit.hl7');
const RESULT = fixture('oru-r01-lab-numeric.hl7');
const MS = '\\d+\\.\\d ms';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

interface Ran {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** The command without a process of its own. */
async function run(
  files: readonly string[],
  options: Omit<SendOptions, 'timeoutMs'> & { timeoutMs?: number },
): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  try {
    return { code: await send(files, { timeoutMs: 5_000, ...options }, terminal), out, err };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { code: 2, out, err: [...err, `${error.message} [${error.code}]`] };
  }
}

interface Seen {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** A server of the test's own: what it was sent is on record. */
async function serve(
  answer: (seen: Seen, response: ServerResponse) => void,
  tls?: https.ServerOptions,
): Promise<{ url: string; port: number; seen: Seen[]; connections: () => number }> {
  const seen: Seen[] = [];
  let connections = 0;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { request, body: Buffer.concat(chunks) };
      seen.push(one);
      answer(one, response);
    });
  };
  const server = tls === undefined ? http.createServer(onRequest) : https.createServer(tls, onRequest);
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  const port = portOf(server);
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    seen,
    connections: () => connections,
  };
}

const acks = ({ body }: Seen, response: ServerResponse): void => void response.end(ackFor(body));
const header = ({ request }: Seen, name: string): string | undefined => request.headers[name]?.toString();

test('every message accepted: each answer printed whole, a sum, exit code 0; a simulated node in a process of its own', async () => {
  const node = new SimulatedHttpNode(MIRTH_HTTP_DEFAULTS);
  await node.start();
  onTestFinished(() => node.stop());
  const { code, out, err } = await command(
    'send',
    ADMIT,
    RESULT,
    '--to',
    `http://127.0.0.1:${node.port}/adt`,
  );
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out).toEqual([
    expect.stringMatching(new RegExp(`^${ADMIT}  AN00000001  AA  ${MS}$`)),
    expect.stringMatching(
      /^ {4}MSH\|\^~\\&\|EHR\|NORTH\|ADMIT\|NORTH\|[\d.]+\|\|ACK\^A01\^ACK\|[\d.]+\|P\|2\.5\.1$/,
    ),
    '    MSA|AA|AN00000001',
    expect.stringMatching(/^ {4}trace [0-9a-f]{32}$/),
    expect.stringMatching(new RegExp(`^${RESULT}  \\S+  AA  ${MS}$`)),
    expect.stringMatching(/^ {4}MSH\|.*\|ACK\^R01\^ACK\|[\d.]+\|P\|2\.5\.1$/),
    expect.stringMatching(/^ {4}MSA\|AA\|\S+$/),
    expect.stringMatching(/^ {4}trace [0-9a-f]{32}$/),
    '2 sent, 2 accepted, 0 not',
  ]);
});

test('a message is posted byte for byte, to the path, on one connection, with type and Date', async () => {
  const file = join(folderWith({ 'x.hl7': '' }), 'x.hl7');
  const { url, seen, connections } = await serve(acks);
  const bytes = message({ controlId: 'H-1', encoding: 'latin1', app: 'SÜD', separator: '\n' });
  writeFileSync(file, bytes);
  expect(await run([file, ADMIT], { to: `${url}/hl7/in` })).toMatchObject({ code: 0 });
  const [first] = seen as [Seen, Seen];
  expect(first.body.equals(bytes)).toBe(true);
  expect([first.request.method, first.request.url]).toEqual(['POST', '/hl7/in']);
  expect(header(first, 'content-type')).toBe('x-application/hl7-v2+er7');
  expect(header(first, 'content-length')).toBe(`${bytes.length}`);
  expect(Math.abs(Date.now() - Date.parse(header(first, 'date') ?? ''))).toBeLessThan(60_000);
  expect(header(first, 'authorization')).toBeUndefined();
  expect(connections()).toBe(1);
});

test.for<[string, string | undefined, string]>([
  ['UNICODE UTF-8', undefined, 'x-application/hl7-v2+er7; charset=utf-8'],
  ['8859/1', 'application/hl7-v2', 'application/hl7-v2; charset=iso-8859-1'],
  ['8859/1', 'text/plain;charset=utf-8', 'text/plain; charset=utf-8'],
  ['', 'text/plain; x="a b"', 'text/plain; x="a b"'],
])('MSH-18 %j and --content-type %s make %s', async ([charset, contentType, expected]) => {
  const file = join(folderWith({ 'x.hl7': message({ charset }).toString() }), 'x.hl7');
  const { url, seen } = await serve(acks);
  await run([file], { to: url, contentType });
  expect(header(seen[0] as Seen, 'content-type')).toBe(expected);
});

describe('answers', () => {
  test.for(['CA', 'AE', 'AR', 'CE', 'CR'])('%s decides the exit code, whatever its type', async (code) => {
    const { url } = await serve(({ body }, response) => {
      response.setHeader('content-type', 'text/html');
      response.statusCode = code === 'CA' ? 202 : 200;
      response.end(ackFor(body, code));
    });
    const ran = await run([ADMIT], { to: url });
    expect(ran.code).toBe(code === 'CA' ? 0 : 1);
    expect(ran.out[0]).toMatch(new RegExp(`  AN00000001  ${code}  ${MS}$`));
  });

  test.for<[number, string]>([
    [500, 'HTTP 500 Internal Server Error'],
    [503, 'HTTP 503 Service Unavailable'],
    [401, 'HTTP 401 Unauthorized'],
    [404, 'HTTP 404 Not Found'],
    [302, 'HTTP 302 Found'],
    [599, 'HTTP 599'],
  ])('status %i without an acknowledgement has failed, and the next is sent', async ([status, words]) => {
    let first = true;
    const { url, port, seen, connections } = await serve((one, response) => {
      if (first) {
        response.statusCode = status;
        response.statusMessage = 'its own words';
        response.setHeader('location', '/elsewhere');
        response.end(
          status === 500 ? ackFor(one.body, 'AE', { controlId: 'OTHER' }) : '<p>MSA|AA|AN00000001',
        );
      } else acks(one, response);
      first = false;
    });
    const { code, out } = await run([ADMIT, RESULT], { to: url });
    expect(code).toBe(1);
    expect(out[0]).toBe(
      `${ADMIT}  AN00000001  no answer: a node answered a message with an HTTP error (node 127.0.0.1:${port}): ${words}`,
    );
    expect(out.at(-1)).toBe('2 sent, 1 accepted, 1 not');
    expect([seen.length, connections()]).toEqual([2, 1]);
  });

  test.for<[number, string]>([
    [500, 'AE'],
    [500, 'CR'],
    [400, 'AR'],
    [503, 'CE'],
  ])('F93 status %i with %s to this message is an answer', async ([status, ack]) => {
    const { url } = await serve(({ body }, response) => {
      response.statusCode = status;
      response.end(ackFor(body, ack));
    });
    const ran = await run([ADMIT], { to: url });
    expect(ran.code).toBe(1);
    expect(ran.out[0]).toMatch(new RegExp(`  AN00000001  ${ack}  ${MS}$`));
  });

  test('F93 a redirection is none, whatever its body', async () => {
    const { url } = await serve(({ body }, response) => {
      response.statusCode = 302;
      response.end(ackFor(body, 'AE'));
    });
    expect((await run([ADMIT], { to: url })).out[0]).toContain('HTTP 302 Found');
  });

  test.for<[string, (seen: Seen, response: ServerResponse) => void, string, string?]>([
    ['an empty body', (_, response) => void response.end(), 'GW_ERR_ACK_INVALID'],
    ['a page', (_, response) => void response.end('<html>'), 'GW_ERR_ACK_INVALID'],
    [
      'another message’s acknowledgement',
      ({ body }, response) => void response.end(ackFor(body, 'AA', { controlId: 'OTHER' })),
      'GW_ERR_ACK_MISMATCH',
    ],
    [
      'a connection that ends',
      (_, response) => void response.destroy(),
      'GW_ERR_NODE_CLOSED',
      'does it want https:// or mllp://?',
    ],
    [
      'half an answer',
      ({ body }, response) => {
        response.setHeader('content-length', 1000);
        response.write(ackFor(body), () => response.destroy());
      },
      'GW_ERR_NODE_CLOSED',
    ],
    ['silence', () => {}, 'GW_ERR_ACK_TIMEOUT'],
    [
      'an answer that drips',
      (_, response) => {
        const timer = setInterval(() => response.write(' '), 20);
        response.once('close', () => clearInterval(timer));
      },
      'GW_ERR_ACK_TIMEOUT',
    ],
    [
      'more than 64 MiB',
      (_, response) => {
        response.on('error', () => {});
        response.end(Buffer.alloc(64 * 1024 * 1024 + 1));
      },
      'GW_ERR_NODE_RESPONSE',
    ],
    [
      'no HTTP',
      ({ request }) => void request.socket.end('hello\r\n\r\n'),
      'GW_ERR_NODE_RESPONSE',
      'what it answers is no HTTP: does it want mllp://?',
    ],
  ])('%s', async ([what, answer, code, hint]) => {
    const { url } = await serve(answer);
    const timeoutMs = /silence|drips/.test(what) ? 150 : 10_000;
    const ran = await run([ADMIT], { to: url, json: true, timeoutMs });
    expect(ran).toEqual({ code: 1, out: [expect.any(String)], err: [] });
    expect(JSON.parse(ran.out[0] as string)).toEqual({
      file: ADMIT,
      controlId: 'AN00000001',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      error: code,
      text: expect.any(String),
      ...(hint === undefined ? {} : { hint }),
    });
  });

  test('the garble that Mirth makes of application/hl7-v2 is no answer to the message', async () => {
    const node = new SimulatedHttpNode(MIRTH_HTTP_DEFAULTS);
    await node.start();
    onTestFinished(() => node.stop());
    const to = `http://127.0.0.1:${node.port}`;
    const { code, out } = await run([ADMIT], { to, contentType: 'application/hl7-v2' });
    expect(code).toBe(1);
    expect(out[0]).toContain('no answer: a node answered another message (MSA-2 differs)');
  });

  test('the deadline is for each answer, not for all', async () => {
    const { url } = await serve((seen, response) => void setTimeout(() => acks(seen, response), 120));
    const { code } = await run([ADMIT, RESULT, ADMIT], { to: url, timeoutMs: 300 });
    expect(code).toBe(0);
  });

  test('a later message on the same connection has its deadline too', async () => {
    let first = true;
    const { url, connections } = await serve((seen, response) => {
      if (first) acks(seen, response);
      first = false;
    });
    const { code, out } = await run([ADMIT, RESULT], { to: url, json: true, timeoutMs: 200 });
    expect(code).toBe(1);
    expect(out.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ code: 'AA' }),
      expect.objectContaining({ error: 'GW_ERR_ACK_TIMEOUT' }),
    ]);
    expect(connections()).toBe(1);
  });

  test('a port that refuses', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = portOf(server);
    await new Promise((resolve) => server.close(resolve));
    const { code, out } = await run([ADMIT], { to: `http://127.0.0.1:${port}` });
    expect(code).toBe(1);
    expect(out[0]).toContain(`a node could not be connected to (node 127.0.0.1:${port}): ECONNREFUSED`);
  });

  test('a handshake that nobody answers ends at the deadline too', async () => {
    const silent = net.createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    const to = `https://127.0.0.1:${portOf(silent)}`;
    const { code, out } = await run([ADMIT], { to, insecure: true, timeoutMs: 100 });
    expect(code).toBe(1);
    expect(out[0]).toContain('a node did not accept within timeouts.connect');
  });
});

describe('over TLS', () => {
  const server = (over: https.ServerOptions = {}): ReturnType<typeof serve> =>
    serve(acks, { cert: folder.pems.good.certPem, key: folder.pems.good.keyPem, ...over });

  test('with the authority it is trusted, without it is not', async () => {
    const { url, seen } = await server();
    expect(await run([ADMIT], { to: url, ca: folder.caFile })).toMatchObject({ code: 0 });
    const without = await run([ADMIT], { to: url });
    expect(without.code).toBe(1);
    expect(without.out[0]).toMatch(/the TLS handshake with a node failed .*UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
    expect(seen).toHaveLength(1);
    expect(await run([ADMIT], { to: url, insecure: true })).toMatchObject({ code: 0 });
  });

  test('a client certificate is shown where it is asked for', async () => {
    const { url } = await server({ requestCert: true, ca: folder.caPem });
    const { cert, key } = folder.files.client;
    expect(await run([ADMIT], { to: url, ca: folder.caFile, cert, key })).toMatchObject({ code: 0 });
    expect(await run([ADMIT], { to: url, ca: folder.caFile })).toMatchObject({ code: 1 });
  });

  test.for(['http', 'mllp'] as const)(
    '%ss: --servername is what is asked for and what the certificate must have',
    async (kind) => {
      const names: (string | boolean)[] = [];
      const tls = {
        cert: folder.pems.wrongHost.certPem,
        key: folder.pems.wrongHost.keyPem,
        SNICallback: (name: string, done: (error: Error | null) => void) => {
          names.push(name);
          done(null);
        },
      };
      let to: string;
      if (kind === 'http') to = (await serve(acks, tls)).url;
      else {
        const node = await startFaultyNode(undefined, { tls });
        onTestFinished(() => node.close());
        to = `mllps://127.0.0.1:${node.port}`;
      }
      const ca = folder.caFile;
      expect(await run([ADMIT], { to, ca })).toMatchObject({ code: 1 });
      expect(await run([ADMIT], { to, ca, servername: 'another.test' })).toMatchObject({ code: 1 });
      expect(await run([ADMIT], { to, ca, servername: 'other.test' })).toMatchObject({ code: 0 });
      expect(names).toEqual(['another.test', 'other.test']);
    },
  );

  test('plain HTTP to it fails at once', async () => {
    const { port } = await server();
    expect(await run([ADMIT], { to: `http://127.0.0.1:${port}` })).toMatchObject({ code: 1 });
  });
});

describe('passwords', () => {
  const secret = (text: string): string => join(folderWith({ 'password.key': text }), 'password.key');

  test('a user and the first line of a file are Basic authentication, in UTF-8', async () => {
    const { url, seen } = await serve(acks);
    const ran = await run([ADMIT], { to: url, user: 'lab 1', passwordFile: secret('Grüße:☃\n') });
    expect(ran).toMatchObject({ code: 0, err: [] });
    const [scheme, encoded = ''] = (header(seen[0] as Seen, 'authorization') ?? '').split(' ');
    expect(scheme).toBe('Basic');
    expect(Buffer.from(encoded, 'base64').toString()).toBe('lab 1:Grüße:☃');
  });

  test('beyond this machine without TLS there is a warning, and one for a file that others read', async () => {
    const open = join(folderWith({ open: 'x' }), 'open');
    const { err } = await run([ADMIT], {
      to: 'http://[::ffff:127.0.0.1]:1',
      user: 'lab',
      passwordFile: open,
      timeoutMs: 20,
    });
    expect(err).toEqual([
      `warning: ${open}: every user of this machine can read it`,
      'warning: over http:// the password crosses the network as it is; use https://',
    ]);
    const closed = { user: 'lab', passwordFile: secret('x'), timeoutMs: 20 };
    expect((await run([ADMIT], { to: 'https://[::ffff:127.0.0.1]:1', ...closed })).err).toEqual([]);
  });
});

describe('bad input is exit code 2, one line, and nothing is sent', () => {
  const to = 'http://127.0.0.1:1';
  test.for<[string, Partial<SendOptions>, string]>([
    [
      'a type',
      { to, contentType: 'text' },
      '--content-type takes a type such as x-application/hl7-v2+er7, not "text"',
    ],
    ['a user alone', { to, user: 'lab' }, '--user and --password-file go together'],
    ['a file alone', { to, passwordFile: 'x' }, '--user and --password-file go together'],
    ['a colon', { to, user: 'a:b', passwordFile: 'x' }, '--user takes a name without a colon'],
    ['a key alone', { to: 'https://127.0.0.1:1', key: 'x' }, '--cert and --key go together'],
    [
      'a server name without TLS',
      { to, servername: 'x' },
      '--servername needs mllps:// or https://, and this is http://',
    ],
    [
      'a server name that is none',
      { to: 'https://127.0.0.1:1', servername: 'a b' },
      '--servername takes a host name, not "a b"',
    ],
    [
      'a type over MLLP',
      { to: 'mllp://127.0.0.1:1', contentType: 'text/plain' },
      '--content-type, --user and --password-file need http:// or https://, and this is mllp://',
    ],
    [
      'a password over MLLP',
      { to: 'mllp://127.0.0.1:1', user: 'lab', passwordFile: 'x' },
      '--content-type, --user and --password-file need http:// or https://, and this is mllp://',
    ],
    [
      'a password in the URL, which is not repeated',
      { to: 'http://lab:s3cret@127.0.0.1' },
      '--to takes no user and password; see --user, --password-file',
    ],
    [
      'a scheme',
      { to: 'ftp://127.0.0.1' },
      '--to takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST/PATH or https://HOST/PATH, not "ftp://127.0.0.1"; the scheme is not known',
    ],
  ])('%s', async ([, options, why]) => {
    expect(await run([ADMIT], { to, ...options })).toEqual({
      code: 2,
      out: [],
      err: [`the command was called wrongly: ${why} [GW_ERR_USAGE]`],
    });
  });

  test('a password file that is missing or empty', async () => {
    const gone = join(folder.path, 'gone');
    expect((await run([ADMIT], { to, user: 'lab', passwordFile: gone })).err).toEqual([
      `a file could not be read: ${gone}: no such file [GW_ERR_FILE]`,
    ]);
    const empty = join(folderWith({ 'x.key': '\n' }), 'x.key');
    expect((await run([ADMIT], { to, user: 'lab', passwordFile: empty })).code).toBe(2);
  });
});
