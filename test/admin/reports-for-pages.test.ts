// What pages are made of, asked of a real gateway with traffic: the last messages, the last hour, where a message would go, and the
// stream of what changes. Names of patients are planted in every message, and in none of the answers.
import http, { type IncomingMessage } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { historyPoints, STEP_MS, TrafficHistory } from '../../src/admin/control/traffic-history.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { OverviewStream } from '../../src/admin/overview-stream.ts';
import { parseConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { ask, BEARER, openAdmin, TOKEN } from './admin-room.ts';
import { FakeControl } from './fake-control.ts';

const PATIENT = 'ZZPLANTED^QUILLA';

async function room(nodes: object, admin: object = {}, telemetry: object = {}) {
  const text = JSON.stringify({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: { adt: { nodes, persistence: { by: ['MSH-3'] }, queue: { timeout: '200ms' } } },
    routes: [
      { name: 'none', when: { 'MSH-9.1': 'NONE' }, reject: { code: 'AR' } },
      { name: 'all', to: 'adt' },
    ],
    admin: { bind: '127.0.0.1:0', token: TOKEN, ...admin },
    telemetry,
  });
  const { config } = parseConfig(text, { env: {} });
  const log = createLog({ level: 'silent', format: 'json' });
  const control = new GatewayControl(() => gateway, text, log);
  const gateway: Gateway = new Gateway(config, log, { observers: control.observers });
  const options = { host: '127.0.0.1', port: 0, token: TOKEN, tls: undefined };
  const server = new AdminServer(options, control, { onRefused: () => {}, onFailed: () => {} });
  await gateway.start();
  await server.start();
  onTestFinished(async () => {
    await server.stop();
    await gateway.stop();
  });
  return { url: `http://127.0.0.1:${server.port}`, port: gateway.listeners[0]?.port ?? 0 };
}

function withPatient(controlId: string, type = 'ADT^A01'): Buffer {
  const plain = message({ controlId })
    .toString('latin1')
    .replace(/ADT\^A01/, type);
  return Buffer.from(`${plain.replace(/\r*$/, '')}\rPID|1||4711^^^H||${PATIENT}\r`, 'latin1');
}

async function list(at: { url: string }, query = '') {
  const { status, body, text } = await ask(at, 'GET', `/messages${query}`);
  expect(status, text).toBe(200);
  expect(text).not.toMatch(/PLANTED|QUILLA/);
  return body as { messages: { controlId: string; node?: string; attempts: object[] }[]; next?: string };
}

test('the last messages are there, page by page, found by what is shown of them', async () => {
  await using node = await startFaultyNode(answers.aa());
  const at = await room({ a: { url: node.url } }, { messages: 5 });
  await using sender = await connectSender(at.port);
  for (let n = 1; n <= 7; n++) expect(said(await sender.exchange(withPatient(`ID${n}`)))).toBe(`AA ID${n}`);
  expect(said(await sender.exchange(withPatient('ID8', 'NONE')))).toBe('AR ID8');
  const ids = (page: Awaited<ReturnType<typeof list>>) => page.messages.map(({ controlId }) => controlId);

  expect(ids(await list(at))).toEqual(['ID8', 'ID7', 'ID6', 'ID5', 'ID4']);
  const first = await list(at, '?limit=2');
  expect(ids(first)).toEqual(['ID8', 'ID7']);
  const second = await list(at, `?limit=2&before=${first.next}`);
  expect(ids(second)).toEqual(['ID6', 'ID5']);
  const third = await list(at, `?limit=2&before=${second.next}`);
  expect([ids(third), third.next]).toEqual([['ID4'], undefined]);

  expect(ids(await list(at, '?node=a&controlId=id6'))).toEqual(['ID6']);
  expect(ids(await list(at, '?code=AR'))).toEqual(['ID8']);
  expect(ids(await list(at, '?route=none'))).toEqual(['ID8']);
  expect(ids(await list(at, '?outcome=answered&limit=1'))).toEqual(['ID7']);
  expect(ids(await list(at, '?node=b'))).toEqual([]);
  expect((await list(at, '?controlId=ID7')).messages[0]).toMatchObject({
    listener: 'in',
    source: '127.0.0.1',
    type: 'ADT^A01^ADT_A01',
    route: 'all',
    pool: 'adt',
    node: 'a',
    outcome: 'answered',
    reply: 'AA',
    attempts: [{ node: 'a', writtenMs: expect.any(Number), endMs: expect.any(Number) }],
  });
  const { body } = await ask(at, 'GET', '/overview');
  const { history } = body as { history: { points: { messages: number; failed: number }[] } };
  expect(history.points.reduce((all, { messages }) => all + messages, 0)).toBe(8);
  expect(history.points.reduce((all, { failed }) => all + failed, 0)).toBe(1);
});

test('a sender’s connection: who it says that it is, its last message, its node; found and in order by them', async () => {
  await using node = await startFaultyNode(answers.aa());
  const at = await room({ a: { url: node.url } });
  await using busy = await connectSender(at.port);
  await using quiet = await connectSender(at.port);
  const senders = async (query = '') =>
    ((await ask(at, 'GET', `/senders${query}`)).body as { senders: Record<string, unknown>[] }).senders;
  const fresh = await senders();
  expect(fresh).toHaveLength(2);
  expect(fresh.map(({ messagesPerSecond }) => messagesPerSecond)).toEqual([0, 0]);
  expect(fresh.some((one) => 'lastAt' in one || 'node' in one)).toBe(false);
  await quiet.exchange(withPatient('Q'));
  for (const id of ['1', '2', '3']) await busy.exchange(withPatient(id));
  const [first, second] = await senders('?sort=messages');
  expect(first).toMatchObject({ messages: 3, sender: 'SENDAPP|SENDFAC', pool: 'adt', node: 'a' });
  expect(first?.messagesPerSecond).toBeGreaterThan(0.1);
  expect(String(first?.lastAt) >= String(second?.lastAt)).toBe(true);
  expect((await senders('?sort=rate')).map(({ messages }) => messages)).toEqual([3, 1]);
  expect((await senders('?sort=silent')).map(({ messages }) => messages)).toEqual([1, 3]);
  expect(await senders('?search=sendapp')).toHaveLength(2);
  expect(await senders('?search=elsewhere')).toEqual([]);
  expect((await ask(at, 'GET', '/senders?sort=x')).status).toBe(400);
});

test('what a header field says is text in every answer, whatever a browser would make of it', async () => {
  await using node = await startFaultyNode(answers.aa());
  const at = await room({ a: { url: node.url } });
  await using sender = await connectSender(at.port);
  const script = '<script>alert(1)</script>';
  const fields = [
    'MSH|^~\\&',
    script,
    script,
    script,
    script,
    '20260301',
    '',
    `ADT^${script}`,
    script,
    'P',
    '2.5',
  ];
  await sender.exchange(Buffer.from(`${fields.join('|')}\r`));
  for (const path of ['/messages', '/senders', `/senders?search=${encodeURIComponent(script)}`]) {
    const { headers, text } = await ask(at, 'GET', path);
    expect(text).toContain('<script>');
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
  }
  const told = await ask(at, 'GET', `/nodes/${encodeURIComponent(script)}/x/drain`);
  expect([told.status, told.headers.get('content-type')]).toEqual([405, 'application/problem+json']);
});

test('each hop of a message that changed its node is told', async () => {
  await using node = await startFaultyNode(answers.aa());
  const at = await room({ gone: { url: 'mllp://127.0.0.1:1' }, spare: { url: node.url, backup: true } });
  await using sender = await connectSender(at.port);
  expect(said(await sender.exchange(withPatient('HOP')))).toBe('AA HOP');
  const [told] = (await list(at)).messages;
  expect(told?.attempts.at(-1)).toMatchObject({ node: 'spare' });
  expect(told?.node).toBe('spare');
});

test('control ids that are to be hashed are hashed here too, and 0 keeps none', async () => {
  await using node = await startFaultyNode(answers.aa());
  const hashed = await room({ a: { url: node.url } }, {}, { controlIds: 'hash', hashKey: 'k'.repeat(32) });
  await using sender = await connectSender(hashed.port);
  await sender.exchange(withPatient('MRN-4711'));
  const { text } = await ask(hashed, 'GET', '/messages');
  expect(text).not.toContain('4711');
  expect((await list(hashed)).messages[0]?.controlId).toMatch(/^[0-9a-f]{16}$/);
  const none = await room({ a: { url: node.url } }, { messages: 0 });
  await using other = await connectSender(none.port);
  await other.exchange(withPatient('X'));
  expect(await ask(none, 'GET', '/messages')).toMatchObject({
    status: 404,
    body: { code: 'GW_ERR_ADMIN_NOT_FOUND', status: 404 },
  });
});

test('where a message would go is explained, and nothing of its patient comes back', async () => {
  await using node = await startFaultyNode(answers.aa());
  const at = await room({ a: { url: node.url } });
  const explain = async (body: string, query = '') => ask(at, 'POST', `/routes/explain${query}`, { body });
  const pasted = withPatient('WHERE').toString('latin1').replaceAll('\r', '\n');
  const told = await explain(pasted);
  expect(told.body).toMatchObject([
    { listener: 'in', controlId: 'WHERE', route: 'all', pool: 'adt', node: 'a', stickyBy: ['MSH-3'] },
  ]);
  expect(told.text).not.toMatch(/PLANTED|QUILLA/);
  for (const wrong of ['', 'hello', `PID|1||${PATIENT}`]) {
    const refused = await explain(wrong);
    expect([wrong, refused.status]).toEqual([wrong, 400]);
    expect(refused.text).not.toMatch(/PLANTED|QUILLA|hello/);
  }
  expect((await explain(pasted, '?listener=on')).status).toBe(404);
  expect((await explain(pasted, '?source=here')).status).toBe(400);
  expect(node.messages).toEqual([]);
  expect((await list(at)).messages).toEqual([]);
});

test('what has not changed is not sent again', async () => {
  const at = await openAdmin();
  const first = await ask(at, 'GET', '/nodes');
  const etag = first.headers.get('etag') ?? '';
  expect(etag).toMatch(/^"[\w-]{22}"$/);
  const headers = { ...BEARER, 'if-none-match': `"other", W/${etag}` };
  expect(await ask(at, 'GET', '/nodes', { headers })).toMatchObject({ status: 304, text: '' });
  at.control.nodeReports = at.control.nodeReports.slice(1);
  expect((await ask(at, 'GET', '/nodes', { headers })).status).toBe(200);
});

test('events come while somebody listens: the overview, and nodes when they have changed', async () => {
  const at = await openAdmin();
  const stream = new OverviewStream(() => at.control);
  at.control.events = () => stream.open();
  const response = await new Promise<IncomingMessage>((resolve) =>
    http.get(`${at.url}/events`, { headers: BEARER }, resolve),
  );
  expect(response.headers['content-type']).toBe('text/event-stream');
  let text = '';
  const until = async (pattern: RegExp): Promise<void> => {
    for await (const chunk of response.iterator({ destroyOnReturn: false })) {
      text += String(chunk);
      if (pattern.test(text)) return;
    }
    throw new Error('the stream has ended');
  };
  await until(/event: overview\ndata: .*\n\n/);
  expect(text).toMatch(/event: nodes\ndata: \[\{"pool":"adt","node":"a","state":"up"/);
  text = '';
  at.control.drain('adt', 'a', 'me');
  await until(/"node":"a","state":"draining"/);
  response.destroy();
});

test('a listener that does not read gets the newest state later, and holds nothing meanwhile', async () => {
  const control = new FakeControl();
  const stream = new OverviewStream(() => control);
  const written: string[] = [];
  let waitingBytes = 0;
  let close = (): void => {};
  const next = (): Promise<string> =>
    expect
      .poll(() => written.splice(0).join(''), { timeout: 20_000 })
      .toContain('overview')
      .then(() => '');
  stream.open()({
    get waitingBytes() {
      return waitingBytes;
    },
    write: (line) => void written.push(line),
    end: () => {},
    onClosed: (closed) => {
      close = closed;
    },
  });
  await next();
  waitingBytes = 1;
  let asked = 0;
  const { pulse } = control;
  control.pulse = () => {
    asked++;
    return pulse.call(control);
  };
  await expect.poll(() => asked, { timeout: 20_000 }).toBeGreaterThan(1);
  written.length = 0;
  await expect.poll(() => asked, { timeout: 20_000 }).toBeGreaterThan(3);
  expect(written).toEqual([]);
  waitingBytes = 0;
  await next();
  expect(stream.listeners).toBe(1);
  close();
  expect(stream.listeners).toBe(0);
});

test('the hour has a bound, and several of them add up', () => {
  const [one, other] = [new TrafficHistory(), new TrafficHistory()];
  for (let i = 0; i < 99; i++) one.add(false, 1);
  one.add(true, 900);
  other.add(false, 1);
  const points = historyPoints([one.counts, other.counts]);
  const sum = points.reduce((all, { messages }) => all + messages, 0);
  expect(sum).toBe(101);
  expect(points.length).toBeLessThanOrEqual(3);
  const { p50Ms = 0, p99Ms = 0 } = points[0] ?? {};
  expect(p50Ms).toBeGreaterThanOrEqual(1);
  expect(p50Ms).toBeLessThan(1.3);
  expect(p99Ms).toBeLessThan(1_200);
  const quiet = new TrafficHistory();
  expect(historyPoints([quiet.counts])).toMatchObject([{ messages: 0, failed: 0 }]);
  expect(STEP_MS * 360).toBe(3_600_000);
});
