// The status command: its table, its JSON, and how it goes on when it watches.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type StatusOptions, status } from '../../src/cli/admin/status.ts';
import { statusLines } from '../../src/cli/admin/status-table.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { GatewayError } from '../../src/errors.ts';
import { type AdminRoom, openAdmin, TOKEN } from '../admin/admin-room.ts';
import { FakeControl } from '../admin/fake-control.ts';
import { folderWith } from '../config/config-folder.ts';
import { until } from '../helpers/until.ts';
import { NOWHERE, Printed, printed } from './admin-command.ts';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const ONCE = { until: new AbortController().signal, clear: false };

function overWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe('the table', () => {
  test('a member of a cluster says whether it is fit, and which VIPs it has since when', () => {
    const cluster = {
      name: 'hospital-a',
      member: 'gw1',
      fit: false,
      reason: 'no node is available here, and gw2 is ready',
      configDigest: '0123456789abcdef',
      vips: [
        { address: '10.0.0.5', held: true, since: '2026-03-01T11:00:00.000Z' },
        { address: 'fd00::5', held: false, since: '2026-03-01T11:59:00.000Z' },
      ],
    };
    const lines = statusLines(overWire({ ...new FakeControl().status(), cluster }), NOW);
    expect(lines.slice(2, 4)).toEqual([
      'member gw1 of hospital-a, NOT FIT: no node is available here, and gw2 is ready, config digest 0123456789abcdef',
      'VIPs: 10.0.0.5 here for 1h 0m, fd00::5 not here for 1m 0s',
    ]);
  });

  test('has listeners, pools with their nodes, and certificates that end soon', () => {
    expect(statusLines(overWire(new FakeControl().status()), NOW)).toEqual([
      'hl7-gateway 0.1.0, pid 4711, up 4h 0m, holds 3.0 of 256.0 MiB of messages',
      'config /etc/hl7-gateway/gateway.yaml, loaded 2h 30m ago',
      '',
      'LISTENER  PROTOCOL       ADDRESS       CONNECTIONS',
      'adt       mllp over TLS  0.0.0.0:2575  12',
      'web       http           [::]:8080     0',
      '',
      'POOL  NODE   STATE        SINCE   WEIGHT    IN FLIGHT  QUEUED  RATE    P50     P99      ANSWERS  ERRORS                         LAST CHECK                           REASON',
      'adt   *      2 of 3 up                      3          5       41.3/s                   12347',
      'adt   a      up           4h 0m   1         3                  41.3/s  3.2 ms  41.7 ms  12347    AE 2                           passed 2s ago, 1.8 ms',
      'adt   b      down         1m 40s  0.2 of 2  0                  0/s     -       -        0        NODE_CONNECT 7, ACK_TIMEOUT 1  failed 1s ago, 0.4 ms: ECONNREFUSED  the check failed: ECONNREFUSED',
      'adt   spare  up (backup)  4h 0m   1         0                  0/s     -       -        0        -                              -',
      'lab   *      2 of 2 up                      0          0       0/s                      0',
      'lab   a      draining     4h 0m   1         0                  0/s     -       -        0        -                              -                                    wanted from 127.0.0.1',
      'lab   x1     up           4h 0m   1         0                  0/s     -       -        0        -                              -',
      '',
      'CERTIFICATE  ENDS              OF                 FILE',
      'CN=vip       in 12 days        listeners.adt.tls  /etc/hl7-gateway/vip.crt.pem',
      'CN=vip       ended 3 days ago  listeners.adt.tls  /etc/hl7-gateway/old.crt.pem',
    ]);
  });

  test.each([
    ['draining', { draining: true }, 'DRAINING: it takes no new connections'],
    [
      'reloadError',
      { reloadError: 'the config has errors: x' },
      'LAST RELOAD FAILED: the config has errors: x',
    ],
    ['no file', { configFile: undefined }, 'config loaded 2h 30m ago'],
  ])('says it when there is %s', (_, change, line) => {
    expect(statusLines(overWire({ ...new FakeControl().status(), ...change }), NOW)).toContain(line);
  });

  test.each([
    [0, '0s'],
    [-2000, '0s'],
    [59_999, '59s'],
    [60_000, '1m 0s'],
    [3_599_000, '59m 59s'],
    [3_600_000, '1h 0m'],
    [86_399_000, '23h 59m'],
    [86_400_000, '1d 0h'],
    [400 * 86_400_000, '400d 0h'],
  ])('%i ms are %s', (ms, text) => {
    const startedAt = new Date(NOW - ms).toISOString();
    expect(statusLines({ startedAt, pools: [] }, NOW)[0]).toContain(`, up ${text}, `);
  });

  test.each([
    [0, '0/s'],
    [0.034_56, '0.0346/s'],
    [9.999, '10/s'],
    [41.26, '41.3/s'],
    [1234.5, '1235/s'],
  ])('%d a second are %s', (answersPerSecond, text) => {
    const pools = [{ pool: 'p', nodes: [{ node: 'a', answersPerSecond }] }];
    expect(statusLines({ pools }, NOW).at(-1)).toContain(` ${text} `);
  });

  test('a certificate of today, of tomorrow, and of a month and a day', () => {
    const lines = (days: number) => statusLines({ certificates: [{ subject: 'CN=x', days }] }, NOW).slice(3);
    expect([lines(0)[1], lines(1)[1], lines(-1)[1]]).toEqual([
      expect.stringContaining('in less than a day'),
      expect.stringMatching(/ in 1 day$/),
      expect.stringContaining('ended 1 day ago'),
    ]);
    expect(lines(30)).toHaveLength(2);
    expect(lines(31)).toEqual([]);
  });

  test('answers that say no are errors, those without a code are not', () => {
    const answers = { AA: 4, CA: 2, AE: 3, CR: 1, none: 5, other: 6 };
    const [line = ''] = statusLines({ pools: [{ pool: 'p', nodes: [{ node: 'a', answers }] }] }, NOW).slice(
      -1,
    );
    expect(line).toContain('AE 3, CR 1');
    expect(line).not.toMatch(/other|none|[AC]A \d/);
  });

  test('a node that is not well besides being drained says so', () => {
    const pools = [{ nodes: [{ state: 'draining', health: 'down' }] }];
    expect(statusLines({ pools }, NOW).at(-1)).toContain('draining (not well)');
  });

  test.each([
    [null],
    [[]],
    [{}],
    [{ pools: 7, listeners: null, certificates: 'x' }],
    [{ pools: [null, 3, {}], listeners: [[]], certificates: [{}] }],
    [{ pools: [{ pool: 1, nodes: [{ answers: { AA: 'x' }, failures: [], lastCheck: 'x', since: 'y' }] }] }],
  ])('shows what it can of %j', (value) => {
    const lines = statusLines(value, NOW);
    expect(lines[0]).toMatch(/^hl7-gateway/);
    expect(lines.join('\n')).not.toMatch(/undefined|NaN|null|object/);
  });

  test('nothing that it is told moves the cursor', () => {
    const evil = '\x1b[2Jx\r\n\u202e';
    const value = {
      version: evil,
      configFile: evil,
      reloadError: evil,
      listeners: [{ listener: evil, protocol: evil, address: evil }],
      pools: [
        {
          pool: evil,
          nodes: [
            {
              node: evil,
              state: evil,
              reason: evil,
              answers: { [evil]: 1 },
              lastCheck: { result: evil, reason: evil },
            },
          ],
        },
      ],
      certificates: [{ subject: evil, where: evil, file: evil, days: 1 }],
    };
    const text = statusLines(value, NOW).join('');
    expect(text).not.toMatch(/[\x00-\x1f\u202e]/);
    expect(text.match(/\\u\{1b\}/g)?.length).toBeGreaterThan(11);
  });
});

function optionsFor(room: AdminRoom, more: Partial<StatusOptions> = {}): StatusOptions {
  const folder = folderWith({ 'a.token': `${TOKEN}\n` });
  return {
    ...NOWHERE,
    admin: room.url,
    tokenFile: `${folder}/a.token`,
    watchMs: undefined,
    json: false,
    ...more,
  };
}

test('it is printed in one piece, and exit code 0', async () => {
  const room = await openAdmin();
  const { code, out, err } = await printed((terminal) => status(optionsFor(room), terminal, ONCE));
  expect({ code, err, pieces: out.length }).toEqual({ code: 0, err: [], pieces: 1 });
  expect(out[0]).toMatch(/^hl7-gateway 0\.1\.0, pid 4711, up \d+d \d+h, .*\nLISTENER .*\nadt {3}b {6}down/s);
});

test('--json prints what the API says, on one line', async () => {
  const room = await openAdmin();
  const { code, out } = await printed((terminal) => status(optionsFor(room, { json: true }), terminal, ONCE));
  expect({ code, values: out.map((line) => JSON.parse(line)) }).toEqual({
    code: 0,
    values: [overWire(room.control.status())],
  });
});

describe('--watch', () => {
  interface Watched {
    readonly printed: Printed;
    readonly result: Promise<number>;
    end(): void;
  }

  function watch(options: StatusOptions, clear = false): Watched {
    const ending = new AbortController();
    const lines = new Printed();
    const result = status({ ...options, watchMs: 5 }, lines, { until: ending.signal, clear });
    onTestFinished(() => ending.abort());
    return { printed: lines, result, end: () => ending.abort() };
  }

  test('prints it again and again, until it is told to end', async () => {
    const room = await openAdmin();
    const { printed: lines, result, end } = watch(optionsFor(room));
    await until(() => lines.lines.out.length > 4);
    room.control.reloadError = 'now it failed';
    await until(() => lines.lines.out.at(-1)?.includes('LAST RELOAD FAILED: now it failed'));
    end();
    expect(await result).toBe(0);
    // One empty line between two.
    expect(lines.lines.out.slice(0, 4).map((piece) => piece.split('\n').length > 3)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  test('on a screen each takes the place of the last', async () => {
    const room = await openAdmin();
    const { printed: lines, result, end } = watch(optionsFor(room), true);
    await until(() => lines.lines.out.length > 1);
    end();
    await result;
    for (const piece of lines.lines.out)
      expect(piece.startsWith('\x1b[H\x1b[2J\x1b[3Jhl7-gateway ')).toBe(true);
  });

  test('--json stays lines of JSON on a screen, too', async () => {
    const room = await openAdmin();
    const { printed: lines, result, end } = watch(optionsFor(room, { json: true }), true);
    await until(() => lines.lines.out.length > 1);
    end();
    await result;
    for (const line of lines.lines.out) expect(JSON.parse(line)).toHaveProperty('pid', 4711);
  });

  test.each([false, true])('goes on when the gateway is away for a while, with --json: %s', async (json) => {
    const room = await openAdmin();
    const { printed: lines, result, end } = watch(optionsFor(room, { json }));
    await until(() => lines.lines.out.length > 0);
    await room.server.stop();
    const failures = () => lines.lines.out.filter((line) => line.includes('GW_ERR_ADMIN_CONNECT')).length;
    await until(() => failures() > 1);
    const last = lines.lines.out.findLast((line) => line !== '') ?? '';
    if (json) expect(JSON.parse(last)).toMatchObject({ error: { code: 'GW_ERR_ADMIN_CONNECT' } });
    else
      expect(last).toMatch(
        /^the admin API did not answer: http:\/\/127\.0\.0\.1:\d+: .*\[GW_ERR_ADMIN_CONNECT\]$/,
      );
    end();
    expect(await result).toBe(0);
  });

  test('ends when the gateway says no', async () => {
    const room = await openAdmin();
    const { printed: lines, result } = watch(optionsFor(room));
    await until(() => lines.lines.out.length > 0);
    const refused = expect(result).rejects.toMatchObject({ code: 'GW_ERR_ADMIN_CONFLICT' });
    room.control.trouble = new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'x' });
    await refused;
  });

  test('ends where nothing listened in the first place, and where the token is wrong', async () => {
    const room = await openAdmin();
    const wrong = folderWith({ token: 'not-the-token-of-it\n' });
    const refused = watch({ ...optionsFor(room), tokenFile: `${wrong}/token` });
    await expect(refused.result).rejects.toMatchObject({ code: 'GW_ERR_ADMIN_TOKEN' });
    const options = optionsFor(room);
    await room.server.stop();
    await expect(watch(options).result).rejects.toMatchObject({ code: 'GW_ERR_ADMIN_CONNECT' });
  });
});

describe('what is no gateway', () => {
  async function answering(serve: http.RequestListener): Promise<string> {
    const server = http.createServer(serve).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const look =
    (admin: string, timeoutMs = 5_000) =>
    (terminal: Terminal) =>
      status({ ...NOWHERE, admin, timeoutMs, watchMs: undefined, json: false }, terminal, ONCE);

  test.each<[what: string, serve: http.RequestListener, why: string]>([
    ['a page', (_, to) => to.end('<html>'), "HTTP 200 without JSON; is that a gateway's admin API?"],
    [
      'a page that is not there',
      (_, to) => to.writeHead(404).end('no'),
      "HTTP 404 without a reason; is that a gateway's admin API?",
    ],
    [
      'another API',
      (_, to) => to.end('{"status":"ok"}'),
      "what it answers is not a gateway's; is that one of another version, or none?",
    ],
    [
      'another API that says no',
      (_, to) => to.writeHead(403).end('{"error":"x"}'),
      "HTTP 403 without a reason; is that a gateway's admin API?",
    ],
    [
      'a redirect',
      (_, to) => to.writeHead(302, { location: '/x' }).end(),
      "HTTP 302 without a reason; is that a gateway's admin API?",
    ],
    [
      'a close',
      ({ socket }) => socket.destroy(),
      'it closed the connection without an answer; does it speak TLS, and so want https://?',
    ],
    ['no HTTP', ({ socket }) => socket.end('MSH|^~\\&|\r\n\r\n'), 'what it answers is no HTTP'],
    ['a flood', (_, to) => flood(to), 'its answer is larger than any status'],
  ])('%s', async (_, serve, why) => {
    const url = await answering(serve);
    const { code, out, err } = await printed(look(url));
    expect({ code, out, err }).toEqual({
      code: 'GW_ERR_ADMIN_CONNECT',
      out: [],
      err: [`the admin API did not answer: ${url}: ${why}`],
    });
  });

  function flood(to: http.ServerResponse): void {
    const piece = Buffer.alloc(2 ** 20, 0x20);
    const write = (): void => {
      while (!to.destroyed && to.write(piece));
      if (!to.destroyed) to.once('drain', write);
    };
    write();
  }

  test('silence, and an answer that drips, end with the time that there is', async () => {
    const silent = await answering(() => {});
    const dripping = await answering((_, to) => {
      const drip = setInterval(() => to.write(' '), 20);
      to.once('close', () => clearInterval(drip));
    });
    for (const url of [silent, dripping]) {
      const { err } = await printed(look(url, 150));
      expect(err).toEqual([`the admin API did not answer: ${url}: no answer within 150 ms`]);
    }
  });

  test('its answer goes to the terminal as text, whatever is in it', async () => {
    const error = {
      code: 'GW_ERR_ADMIN_CONFLICT',
      message: 'the admin API cannot do that as things are: \x1b[2J',
    };
    const url = await answering((_, to) => to.writeHead(409).end(JSON.stringify({ error })));
    const { err } = await printed(look(url));
    expect(err).toEqual(['the admin API cannot do that as things are: \\u{1b}[2J']);
  });
});
