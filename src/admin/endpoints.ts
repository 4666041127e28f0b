// The endpoints of the admin API, one line each; docs/openapi.yaml describes the same ones, and a test holds the two
// together. Promises an error with what would be right for each request that is none of these.

import { parseCount, parseDuration, parseSize } from '../config/formats.ts';
import { suggestion } from '../config/source/closest.ts';
import { GatewayError } from '../errors.ts';
import { CONTENT_TYPES, formatFor } from '../observe/metrics/text.ts';
import type { SessionReport } from './access/access.ts';
import { type AdminAnswer, json, plain, refusal } from './answer.ts';
import type { By, Control, ReadinessReport, TapRequest } from './control.ts';
import { explainIn, messageQueryIn, messagesPage, senderQueryIn, sendersPage } from './queries.ts';
import { settingsIn, weightIn } from './request-body.ts';
import { storedIdIn, storedPage, storedQueryIn } from './spool-queries.ts';

export interface AdminRequest {
  /** What stands for the names in the path, in their order. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Buffer;
  /** The header field. */
  readonly accept: string;
  readonly by: By;
  /** Why, in the words of whoever asks. */
  readonly reason: string | undefined;
  /** Its log-in, or what there is to log in by. */
  readonly session: SessionDesk;
}

/** What a request may do of its own log-in. */
export interface SessionDesk {
  logIn(): Promise<AdminAnswer>;
  report(): SessionReport | undefined;
  logOut(): AdminAnswer;
}

type Answering = (control: Control, request: AdminRequest) => AdminAnswer | Promise<AdminAnswer>;

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{pool}` and `{node}`, as OpenAPI writes it. */
  readonly path: string;
  readonly pattern: RegExp;
  /** Needs neither token nor log-in. */
  readonly open: boolean;
  /** Needs the role `operate`: it changes something, or gives messages out. */
  readonly operates: boolean;
  /** Its answer holds messages: over loopback or TLS only, wherever the server listens. */
  readonly ofPatients: boolean;
  readonly answer: Answering;
}

const NODE = '/nodes/{pool}/{node}';

export const ENDPOINTS: readonly Endpoint[] = [
  open('/livez', ({ isLive }) => (isLive ? plain(200, 'ok\n') : plain(503, 'not live\n'))),
  open('/readyz', async (control, { query, accept }) =>
    readiness(await control.readiness(poolsIn(query)), accept),
  ),
  open('/readyz/{pool}', async (control, { parts, accept }) =>
    readiness(await control.readiness(parts), accept),
  ),
  open('/metrics', async (control, { accept }) => {
    const format = formatFor(accept);
    const text = await control.metrics(format);
    if (text === undefined)
      throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', { detail: 'telemetry.metrics.prometheus is false' });
    // RFC 9110 12.5.5: a cache must not hand one format to who asks for the other.
    return { status: 200, type: CONTENT_TYPES[format], text, headers: { vary: 'accept' } };
  }),
  endpoint('GET', '/status', async (control) => json(await control.status())),
  endpoint('GET', '/nodes', async (control) => json(await control.nodes())),
  endpoint('GET', '/routes', async (control) => json(await control.routes())),
  endpoint('GET', '/cluster', async (control) => json({ members: await control.members() })),
  endpoint('GET', '/senders', async (control, { query }) => {
    const wanted = senderQueryIn(query);
    return json(sendersPage(await control.senders(), wanted));
  }),
  endpoint('GET', '/overview', async (control) => json(await control.overview())),
  endpoint('GET', '/messages', async (control, { query }) => {
    const wanted = messageQueryIn(query);
    // One more than is told says whether there is another page.
    const found = await control.messages({ ...wanted, limit: wanted.limit + 1 });
    if (found === undefined)
      throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', { detail: 'admin.messages is 0: none are kept' });
    return json(messagesPage(found, wanted.limit));
  }),
  endpoint('GET', '/events', (control) => ({
    status: 200,
    type: 'text/event-stream',
    text: '',
    lines: control.events(),
  })),
  endpoint('POST', '/routes/explain', (control, { query, body }) =>
    json(control.explain(explainIn(query, body))),
  ),
  endpoint('GET', '/spool', ({ spool }) => json({ pools: spool.report() })),
  endpoint('GET', '/spool/{pool}', async ({ spool }, { parts: [pool = ''], query }) => {
    const wanted = storedQueryIn(query);
    return json(storedPage(await spool.list(pool, { ...wanted, limit: wanted.limit + 1 }), wanted.limit));
  }),
  endpoint('GET', '/spool/{pool}/{id}', async ({ spool }, { parts: [pool = '', id = ''] }) =>
    json(await spool.details(pool, storedIdIn(id))),
  ),
  {
    ...operating(
      'GET',
      '/spool/{pool}/{id}/content',
      async ({ spool }, { parts: [pool = '', id = ''], by, reason }) => {
        const bytes = await spool.content(pool, storedIdIn(id), by, reason);
        return json({ content: bytes.toString('base64') });
      },
    ),
    ofPatients: true,
  },
  operating(
    'POST',
    '/spool/{pool}/{id}/retry',
    async ({ spool }, { parts: [pool = '', id = ''], by, reason }) =>
      json(await spool.retry(pool, storedIdIn(id), by, reason)),
  ),
  operating('POST', '/spool/{pool}/retry', async ({ spool }, { parts: [pool = ''], by, reason }) =>
    json({ retried: await spool.retryAll(pool, by, reason) }),
  ),
  operating(
    'DELETE',
    '/spool/{pool}/{id}',
    async ({ spool }, { parts: [pool = '', id = ''], by, reason }) => {
      await spool.discard(pool, storedIdIn(id), by, reason);
      return json({ pool, id: storedIdIn(id), discarded: true });
    },
  ),
  endpoint('GET', '/certs', (control) => json(control.certificates())),
  endpoint('GET', '/config/effective', (control) => ({
    status: 200,
    type: 'application/yaml',
    text: control.effectiveConfig(),
  })),
  { ...endpoint('POST', '/session', (_, { session }) => session.logIn()), open: true },
  endpoint('GET', '/session', (_, { session }) => json(session.report())),
  endpoint('DELETE', '/session', (_, { session }) => session.logOut()),
  endpoint('GET', '/config/file', (control) => json(control.configFile())),
  onNode('POST', `${NODE}/drain`, async (control, pool, node, { by, reason }) =>
    json(await control.drain(pool, node, by, reason)),
  ),
  onNode('POST', `${NODE}/maintenance`, async (control, pool, node, { by, reason }) =>
    json(await control.maintenance(pool, node, by, reason)),
  ),
  onNode('POST', `${NODE}/ready`, async (control, pool, node, { by, reason }) =>
    json(await control.ready(pool, node, by, reason)),
  ),
  onNode('PUT', `${NODE}/weight`, async (control, pool, node, { by, body, reason }) =>
    json(await control.setWeight(pool, node, weightIn(body), by, reason)),
  ),
  onNode('PUT', NODE, async (control, pool, node, { by, body, reason }) =>
    json(await control.addNode(pool, node, settingsIn(body), by, reason), 201),
  ),
  onNode('DELETE', NODE, async (control, pool, node, { by, reason }) => {
    await control.removeNode(pool, node, by, reason);
    return json({ pool, node, removed: true });
  }),
  operating('POST', '/reload', async (control, { by, reason }) => json(await control.reload(by, reason))),
  operating('POST', '/rotate', async (control, { by, reason }) => json(await control.rotate(by, reason))),
  {
    ...operating('POST', '/tap', (control, { by, query }) => ({
      status: 200,
      type: 'application/x-ndjson',
      text: '',
      lines: control.tap(tapIn(query), by),
    })),
    ofPatients: true,
  },
];

/** Without a name in them. */
const PATHS = [...new Set(ENDPOINTS.map(({ path }) => path))].filter((path) => !path.includes('{'));

/** `?pools=a,b`, also several times. */
function poolsIn(query: URLSearchParams): readonly string[] {
  return query
    .getAll('pools')
    .flatMap((names) => names.split(','))
    .filter((name) => name !== '');
}

/** A line for people and probes; JSON for whoever asks for it. */
function readiness(report: ReadinessReport, accept: string): AdminAnswer {
  const status = report.ready ? 200 : 503;
  const headers = { vary: 'accept' };
  if (/\bapplication\/json\b/i.test(accept)) return { ...json(report, status), headers };
  const lines = [report.ready ? 'ok' : 'not ready', ...report.notes];
  return { ...plain(status, `${lines.join('\n')}\n`), headers };
}

function endpoint(method: Endpoint['method'], path: string, answer: Answering): Endpoint {
  const pattern = new RegExp(`^${path.replaceAll(/\{[a-z]+\}/g, '([^/]+)')}$`);
  return { method, path, pattern, open: false, operates: false, ofPatients: false, answer };
}

function operating(method: Endpoint['method'], path: string, answer: Answering): Endpoint {
  return { ...endpoint(method, path, answer), operates: true };
}

function open(path: string, answer: Answering): Endpoint {
  return { ...endpoint('GET', path, answer), open: true };
}

function onNode(
  method: Endpoint['method'],
  path: string,
  answer: (control: Control, pool: string, node: string, request: AdminRequest) => Promise<AdminAnswer>,
): Endpoint {
  return operating(method, path, (control, request) => {
    const [pool = '', node = ''] = request.parts;
    return answer(control, pool, node, request);
  });
}

export interface MatchedEndpoint {
  readonly endpoint: Endpoint;
  readonly parts: readonly string[];
}

/** `path` is normalised: no name of a pool or a node has a character that is still encoded in it. */
export function findEndpoint(method: string, path: string): MatchedEndpoint | undefined {
  // RFC 9110 9.3.2: HEAD is GET without the body, which Node.js leaves out.
  const wanted = method === 'HEAD' ? 'GET' : method;
  for (const one of ENDPOINTS) {
    const match = one.method === wanted ? one.pattern.exec(path) : null;
    if (match !== null) return { endpoint: one, parts: match.slice(1) };
  }
  return undefined;
}

/** Why there is no endpoint for it: for those who may know what there is. */
export function whyNone(method: string, path: string): AdminAnswer {
  const methods = ENDPOINTS.filter(({ pattern }) => pattern.test(path)).map((one) => one.method);
  if (methods.length === 0) {
    const detail = `there is nothing at this path${suggestion(path, PATHS)}`;
    return refusal(new GatewayError('GW_ERR_ADMIN_NOT_FOUND', { detail }));
  }
  const allowed = methods.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one]));
  const detail = `it takes ${allowed.join(' or ')}, not ${method}`;
  const headers = { allow: allowed.join(', ') };
  return { ...refusal(new GatewayError('GW_ERR_ADMIN_REQUEST', { detail }), 405), headers };
}

/** A million messages are two days of a busy interface, or ten minutes of a gateway at its limit. */
const MOST_MESSAGES = 1_000_000;
/** Longer than an hour nobody watches a recording; a second one goes on where it ends. */
const LONGEST_MS = 3_600_000;
const MOST_BYTES = 1024 ** 3;

export function tapIn(query: URLSearchParams): TapRequest {
  const known = ['listener', 'count', 'for', 'maxBytes'];
  const other = [...query.keys()].find((key) => !known.includes(key));
  if (other !== undefined) throw wrong(`a tap takes ${known.join(', ')}`);
  const count = parseCount(query.get('count') ?? '1000');
  if (count === undefined || count < 1 || count > MOST_MESSAGES)
    throw wrong(`count is an integer from 1 to ${MOST_MESSAGES}`);
  const forMs = parseDuration(query.get('for') ?? '1m');
  if (forMs === undefined || forMs < 1 || forMs > LONGEST_MS)
    throw wrong('for is a duration up to 1h, as 30s');
  const maxBytes = parseSize(query.get('maxBytes') ?? '64MiB');
  if (maxBytes === undefined || maxBytes < 1 || maxBytes > MOST_BYTES)
    throw wrong('maxBytes is a size up to 1GiB, as 64MiB');
  return { listener: query.get('listener') ?? undefined, count, forMs, maxBytes };
}

function wrong(detail: string): GatewayError {
  return new GatewayError('GW_ERR_ADMIN_REQUEST', { detail });
}
