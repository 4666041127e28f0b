// What the tests of HL7 over HTTP set up again and again: a gateway with an HTTP listener, recording nodes behind it (HTTP
// or MLLP), and requests made byte by byte. Promises: waits are for events, with a patience that a busy machine needs.
import { expect } from 'vitest';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { type SimpleConfig, startGateway, type TestGateway } from '../helpers/gateway.ts';
import { ackFor } from '../helpers/mllp.ts';
import { connectClient, type RawClient } from '../helpers/raw-http-client.ts';
import { type RawNode, type RawNodeOptions, type RawScript, startRawNode } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import { type Request, type Response, value } from '../helpers/strict-http.ts';
import type { TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

export const PATIENCE_MS = 30_000;
/** For tests that wait for several things in a row. */
export const LONG = { timeout: 120_000 } as const;

export const ER7 = 'x-application/hl7-v2+er7';

export interface PostParts {
  readonly path?: string;
  /** Undefined: `application/hl7-v2`; null: none. */
  readonly type?: string | null;
  readonly fields?: readonly string[];
  readonly chunked?: boolean;
}

/** A POST with this body. */
export function post(body: Buffer | string, parts: PostParts = {}): Buffer {
  const { path = '/', type = 'application/hl7-v2', fields = [], chunked = false } = parts;
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length}`;
  const lines = [`POST ${path} HTTP/1.1`, 'Host: vip.test', framing, ...fields];
  if (type !== null) lines.push(`Content-Type: ${type}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, chunked ? chunks(bytes) : bytes]);
}

function chunks(bytes: Buffer): Buffer {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 1000) {
    const chunk = bytes.subarray(at, at + 1000);
    out.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...out, Buffer.from('0\r\n\r\n')]);
}

export async function ask(client: RawClient, bytes: Buffer | string): Promise<Response> {
  const due = client.responses.length;
  void client.send(bytes);
  return client.response(due, PATIENCE_MS);
}

/** A node's whole response. */
export function httpAnswer(
  status: number,
  body: Buffer | string = '',
  fields: readonly string[] = [],
): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const lines = [`HTTP/1.1 ${status} Status`, ...fields];
  if (status !== 204) lines.push(`Content-Length: ${bytes.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}

export interface AckOver {
  readonly code?: string;
  readonly controlId?: string;
  readonly text?: string;
  /** Of the response; undefined: none. */
  readonly type?: string;
  readonly status?: number;
}

/** A node over HTTP that acknowledges. `into`: keeps the bytes of what it answered. */
export function acks(over: AckOver = {}, into?: Buffer[]): RawScript {
  const { code = 'AA', controlId, text, type, status = 200 } = over;
  return (connection, { body }) => {
    const more = { ...(controlId !== undefined && { controlId }), ...(text !== undefined && { text }) };
    const ack = ackFor(body, code, more);
    into?.push(ack);
    return connection.write(httpAnswer(status, ack, type === undefined ? [] : [`Content-Type: ${type}`]));
  };
}

export const says =
  (status: number, body: Buffer | string = '', fields: readonly string[] = []): RawScript =>
  (connection) =>
    connection.write(httpAnswer(status, body, fields));

export interface PostRoom<N> extends AsyncDisposable {
  readonly gw: TestGateway;
  /** The first of `nodes`. */
  readonly node: N;
  readonly nodes: readonly N[];
  connect(): Promise<RawClient>;
  /** On a connection of its own. */
  ask(bytes: Buffer | string): Promise<Response>;
}

export interface RoomOptions extends Omit<Partial<SimpleConfig>, 'nodes'> {
  readonly count?: number;
  /** More keys of each node. */
  readonly nodeKeys?: Record<string, unknown>;
  /** Behind the URL of HTTP nodes. */
  readonly nodePath?: string;
  /** With it the listener speaks TLS, and its clients ask for HTTP/1. */
  readonly tls?: TlsFolder;
  readonly nodeOptions?: RawNodeOptions;
}

/** Before HTTP nodes, which acknowledge unless a script says something else. */
export async function toHttp(options: RoomOptions & { readonly script?: RawScript } = {}) {
  const { script = acks(), nodeOptions, ...rest } = options;
  return open(rest, () => startRawNode(script, nodeOptions), options.nodePath);
}

/** Before MLLP nodes. */
export async function toMllp(options: RoomOptions & { readonly script?: Script } = {}) {
  const { script, ...rest } = options;
  return open(rest, () => startFaultyNode(script));
}

async function open<N extends (RawNode | FaultyNode) & AsyncDisposable>(
  { count = 1, nodeKeys, listener, pool, routes, tls }: RoomOptions,
  start: () => Promise<N>,
  path = '',
): Promise<PostRoom<N>> {
  const nodes: N[] = [];
  for (let i = 0; i < count; i++) nodes.push(await start());
  const gw = await startGateway({
    nodes: nodes.map(({ url }) => ({ url: `${url}${path}`, ...nodeKeys })),
    listener: { protocol: 'http', ...(tls === undefined ? {} : { tls: tls.files.good }), ...listener },
    pool: { health: { type: 'none' }, ...pool },
    ...(routes === undefined ? {} : { routes }),
  });
  const clients: RawClient[] = [];
  const connect = async (): Promise<RawClient> => {
    const secure = tls && { ca: tls.caPem, servername: 'localhost', ALPNProtocols: ['http/1.1'] };
    const client = await connectClient(gw.port(), secure === undefined ? {} : { tls: secure });
    clients.push(client);
    return client;
  };
  return {
    gw,
    node: nodes[0] as N,
    nodes,
    connect,
    ask: async (bytes) => ask(await connect(), bytes),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client[Symbol.asyncDispose]();
      await gw[Symbol.asyncDispose]();
      for (const node of nodes) await node[Symbol.asyncDispose]();
    },
  };
}

/** What a response says: `200 AA X1` for an acknowledgement, `503 GW_ERR_…` for a refusal. */
export function told(response: Response): string {
  const text = response.body.toString('latin1');
  const [code] = /^GW_ERR_[A-Z0-9_]+(?=: )/.exec(text) ?? [];
  return `${response.status} ${code ?? (text === '' ? 'nothing' : said(response.body))}`;
}

/** No HL7, one line that names the error, and nothing else. */
export function expectRefusal(response: Response, status: number, code: string): void {
  expect(told(response)).toBe(`${status} ${code}`);
  expect(value(response, 'content-type')).toBe('text/plain; charset=utf-8');
  expect(response.body.toString('latin1')).toMatch(/^GW_ERR_[A-Z0-9_]+: [^\r\n]+\n$/);
  expect(response.body.includes('MSH|')).toBe(false);
}

/** Nothing is queued, in flight or held any more. */
export async function expectNothingHeld(gw: TestGateway): Promise<void> {
  const atRest = (): boolean => Object.values(gw.held).every((count) => count === 0);
  await until(atRest, { deadlineMs: PATIENCE_MS, what: 'nothing held' });
}

/** The message that ended as number `index`, once it is over. */
export async function ended(gw: TestGateway, index = 0) {
  return until(() => gw.messages[index], { deadlineMs: PATIENCE_MS, what: `message ${index} to be over` });
}

export async function logged(gw: TestGateway, code: string): Promise<Record<string, unknown>> {
  await until(() => gw.codes.includes(code), { deadlineMs: PATIENCE_MS, what: `${code} in the log` });
  return gw.log.find((line) => line.code === code) as Record<string, unknown>;
}

export async function arrived(node: RawNode, count: number): Promise<void> {
  await node.when(() => node.requests.length >= count, `${count} requests at the node`, PATIENCE_MS);
}

/** What the node got of one message that came by MLLP. */
export async function byMllp(
  body: Buffer,
  more: {
    readonly pool?: object;
    readonly http?: object;
    readonly path?: string;
    readonly bind?: string;
  } = {},
): Promise<Request> {
  await using node = await startRawNode(acks());
  await using gw = await startGateway({
    nodes: [`${node.url}${more.path ?? ''}`],
    listener: { bind: more.bind ?? '127.0.0.1:0' },
    pool: { health: { type: 'none' }, ...more.pool },
    routes: [{ to: 'pool', ...(more.http && { http: more.http }) }],
  });
  await using sender = await connectSender(gw.port());
  await sender.exchange(body, PATIENCE_MS);
  return node.request;
}
