// What becomes of nginx.conf: the config as the gateway reads it, what is left and why, and that no file ends the command.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { importConfig } from '../../../src/tools/import/import-config.ts';

/** Those of a change are the same each time; more of them: HL7_GATEWAY_TEST_IMPORTS=5000 npx vitest run test/tools/import. */
const RUNS = {
  numRuns: Number(process.env.HL7_GATEWAY_TEST_IMPORTS ?? 150),
  ...(process.env.HL7_GATEWAY_TEST_IMPORTS === undefined && { seed: 21 }),
};
const FOLDER = join(import.meta.dirname, '../../../fixtures/import');

function imported(text: string, tcp = false) {
  const result = importConfig(text, 'nginx', 'nginx.conf', { mllp: [], tcp });
  const config = result.yaml === undefined ? undefined : parse(result.yaml);
  const left = result.leftOvers.map(({ line, what, reason }) => `${line}: ${what}: ${reason}`);
  return { ...result, config, left };
}

/** A server with these lines. */
function web(lines: string, before = ''): ReturnType<typeof imported> {
  return imported(`http {\n${before}\nserver { listen 80;\n${lines}\n} }`);
}

describe('two Mirths behind nginx', () => {
  const { config, left, problems } = imported(readFileSync(join(FOLDER, 'mirths.nginx.conf'), 'utf8'));

  test('what is left is what nginx answers by itself, and UDP', () => {
    expect(problems).toEqual([]);
    expect(left).toEqual([
      '42: listen: that is no TCP port of a host or an IP address',
      '43: proxy_pass: its server listens nowhere here',
      '62: return: the gateway answers 403 here: it redirects nobody, has no pages and asks for no passwords',
      '82: return: the gateway answers 403 here: it redirects nobody, has no pages and asks for no passwords',
      '84: location: it leads to no server; what comes is refused',
      '84: root: the gateway serves no files and runs no programs',
    ]);
  });

  test('listeners', () => {
    expect(config.listeners).toEqual({
      mirth_adt: { bind: '0.0.0.0:2575', limits: { idleTimeout: '1h' } },
      'mirth_adt-2': {
        bind: '0.0.0.0:2576',
        tls: {
          cert: '/etc/ssl/vip.pem',
          key: '/etc/ssl/vip.key',
          clientCa: '/etc/ssl/senders.pem',
          requireClientCert: true,
        },
        limits: { idleTimeout: '1h' },
      },
      pacs: { protocol: 'tcp', bind: '0.0.0.0:11112', proxyProtocol: true, trustedProxies: ['10.9.0.0/16'] },
      'line-59': { protocol: 'http', bind: '0.0.0.0:80', http: { keepAlive: '65s' } },
      'mirth.example': {
        protocol: 'http',
        bind: '0.0.0.0:443',
        tls: {
          cert: ['/etc/ssl/web.pem', '/etc/ssl/lab.pem'],
          key: ['/etc/ssl/web.key', '/etc/ssl/lab.key'],
        },
        http: { keepAlive: '65s' },
      },
    });
  });

  test('pools', () => {
    expect(config.pools.mirth_adt).toEqual({
      nodes: {
        '10.1.0.11': { url: 'mllp://10.1.0.11:6661', weight: 2 },
        '10.1.0.12': { url: 'mllp://10.1.0.12:6661' },
        '10.1.0.13': { url: 'mllp://10.1.0.13:6661', backup: true },
      },
      timeouts: { connect: '3s' },
      balance: 'least-in-flight',
      health: { fall: 3 },
      ejection: { base: '10s' },
    });
    expect(config.pools.mirth_web).toMatchObject({
      nodes: {
        '10.1.0.11': {
          url: 'https://10.1.0.11:8443',
          tls: { ca: '/etc/ssl/mirth-ca.pem', servername: 'mirth-connect' },
        },
      },
      balance: 'hash',
      persistence: { by: ['source'] },
      timeouts: { ack: '2m' },
    });
    expect(config.pools.pacs).toMatchObject({ proxyProtocol: 'v1', balance: 'hash' });
  });

  test('routes in the order in which nginx decides', () => {
    const of443 = 'mirth.example';
    const http = {
      request: { set: { 'X-Real-IP': '${client.address}' } },
      response: { add: { 'Strict-Transport-Security': 'max-age=31536000' } },
    };
    const routes = config.routes.map(({ name: _name, ...route }: Record<string, unknown>) => route);
    expect(routes).toEqual([
      { when: { listener: ['mirth_adt', 'mirth_adt-2'], source: { not: ['10.0.0.0/8'] } }, reject: {} },
      { when: { listener: ['mirth_adt', 'mirth_adt-2'] }, to: 'mirth_adt' },
      { when: { listener: 'pacs' }, to: 'pacs' },
      { when: { listener: of443, host: 'lab.example' }, to: '10.1.0.21-8080' },
      { when: { listener: 'line-59' }, reject: {} },
      { when: { listener: of443, path: '/health' }, reject: {} },
      { when: { listener: of443, path: '/\\.(php|cgi)$/i' }, reject: {} },
      { when: { listener: of443, path: '/^\\/files\\//' }, reject: {} },
      {
        when: { listener: of443, path: '/^\\/old\\//' },
        to: 'mirth_web',
        http: { ...http, rewrite: { path: ['^\\/old\\/', '/api/'] } },
      },
      { when: { listener: of443 }, to: 'mirth_web', http },
    ]);
  });
});

describe('single lines', () => {
  test.each<[lines: string, left: string[]]>([
    [
      'location / { proxy_pass http://$host; }',
      ['4: proxy_pass: where it leads to is known with each request only'],
    ],
    [
      'location / { auth_basic "x"; proxy_pass http://h; }',
      [
        '4: auth_basic: the gateway answers 403 here: it redirects nobody, has no pages and asks for no passwords',
        '4: proxy_pass: what comes here is refused',
      ],
    ],
    [
      'location / { proxy_pass http://h; limit_req zone=a; }',
      ['4: limit_req: nothing is counted by client; limits.maxConnectionsPerSource bounds connections'],
    ],
    [
      'location / { proxy_pass http://h; proxy_set_header X-A $cookie_a; }',
      ['4: proxy_set_header: its value is made of what the gateway cannot fill in'],
    ],
    ['location / { proxy_pass http://h; rewrite ^/a/(.*)$ /b/$1 break; }', []],
    [
      'location / { proxy_pass http://h; rewrite ^/a /b permanent; }',
      ['4: rewrite: this rewrite has no counterpart, or there is one already'],
    ],
    ['location / { proxy_pass http://h; wat 1; }', ['4: wat: this command does not know it']],
  ])('%s', (lines, left) => {
    const result = web(lines);
    expect(result.left).toEqual(left);
    expect(result.problems).toEqual([]);
  });

  test('a rewrite keeps its groups', () => {
    const { config } = web('location / { proxy_pass http://h; rewrite ^/a/(.*)$ /b/$1 break; }');
    expect(config.routes[0].http.rewrite.path).toEqual(['^/a/(.*)$', '/b/$1']);
  });

  test('what is nearest holds, and what is around it where nothing is nearer', () => {
    const { config } = web(
      'proxy_read_timeout 9s; location /a { proxy_read_timeout 7s; proxy_pass http://u; }\nlocation /b { proxy_pass http://u; }',
      'proxy_read_timeout 5s; proxy_connect_timeout 1s; upstream u { server h:1; }',
    );
    expect(config.pools).toMatchObject({
      u: { timeouts: { connect: '1s', ack: '7s' } },
      'u-2': { timeouts: { connect: '1s', ack: '9s' } },
    });
  });

  test('servers are looked at by their certificates only where nginx did so', () => {
    const { config } = web('location / { proxy_pass https://h; }');
    expect(config.pools.h.nodes.h).toEqual({ url: 'https://h:443', tls: { insecure: true } });
  });

  test('a file of conf.d, without a block around it', () => {
    const { config, problems } = imported(
      'upstream lab { server 10.0.0.1:6661; }\nserver { listen 7000; proxy_pass lab; }',
    );
    expect(config.pools.lab.nodes).toEqual({ '10.0.0.1': { url: 'mllp://10.0.0.1:6661' } });
    expect(problems).toEqual([]);
  });

  test('one port of both families is one listener', () => {
    const { config, left } = web('listen [::]:80; location / { proxy_pass http://h; }');
    expect(config.listeners).toEqual({ 'line-3': { protocol: 'http', bind: '[::]:80' } });
    expect(left).toEqual([]);
  });

  test('passwords and pages are told by nobody', () => {
    const { yaml, left } = web(
      'location / { proxy_pass http://h; }\nauth_basic_user_file topsecret1;\n"topsecret2=" x;\nset $a topsecret3;',
    );
    expect(yaml).not.toContain('topsecret');
    expect(left.join()).not.toContain('topsecret');
  });
});

describe('no file ends it', () => {
  const WORDS = readFileSync(join(FOLDER, 'mirths.nginx.conf'), 'utf8').split(/[\s;{}]+/);
  const word = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...WORDS) },
    { weight: 3, arbitrary: fc.constantFrom(';', '{', '}', ';', ';\n') },
    fc.constantFrom('"', "'", '\\', '#', '$host', '${x}', '0', '99999999999', '~', '*.a', '[::]:80'),
    fc.string({ maxLength: 10, unit: 'binary' }),
  );

  test('whatever stands in it', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 80 }), fc.boolean(), (words, tcp) => {
        const { counts, leftOvers, yaml } = imported(words.join(' '), tcp);
        expect(counts.left === 0).toBe(leftOvers.length === 0);
        if (yaml !== undefined) expect(parse(yaml)).toHaveProperty('listeners');
      }),
      RUNS,
    );
  });

  test('lines of a good file that are changed, left out and swapped give what check takes', () => {
    const good = readFileSync(join(FOLDER, 'mirths.nginx.conf'), 'utf8').split('\n');
    const change = fc.record({
      at: fc.nat(good.length - 1),
      to: fc.oneof(word, fc.constantFrom(...good)),
      whole: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const lines = [...good];
        for (const { at, to, whole } of changes) lines[at] = whole ? to : `${lines[at]} ${to};`;
        expect(imported(lines.join('\n')).problems).toEqual([]);
      }),
      RUNS,
    );
  });

  test('blocks within blocks without an end', () => {
    expect(imported('a {'.repeat(100_000)).yaml).toBeUndefined();
  });
});
