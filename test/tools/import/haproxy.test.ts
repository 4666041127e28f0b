// What becomes of haproxy.cfg: the config as the gateway reads it, what is left and why, and that no file ends the command.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { GuessOptions } from '../../../src/tools/import/hl7-guess.ts';
import { importConfig } from '../../../src/tools/import/import-config.ts';

/** Those of a change are the same each time; more of them: HL7_GATEWAY_TEST_IMPORTS=5000 npx vitest run test/tools/import. */
const RUNS = {
  numRuns: Number(process.env.HL7_GATEWAY_TEST_IMPORTS ?? 150),
  ...(process.env.HL7_GATEWAY_TEST_IMPORTS === undefined && { seed: 21 }),
};
const FOLDER = join(import.meta.dirname, '../../../fixtures/import');
const GUESS: GuessOptions = { mllp: [], tcp: false };

function imported(text: string, options = GUESS) {
  const result = importConfig(text, 'haproxy', 'haproxy.cfg', options);
  const config = result.yaml === undefined ? undefined : parse(result.yaml);
  const left = result.leftOvers.map(({ line, what, reason }) => `${line}: ${what}: ${reason}`);
  return { ...result, config, left };
}

/** A section pair to put lines into. */
function web(front: string, back = 'server a 10.0.0.1:80', head = ''): ReturnType<typeof imported> {
  return imported(
    `${head}\nfrontend in\n mode http\n bind :80\n${front}\n default_backend out\nbackend out\n mode http\n ${back}\n`,
  );
}

function tcp(front: string, back = 'server a 10.0.0.1:80'): ReturnType<typeof imported> {
  return imported(`frontend in\n bind :7000\n ${front}\n default_backend out\nbackend out\n ${back}\n`);
}

describe('two Mirths as many have them', () => {
  const { config, left, problems, yaml, counts } = imported(
    readFileSync(join(FOLDER, 'two-mirths.cfg'), 'utf8'),
  );

  test('all of it but the redirect goes over, and check likes it', () => {
    expect(left).toEqual(['54: http-request redirect: the gateway redirects nobody; it answers 403']);
    expect(problems).toEqual([]);
    expect(counts.left).toBe(1);
  });

  test('listeners', () => {
    const limits = { maxConnections: 500, idleTimeout: '1h' };
    expect(config.listeners).toEqual({
      adt: { bind: '10.0.0.5:2575', limits },
      'adt-2576': {
        bind: '10.0.0.5:2576',
        limits,
        tls: {
          cert: '/etc/ssl/gateway/vip.pem',
          key: '/etc/ssl/gateway/vip.pem',
          clientCa: '/etc/ssl/authorities/senders.pem',
          requireClientCert: true,
        },
      },
      dicom: { protocol: 'tcp', bind: '0.0.0.0:11112', limits: { maxConnections: 2000, idleTimeout: '1h' } },
      web: {
        protocol: 'http',
        bind: '0.0.0.0:80',
        limits: { maxConnections: 2000, writeTimeout: '30s' },
        http: { bodyTimeout: '30s', headersTimeout: '10s', keepAlive: '1m' },
      },
      'web-443': {
        protocol: 'http',
        bind: '0.0.0.0:443',
        limits: { maxConnections: 2000, writeTimeout: '30s' },
        http: { bodyTimeout: '30s', headersTimeout: '10s', keepAlive: '1m' },
        tls: { cert: '/etc/ssl/gateway/web.pem', key: '/etc/ssl/gateway/web.pem' },
      },
    });
    expect(yaml).toContain('# MLLP by a guess: port 2575 is one of HL7');
  });

  test('pools', () => {
    expect(config.pools['mirth-adt']).toEqual({
      nodes: {
        mirth1: { url: 'mllp://10.1.0.11:6661', weight: 10 },
        mirth2: { url: 'mllp://10.1.0.12:6661', weight: 20 },
        mirth3: { url: 'mllp://10.1.0.13:6661', backup: true },
      },
      timeouts: { connect: '5s' },
      balance: 'least-in-flight',
      persistence: { maxSenders: 51_200, idle: '8h', by: ['source'], mode: 'table' },
      health: { interval: '5s', fastInterval: '1s', rise: 2, fall: 3, timeout: '3s' },
      connections: { max: 8 },
    });
    expect(config.pools.dicom).toMatchObject({
      nodes: { pacs1: { url: 'tcp://10.1.0.31:104' } },
      balance: 'hash',
      persistence: { by: ['source'] },
      proxyProtocol: 'v2',
    });
    expect(config.pools['mirth-web']).toMatchObject({
      nodes: {
        mirth1: {
          url: 'https://10.1.0.11:8443',
          tls: { ca: '/etc/ssl/authorities/mirth-ca.pem', servername: 'mirth-connect' },
        },
      },
      timeouts: { connect: '5s', ack: '2m' },
      persistence: { cookie: 'NODE' },
      health: { type: 'http', path: '/api/server/version', status: '200' },
    });
  });

  test('routes, in the order in which HAProxy decides', () => {
    const listener = ['web', 'web-443'];
    const inside = ['10.0.0.0/8', '192.168.7.0/24'];
    const response = { set: { 'Strict-Transport-Security': 'max-age=31536000' }, remove: ['Server'] };
    const toWeb = { request: { set: { 'X-Real-IP': '${client.address}' } }, response };
    const routes = config.routes.map(({ name: _name, ...route }: Record<string, unknown>) => route);
    expect(routes).toEqual([
      { when: { listener: ['adt', 'adt-2576'], source: { not: inside } }, reject: {} },
      { when: { listener: ['adt', 'adt-2576'] }, to: 'mirth-adt' },
      { when: { listener: 'dicom' }, to: 'dicom' },
      { when: { listener: 'web' }, reject: {} },
      { when: { listener, path: '/^\\/api\\//', source: { not: '10.0.0.0/8' } }, reject: {} },
      {
        when: { listener, path: '/^\\/mirth-api\\//', method: 'GET' },
        to: 'mirth-old-api',
        http: { response, rewrite: { path: ['^.*?(?:/mirth-api/(.*))', '/api/$1'] } },
      },
      { when: { listener, path: '/^\\/api\\//' }, to: 'mirth-web', http: toWeb },
      { when: { listener, host: 'mirth.example' }, to: 'mirth-web', http: toWeb },
      { when: { listener }, to: 'mirth-web', http: toWeb },
    ]);
  });

  test('statistics become the admin API, and no password is told', () => {
    expect(config.admin).toEqual({ bind: '127.0.0.1:9600' });
    expect(yaml).not.toContain('not-a-real-secret');
    expect(yaml).toContain('haproxy.cfg:86: stats auth: who may see and do what: admin.token');
  });
});

describe('what bytes carry', () => {
  const text = 'listen feed\n bind :7000\n server a 10.0.0.1:7001\n';
  test.each([
    [text, GUESS, 'tcp'],
    [text, { mllp: ['feed'], tcp: false }, undefined],
    [text.replace('feed', 'hl7-feed'), GUESS, undefined],
    [text.replace('feed', 'hl7-feed'), { mllp: [], tcp: true }, 'tcp'],
    [text.replace('7000', '2575'), GUESS, undefined],
    [text.replace('feed', 'mirth').replaceAll(/:700\d/g, ':8443'), GUESS, 'tcp'],
  ])('%#', (cfg, options, protocol) => {
    const { config, left, problems } = imported(cfg, options);
    expect(Object.values<{ protocol?: string }>(config.listeners)[0]?.protocol).toBe(protocol);
    expect([left, problems]).toEqual([[], []]);
  });

  test('a backend that an HL7 frontend leads to speaks MLLP as well, whatever it is called', () => {
    const { config } = imported(
      'frontend hl7\n bind :7000\n default_backend b\nfrontend f\n bind :7001\n default_backend b\nbackend b\n server a h:1\n',
    );
    expect(config.pools.b.nodes.a.url).toBe('mllp://h:1');
    expect(config.listeners.f.protocol).toBeUndefined();
  });
});

describe('conditions', () => {
  test.each<[condition: string, when: unknown]>([
    ['{ path /a /b }', { path: ['/a', '/b'] }],
    ['{ path_beg -i /Api }', { path: '/^\\/Api/i' }],
    ['{ path_end .php }', { path: '/\\.php$/' }],
    ['{ path -m reg ^/x[0-9]+ }', { path: '/^\\/x[0-9]+/' }],
    ['{ path_dir admin }', { path: '/(^|/)admin(/|$)/' }],
    ['{ hdr(host) -i A.example:8080 }', { host: 'a.example' }],
    ['{ req.hdr(host),lower -m end .example }', { host: '/\\.example$/' }],
    ['{ hdr_sub(User-Agent) bot }', { 'header.user-agent': '/bot/' }],
    ['{ req.hdr(X-Key) -m found }', { 'header.x-key': { exists: true } }],
    ['!{ method GET HEAD }', { method: { not: ['GET', 'HEAD'] } }],
    ['METH_POST', { method: 'POST' }],
    ['{ ssl_c_s_dn(cn) lab-1 }', { 'tls.subject': '/(^|, )cn=lab-1(,|$)/' }],
    ['{ path_beg /a } { path_end b }', { path: { not: [{ not: '/^\\/a/' }, { not: '/b$/' }] } }],
    ['!{ path /a } !{ path /b }', { path: { not: ['/a', '/b'] } }],
    ['{ src 10.0.0.0/8 } !{ src 10.1.0.0/16 }', { source: { not: [{ not: '10.0.0.0/8' }, '10.1.0.0/16'] } }],
  ])('%s', (condition, when) => {
    const { config, left, problems } = web(` use_backend out if ${condition}`);
    expect(left).toEqual([]);
    expect(problems).toEqual([]);
    expect(config.routes[0].when).toEqual({ listener: 'in', ...(when as object) });
    expect(config.routes).toHaveLength(2);
  });

  test('alternatives of several subjects are several routes', () => {
    const { config } = web(' acl a path /x\n acl a hdr(host) y\n acl b method GET\n use_backend out if a b');
    expect(config.routes.map((route: { when: object }) => route.when)).toEqual([
      { listener: 'in', path: '/x', method: 'GET' },
      { listener: 'in', host: 'y', method: 'GET' },
      { listener: 'in' },
    ]);
  });

  test.each([
    ['{ path_reg (?!x) }', 'one of its values is none that path can be compared with'],
    ['{ nbsrv(out) gt 0 }', 'it counts'],
    ['{ be_name out }', 'what it looks at is no subject of conditions here'],
    ['{ path -f paths.lst }', 'its values stand in a file'],
    ['{ hdr_cnt(x) gt 1 }', 'it counts'],
    ['no_such', 'its condition names an ACL that is not there'],
    ['{ path /a', 'a brace is not closed'],
    ['{ url_beg /a?b }', 'it looks at the query'],
  ])('%s is left, and nothing of it is taken', (condition, reason) => {
    const { config, left, problems } = web(` use_backend out if ${condition}`);
    expect(left).toEqual([`5: use_backend: ${reason}`]);
    expect(config.routes).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  test('a rule of many alternatives is left, not blown up', () => {
    const acls = Array.from(
      { length: 12 },
      (_, i) => ` acl a${i} path /x${i}\n acl a${i} method GET\n acl a${i} src 10.0.0.${i}`,
    );
    const all = Array.from({ length: 12 }, (_, i) => `a${i}`).join(' ');
    const { left } = web(`${acls.join('\n')}\n use_backend out if ${all}`);
    expect(left).toEqual([expect.stringContaining('its condition would take too many routes')]);
  });
});

describe('what HAProxy kept from the servers stays away from them', () => {
  test.each([
    ['http-request deny if { path /x }', 0],
    ['http-request tarpit if { path /x }', 0],
    ['http-request redirect location /y if { path /x }', 1],
    ['redirect prefix https://y if { path /x }', 1],
    ['http-request auth if { path /x }', 1],
    ['http-request return status 200 if { path /x }', 1],
  ])('%s', (rule, left) => {
    const result = web(` ${rule}`);
    expect(result.config.routes[0]).toMatchObject({ when: { path: '/x' }, reject: {} });
    expect(result.left).toHaveLength(left);
  });

  test('what an earlier rule accepts is not refused', () => {
    const { config } = tcp(
      'tcp-request connection accept if { src 10.1.0.0/16 }\n tcp-request connection reject if { src 10.0.0.0/8 }',
    );
    expect(config.routes[0]).toMatchObject({
      when: { source: { not: [{ not: '10.0.0.0/8' }, '10.1.0.0/16'] } },
      reject: {},
    });
  });

  test('a rule of the backend goes before the route to it', () => {
    const { config } = web('', 'http-request deny if { method TRACE }\n server a 10.0.0.1:80');
    expect(config.routes.map((route: { reject?: object }) => route.reject !== undefined)).toEqual([
      true,
      false,
    ]);
  });

  test('one that cannot be translated is told to let through what it kept out', () => {
    const { left } = web(' http-request deny if { sc_http_req_rate(0) gt 20 }');
    expect(left).toEqual([expect.stringMatching(/^5: http-request deny: .*; what it kept out comes in$/)]);
  });
});

describe('single lines', () => {
  test.each<[front: string, back: string, left: string[]]>([
    ['errorfile 503 /x', 'server a h:1', ["5: errorfile: pages for errors are the gateway's own"]],
    [
      'http-request set-header X-A %[req.cook(a)]',
      'server a h:1',
      ['5: http-request set-header: its value is made of what the gateway cannot fill in'],
    ],
    ['http-request set-header X-Forwarded-Proto https if { ssl_fc }', 'server a h:1', []],
    [
      '',
      'server a h:1 send-proxy',
      ['9: server: a PROXY header is for connections that are passed on, not for http nodes'],
    ],
    ['', 'server a unix@/run/x\n server b h:1', ['9: server: its address is no host or IP address of TCP']],
    [
      '',
      'balance url_param id\n server a h:1',
      [
        '9: balance url_param: this way of choosing has no counterpart; the node with the least in work is taken',
      ],
    ],
    ['wat is this', 'server a h:1', ['5: wat: this command does not know it']],
    ['', 'server a h:1 agent-check agent-port 80', ['9: server: agent-check has no counterpart']],
    ['rspadd X-A:\\ b', 'option httpclose\n server a h:1', []],
  ])('%s | %s', (front, back, left) => {
    const result = web(` ${front}`, back);
    expect(result.left).toEqual(left);
    expect(result.problems).toEqual([]);
  });

  test('variables stay variables, and what looks like one does not become one', () => {
    const { config, yaml, problems } = web(
      ` http-request set-header X-A "a\${b"\n http-response set-header X-B '$HOME'`,
      'server a "${MIRTH}:80"',
    );
    expect(yaml).toContain('url: "http://${MIRTH}:80"');
    expect(config.routes[0].http).toEqual({ response: { set: { 'X-B': '$HOME' } } });
    expect(problems).toEqual([]);
  });

  test('an address that stands in variables is no mistake, nor is what follows from it', () => {
    const { config, left, problems } = imported(
      'listen a\n bind 0.0.0.0:${GOSSIP}\n server s "${CORE_HOST}:${CORE_PORT}"\nlisten b\n bind :$PORT\n server s $CORE_HOST:80\n',
    );
    expect([left, problems]).toEqual([[], []]);
    expect(config.listeners).toEqual({
      a: { protocol: 'tcp', bind: '0.0.0.0:${GOSSIP}' },
      b: { protocol: 'tcp', bind: '0.0.0.0:${PORT}' },
    });
    expect(config.pools.a.nodes.s.url).toBe('tcp://${CORE_HOST}:${CORE_PORT}');
  });

  test('defaults hold where a section says nothing, and no option cancels one', () => {
    const { config, left } = web(
      '',
      'balance leastconn\n no option httpchk\n server a h:1 check',
      'defaults\n balance source\n option httpchk GET /x\n timeout connect 7s',
    );
    expect(config.pools.out).toMatchObject({ balance: 'least-in-flight', timeouts: { connect: '7s' } });
    expect(config.pools.out.health).toBeUndefined();
    expect(left).toEqual([]);
  });

  test('servers without a port, and a range of ports', () => {
    const { config, problems } = imported(
      'listen hl7\n bind :6661-6690\n server a 10.0.0.1\n server b 10.0.0.2:+1000\n',
    );
    expect(config.listeners.hl7.bind).toBe('0.0.0.0:6661-6690');
    expect(config.pools.hl7.nodes).toEqual({
      a: { url: 'mllp://10.0.0.1:+0' },
      b: { url: 'mllp://10.0.0.2:+1000' },
    });
    expect(problems).toEqual([]);
  });

  test('a section that is disabled is not in use here either', () => {
    const { config, left } = imported(
      'listen a\n bind :7000\n server a h:1\nlisten b\n disabled\n bind :7001\n server a h:1\n',
    );
    expect(Object.keys(config.listeners)).toEqual(['a']);
    expect(left).toEqual([]);
  });

  test('one port of both families is one listener, and no two have one address', () => {
    const { config, left, problems } = imported(
      'listen a\n bind *:7000\n bind :::7000\n bind *:7000-7010\n server a h:1\nlisten b\n bind 10.0.0.1:7000\n server a h:1\n',
    );
    expect(Object.values(config.listeners)).toEqual([{ protocol: 'tcp', bind: '[::]:7000' }]);
    expect(left.map((one) => one.slice(0, 48))).toEqual([
      '4: bind: another listener has this address',
      '7: bind: another listener has this address',
      '7: bind: it listens nowhere',
    ]);
    expect(problems).toEqual([]);
  });

  test('names that are none of ours', () => {
    const { config, problems } = imported(
      'listen "a b/c"\n bind :7000\n server "x:y" h:1\n server "x y" h:2\n',
    );
    expect(Object.keys(config.listeners)).toEqual(['a-b-c']);
    expect(Object.keys(config.pools['a-b-c'].nodes)).toEqual(['x-y', 'x-y-2']);
    expect(problems).toEqual([]);
  });
});

describe('secrets', () => {
  test('of users and statistics are neither in the result nor in what is said', () => {
    const { yaml, left } = web(
      ' stats auth admin:topsecret1\n http-request auth realm x unless { http_auth(staff) }',
      'option httpchk GET /x\n http-check send hdr Authorization "Basic topsecret4"\n server a h:1 check',
      'userlist staff\n user anna insecure-password topsecret2\n user topsecret3:x password $5$topsecret3\nlisten topsecret5=x\n',
    );
    expect(left.join('\n')).not.toMatch(/topsecret/);
    expect(
      yaml
        ?.split('\n')
        .filter((line) => line.trimStart().startsWith('#'))
        .join('\n'),
    ).not.toMatch(/topsecret[1-4]/);
    // What a check sends is a value of the config.
    expect(yaml?.match(/topsecret\d/g)).toEqual(['topsecret4']);
  });
});

describe('no file ends it', () => {
  const WORDS = readFileSync(join(FOLDER, 'two-mirths.cfg'), 'utf8').split(/\s+/);
  const word = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...WORDS) },
    fc.constantFrom(
      'if',
      'unless',
      '{',
      '}',
      '||',
      '!',
      '"',
      "'",
      '\\',
      '#',
      '%[src]',
      '${X}',
      '-i',
      '-m',
      'no',
      '0',
      '99999999999',
    ),
    fc.string({ maxLength: 12, unit: 'binary' }),
  );
  const line = fc.array(word, { maxLength: 8 }).map((words) => words.join(' '));

  test('whatever stands in it', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), fc.boolean(), (lines, isTcp) => {
        const { counts, leftOvers, yaml } = imported(lines.join('\n'), { mllp: [], tcp: isTcp });
        expect(leftOvers.every(({ reason }) => reason !== '')).toBe(true);
        expect(counts.left === 0).toBe(leftOvers.length === 0);
        if (yaml !== undefined) expect(parse(yaml)).toHaveProperty('listeners');
      }),
      RUNS,
    );
  });

  test('lines of a good file that are changed, left out and swapped give what check takes', () => {
    const good = readFileSync(join(FOLDER, 'two-mirths.cfg'), 'utf8').split('\n');
    const change = fc.record({ at: fc.nat(good.length - 1), by: fc.oneof(word, line), whole: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const lines = [...good];
        for (const { at, by, whole } of changes) lines[at] = whole ? by : `${lines[at]} ${by}`;
        const { problems } = imported(lines.join('\n'));
        expect(problems).toEqual([]);
      }),
      RUNS,
    );
  });
});
