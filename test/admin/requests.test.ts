// What each endpoint does and says, and what a wrong request is told.
import http from 'node:http';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { ask, BEARER, openAdmin } from './admin-room.ts';

function problem(code: string, message: string): unknown {
  const [title, status] = [expect.any(String), expect.any(Number)];
  return { type: 'about:blank', title, status, detail: message, code, error: { code, message } };
}

const REQUEST = 'the admin API does not take this request';

test('probes say whether the process works, and whether it is open for messages', async () => {
  const room = await openAdmin();
  const said = async (path: string) => {
    const { status, text } = await ask(room, 'GET', path, { headers: {} });
    return [status, text];
  };
  expect([await said('/livez'), await said('/readyz')]).toEqual([
    [200, 'ok\n'],
    [200, 'ok\n'],
  ]);
  room.control.draining = true;
  expect([await said('/livez'), await said('/readyz')]).toEqual([
    [200, 'ok\n'],
    [503, 'not ready\nthe gateway is draining\n'],
  ]);
  room.control.isLive = false;
  expect(await said('/livez')).toEqual([503, 'not live\n']);
});

test.each([
  ['/metrics', 'text/plain; version=0.0.4; charset=utf-8', 'hl7_gateway_node_up{pool="adt",node="a"} 1'],
  ['/config/effective', 'application/yaml', 'admin: { token: … }'],
  ['/status', 'application/json', '"configFile":"/etc/hl7-gateway/gateway.yaml"'],
  ['/nodes', 'application/json', '"node":"spare"'],
  ['/routes', 'application/json', '"route":"the rest"'],
  ['/certs', 'application/json', '"file":"/etc/hl7-gateway/vip.crt.pem"'],
])('GET %s', async (path, type, part) => {
  const { status, headers, text } = await ask(await openAdmin(), 'GET', path);
  expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
    200,
    type,
    'no-store',
  ]);
  expect(text).toContain(part);
  expect(Number(headers.get('content-length'))).toBe(Buffer.byteLength(text));
});

test('/metrics comes in the format that is asked for, and is not found where there are none', async () => {
  const room = await openAdmin();
  const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
  const { headers, text } = await ask(room, 'GET', '/metrics', { headers: { accept } });
  expect(headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(headers.get('vary')).toBe('accept');
  expect(text.endsWith('# EOF\n')).toBe(true);
  room.control.servesMetrics = false;
  const none = await ask(room, 'GET', '/metrics');
  expect(none.status).toBe(404);
  expect(none.text).toContain('telemetry.metrics.prometheus is false');
});

test('HEAD is GET without the body', async () => {
  const room = await openAdmin();
  const got = await ask(room, 'GET', '/status');
  const head = await ask(room, 'HEAD', '/status');
  expect([head.status, head.text]).toEqual([200, '']);
  expect(head.headers.get('content-length')).toBe(got.headers.get('content-length'));
});

test('senders come with their number, and no more of them than are asked for', async () => {
  const room = await openAdmin();
  const [first] = room.control.senderReports;
  if (first === undefined) throw new Error('no sender');
  room.control.senderReports = Array.from({ length: 1500 }, (_, port) => ({ ...first, port }));
  const counted = async (query: string) => {
    const { status, body } = await ask(room, 'GET', `/senders${query}`);
    expect(status).toBe(200);
    const { total, senders } = body as { total: number; senders: unknown[] };
    return [total, senders.length];
  };
  expect(await counted('')).toEqual([1500, 1000]);
  expect(await counted('?limit=1')).toEqual([1500, 1]);
  expect(await counted('?limit=100000&_=1')).toEqual([1500, 1500]);
  for (const wrong of ['0', '-1', '1.5', '', 'x', '100001', '1e3']) {
    const { status, body } = await ask(room, 'GET', `/senders?limit=${wrong}`);
    expect([status, body]).toEqual([
      400,
      problem('GW_ERR_ADMIN_REQUEST', `${REQUEST}: limit is an integer from 1 to 100000`),
    ]);
  }
});

describe('changes', () => {
  test.each([
    ['POST', '/nodes/adt/a/drain', undefined, 'drain adt/a', { state: 'draining' }],
    ['POST', '/nodes/adt/a/maintenance', undefined, 'maintenance adt/a', { state: 'maintenance' }],
    ['POST', '/nodes/lab/a/ready', undefined, 'ready lab/a', { state: 'up' }],
    ['PUT', '/nodes/adt/b/weight', '{"weight":3}', 'weight 3 adt/b', { weight: 3 }],
    ['PUT', '/nodes/adt/b/weight', ' 256\n', 'weight 256 adt/b', { weight: 256 }],
    ['PUT', '/nodes/adt/b/weight', '{ "weight": 0 }', 'weight 0 adt/b', { weight: 0 }],
  ] as const)(
    '%s %s %s is done, and said to be done from that address',
    async (method, path, body, done, now) => {
      const room = await openAdmin();
      const told = await ask(room, method, path, body === undefined ? {} : { body });
      expect([told.status, told.body]).toMatchObject([200, now]);
      expect(room.control.changes).toEqual([`${done} from 127.0.0.1`]);
    },
  );

  test('a node is added with its settings as they came, and removed', async () => {
    const room = await openAdmin();
    const settings = { url: 'mllps://10.0.0.14:6661', weight: 2, tls: { ca: 'ca.pem' } };
    const added = await ask(room, 'PUT', '/nodes/adt/d', { body: JSON.stringify(settings) });
    expect([added.status, added.body]).toMatchObject([201, { pool: 'adt', node: 'd', runtime: true }]);
    expect(room.control.settings).toEqual([settings]);
    const again = await ask(room, 'PUT', '/nodes/adt/d', { body: JSON.stringify(settings) });
    expect([again.status, again.body]).toEqual([
      409,
      problem(
        'GW_ERR_ADMIN_CONFLICT',
        'the admin API cannot do that as things are: pool adt has a node of that name',
      ),
    ]);
    const removed = await ask(room, 'DELETE', '/nodes/adt/d');
    expect([removed.status, removed.body]).toEqual([200, { pool: 'adt', node: 'd', removed: true }]);
    expect(room.control.changes).toEqual(['add adt/d from 127.0.0.1', 'remove adt/d from 127.0.0.1']);
  });

  test('a reload says what changed, and what to mind', async () => {
    const room = await openAdmin();
    const { status, body } = await ask(room, 'POST', '/reload');
    expect([status, body]).toEqual([
      200,
      {
        changed: ['pools.adt: nodes'],
        atNextStart: ['telemetry.log.format'],
        warnings: ['gateway.yaml:3:5: pools.lab: no route uses this pool'],
      },
    ]);
  });

  test.each([
    ['GW_ERR_CONFIG', 422],
    ['GW_ERR_FILE', 422],
    ['GW_ERR_TLS_FILE', 422],
    ['GW_ERR_LISTEN', 422],
    ['GW_ERR_ADMIN_CONFLICT', 409],
  ] as const)('F74 a reload that fails with %s is %i, with what is wrong', async (code, status) => {
    const room = await openAdmin();
    room.control.trouble = new GatewayError(code, { detail: 'gateway.yaml:3:5: pools.adt: x' });
    const told = await ask(room, 'POST', '/reload');
    expect([told.status, told.body]).toMatchObject([status, { error: { code } }]);
    expect(told.text).toContain('gateway.yaml:3:5: pools.adt: x');
    expect(room.failed).toEqual([]);
  });

  test('a defect is 500, whose cause goes to the log and not to whoever asks', async () => {
    const room = await openAdmin();
    room.control.trouble = new TypeError('cannot read DOE^JANE of undefined');
    const { status, body } = await ask(room, 'POST', '/nodes/adt/a/drain');
    expect([status, body]).toEqual([
      500,
      problem('GW_ERR_INTERNAL', 'the gateway failed; this is a defect in it'),
    ]);
    expect(room.failed.map(({ cause }) => cause)).toEqual([expect.any(TypeError)]);
    expect((await ask(room, 'GET', '/status')).status).toBe(200);
  });
});

describe('names', () => {
  test.each([
    ['/nodes/adt/aa/drain', 'pool adt has no node of that name'],
    ['/nodes/adt/sapre/drain', 'pool adt has no node of that name; did you mean "spare"?'],
    ['/nodes/atd/a/drain', 'no pool of that name; did you mean "adt"?'],
    ['/nodes/adt%2Fa/x/drain', 'no pool of that name'],
    ['/nodes/adt/a%FF/drain', 'pool adt has no node of that name'],
  ])('%s is 404, with what it may have been', async (path, detail) => {
    const room = await openAdmin();
    const { status, body } = await ask(room, 'POST', path);
    const message = `the admin API knows nothing of that name: ${detail}`;
    expect([status, body]).toEqual([404, problem('GW_ERR_ADMIN_NOT_FOUND', message)]);
    expect(room.control.changes).toEqual([]);
  });

  test.each(['/nodes/%61dt/%61/drain', '/nodes//adt/a/drain', '/nodes/x/../adt/a/drain?y'])(
    '%s is adt/a, percent-encoded or not',
    async (path) => {
      const room = await openAdmin();
      expect((await ask(room, 'POST', path)).status).toBe(200);
      expect(room.control.changes).toEqual(['drain adt/a from 127.0.0.1']);
    },
  );

  test.each(['/nodes/adt/a%/drain', '/nodes/adt/a\\/drain', '/nodes/adt/%00/drain'])(
    '%s is no path, and 400',
    async (path) => {
      const room = await openAdmin();
      // What fetch would make of these is another path.
      const { status, text } = await new Promise<{ status: number | undefined; text: string }>(
        (resolve, reject) => {
          const options = { port: room.port, method: 'POST', path, headers: BEARER, agent: false };
          const request = http.request(options, (response) => {
            let text = '';
            response.setEncoding('utf8').on('data', (part: string) => {
              text += part;
            });
            response.on('end', () => resolve({ status: response.statusCode, text }));
          });
          request.on('error', reject).end();
        },
      );
      expect([status, JSON.parse(text)]).toMatchObject([400, { error: { code: 'GW_ERR_HTTP_REQUEST' } }]);
    },
  );

  test.each([
    ['GET', '/sttaus', '; did you mean "/status"?'],
    ['GET', '/status/', '; did you mean "/status"?'],
    ['POST', '/', ''],
    ['POST', '/nodes/adt/drain/now/please', ''],
  ])('%s %s: there is nothing', async (method, path, hint) => {
    const { status, body } = await ask(await openAdmin(), method, path);
    const message = `the admin API knows nothing of that name: there is nothing at this path${hint}`;
    expect([status, body]).toEqual([404, problem('GW_ERR_ADMIN_NOT_FOUND', message)]);
  });

  test.each([
    ['POST', '/status', 'GET, HEAD', 'GET or HEAD, not POST'],
    ['GET', '/nodes/adt/a/drain', 'POST', 'POST, not GET'],
    ['HEAD', '/reload', 'POST', undefined],
    ['POST', '/nodes/adt/a/weight', 'PUT', 'PUT, not POST'],
    ['PATCH', '/nodes/adt/a', 'PUT, DELETE', 'PUT or DELETE, not PATCH'],
    ['OPTIONS', '/livez', 'GET, HEAD', 'GET or HEAD, not OPTIONS'],
  ])('%s %s is 405, with what it takes', async (method, path, allow, words) => {
    const room = await openAdmin();
    const { status, headers, body } = await ask(room, method, path);
    expect([status, headers.get('allow')]).toEqual([405, allow]);
    if (words !== undefined)
      expect(body).toEqual(problem('GW_ERR_ADMIN_REQUEST', `${REQUEST}: it takes ${words}`));
    expect(room.control.changes).toEqual([]);
  });
});

describe('bodies', () => {
  const WEIGHT = 'a weight is an integer from 0 to 256, as {"weight":3}';
  const NODE = 'a node is a map as in the config, for example {"url":"mllp://10.0.0.13:6661"}';

  test.each([
    '-1',
    '1.5',
    '"3"',
    '257',
    'null',
    'true',
    '[]',
    '[3]',
    '{}',
    '{"weight":-1}',
    '{"weight":1.5}',
    '{"weight":"3"}',
    '{"weight":257}',
    '{"weight":1e400}',
    '{"wieght":3}',
    '{"weight":3,"now":true}',
    '{"weight":{"weight":3}}',
  ])('a weight of %s is 400', async (body) => {
    const room = await openAdmin();
    const told = await ask(room, 'PUT', '/nodes/adt/a/weight', { body });
    expect([told.status, told.body]).toEqual([400, problem('GW_ERR_ADMIN_REQUEST', `${REQUEST}: ${WEIGHT}`)]);
    expect(room.control.changes).toEqual([]);
  });

  test.each([
    ['/nodes/adt/a/weight', '{"weight":3', WEIGHT],
    ['/nodes/adt/a/weight', "{'weight':3}", WEIGHT],
    ['/nodes/adt/a/weight', 'weight=3', WEIGHT],
    ['/nodes/adt/a/weight', '{"weight":03}', WEIGHT],
    ['/nodes/adt/a/weight', '{"weight":3}{', WEIGHT],
    ['/nodes/adt/d', '{"url":"mllp://h:1"', NODE],
    ['/nodes/adt/d', `${'['.repeat(60_000)}`, NODE],
    ['/nodes/adt/d', new Uint8Array([0x22, 0xff, 0x22]), NODE],
  ] as const)('%#: PUT %s with half a body, or no JSON, is 400', async (path, body, example) => {
    const room = await openAdmin();
    const told = await ask(room, 'PUT', path, { body });
    const message = `${REQUEST}: the body (${body.length} bytes) is no JSON, or not all of it; ${example}`;
    expect([told.status, told.body]).toEqual([400, problem('GW_ERR_ADMIN_REQUEST', message)]);
    expect(room.control.changes).toEqual([]);
  });

  test.each(['/nodes/adt/a/weight', '/nodes/adt/d'])('PUT %s without a body is 400', async (path) => {
    const { status, text } = await ask(await openAdmin(), 'PUT', path);
    expect([status, text]).toEqual([400, expect.stringContaining('it has no body; a ')]);
  });

  test.each(['[]', '"mllp://h:1"', 'null', '7', '[{"url":"mllp://h:1"}]'])(
    'a node of %s is 400',
    async (body) => {
      const room = await openAdmin();
      const told = await ask(room, 'PUT', '/nodes/adt/d', { body });
      expect([told.status, told.body]).toEqual([400, problem('GW_ERR_ADMIN_REQUEST', `${REQUEST}: ${NODE}`)]);
      expect(room.control.settings).toEqual([]);
    },
  );

  test.each([
    '{"url":"mllp://a:1","url":"mllp://b:1"}',
    '{"url":"mllp://a:1", "\\u0075rl" : "mllp://b:1"}',
    '{"url":"x","tls":{"ca":["{\\"}",{"a":1}],"ca":"y"}}',
    '{"list":[{"a":1},{"a":1,"b":[],"a":2}]}',
  ])('%s gives a key twice, and two readers could differ', async (body) => {
    const told = await ask(await openAdmin(), 'PUT', '/nodes/adt/d', { body });
    expect([told.status, told.body]).toEqual([
      400,
      problem('GW_ERR_ADMIN_REQUEST', `${REQUEST}: the body gives a key twice`),
    ]);
  });

  test.each([
    '{"a":{"x":1},"b":{"x":1}}',
    '{"a":"a","b":["a","a","b:",{"a":1},{"a":1}]}',
    '{"a\\"":1,"a":"}{\\\\","b":"\\":"}',
  ])('%s gives none twice', async (body) => {
    const room = await openAdmin();
    expect((await ask(room, 'PUT', '/nodes/adt/d', { body })).status).toBe(201);
    expect(room.control.settings).toEqual([JSON.parse(body)]);
  });

  test('64 KiB are taken, and a byte more is 413', async () => {
    const room = await openAdmin();
    const ofSize = (bytes: number) => `{"url":"${'x'.repeat(bytes - 10)}"}`;
    expect((await ask(room, 'PUT', '/nodes/adt/d', { body: ofSize(65_536) })).status).toBe(201);
    const { status, body } = await ask(room, 'PUT', '/nodes/adt/e', { body: ofSize(65_537) });
    expect([status, body]).toEqual([413, problem('GW_ERR_ADMIN_REQUEST', `${REQUEST}: at most 65536 bytes`)]);
    expect(room.control.settings).toHaveLength(1);
  });
});
