// `status` on terminals: lines that fit, nothing that is wrong left out, colours where they are wanted.
import { describe, expect, test } from 'vitest';
import { status } from '../../src/cli/admin/status.ts';
import { wrapped } from '../../src/cli/admin/status-pools.ts';
import { statusLines } from '../../src/cli/admin/status-table.ts';
import { paintOn } from '../../src/cli/colors.ts';
import { openAdmin, TOKEN } from '../admin/admin-room.ts';
import { FakeControl } from '../admin/fake-control.ts';
import { folderWith } from '../config/config-folder.ts';
import { Printed } from './admin-command.ts';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const REPORT: unknown = JSON.parse(JSON.stringify(new FakeControl().status()));
const coloured = paintOn({ isTTY: true }, {});
const SGR = /\x1b\[\d+m/g;

const wide = statusLines(REPORT, NOW);

test.each([20, 40, 60, 72, 80, 100, 120, 150])('%i columns: no line is wider', (width) => {
  for (const paint of [undefined, coloured]) {
    const lines = statusLines(REPORT, NOW, { width, paint }).map((line) => line.replace(SGR, ''));
    expect(lines.filter((line) => line.length > width)).toEqual([]);
    const text = lines.join(' ').replace(/\s+/g, ' ');
    for (const one of ['ECONNREFUSED', 'NODE_CONNECT 7', 'ACK_TIMEOUT 1', 'AE 2', 'draining'])
      if (width >= 40) expect(text).toContain(one);
  }
});

test('80 columns: by pool', () => {
  expect(statusLines(REPORT, NOW, { width: 80 }).slice(0, 26)).toMatchInlineSnapshot(`
    [
      "hl7-gateway 0.1.0, pid 4711, up 4h 0m, holds 3.0 of 256.0 MiB of messages",
      "config /etc/hl7-gateway/gateway.yaml, loaded 2h 30m ago",
      "",
      "LISTENER  PROTOCOL       ADDRESS       CONNECTIONS",
      "adt       mllp over TLS  0.0.0.0:2575  12",
      "web       http           [::]:8080     0",
      "",
      "POOL adt: 2 of 3 up, 3 in flight, 5 queued, 41.3/s, 12347 answers",
      "  NODE   STATE        SINCE   WEIGHT    IN FLIGHT  RATE    P99      ANSWERS",
      "  a      up           4h 0m   1         3          41.3/s  41.7 ms  12347",
      "    errors: AE 2",
      "  b      down         1m 40s  0.2 of 2  0          0/s     -        0",
      "    the check failed: ECONNREFUSED",
      "    errors: NODE_CONNECT 7, ACK_TIMEOUT 1",
      "    last check: failed 1s ago, 0.4 ms: ECONNREFUSED",
      "  spare  up (backup)  4h 0m   1         0          0/s     -        0",
      "",
      "POOL lab: 2 of 2 up, 0 in flight, 0 queued, 0/s, 0 answers",
      "  NODE   STATE        SINCE   WEIGHT    IN FLIGHT  RATE    P99      ANSWERS",
      "  a      draining     4h 0m   1         0          0/s     -        0",
      "    wanted from 127.0.0.1",
      "  x1     up           4h 0m   1         0          0/s     -        0",
      "",
      "CERTIFICATE  ENDS              OF                 FILE",
      "CN=vip       in 12 days        listeners.adt.tls  /etc/hl7-gateway/vip.crt.pem",
      "CN=vip       ended 3 days ago  listeners.adt.tls  /etc/hl7-gateway/old.crt.pem",
    ]
  `);
});

test('60 columns: less of each node, and all that is wrong', () => {
  const lines = statusLines(REPORT, NOW, { width: 60 });
  expect(lines).toContain('POOL lab: 2 of 2 up, 0 in flight, 0 queued, 0/s, 0 answers');
  expect(lines).toContain('    errors: NODE_CONNECT 7, ACK_TIMEOUT 1');
  expect(lines).toContain('    the check failed: ECONNREFUSED');
});

test('a terminal that has room, and none at all: the whole table', () => {
  expect(statusLines(REPORT, NOW, { width: 200 })).toEqual(wide);
  expect(statusLines(REPORT, NOW, { width: undefined })).toEqual(wide);
});

test('colours are of states only, and take no room', () => {
  for (const width of [undefined, 80]) {
    const lines = statusLines(REPORT, NOW, { width, paint: coloured });
    expect(lines.map((line) => line.replace(SGR, ''))).toEqual(statusLines(REPORT, NOW, { width }));
    const text = lines.join('\n');
    expect(text).toMatch(/\x1b\[32mup\b/);
    expect(text).toMatch(/\x1b\[31mdown\b/);
    expect(text).toMatch(/\x1b\[33mdraining\b/);
  }
});

test('the command takes the width of its terminal, unless it is to be wide', async () => {
  const room = await openAdmin();
  const tokenFile = `${folderWith({ 'a.token': TOKEN })}/a.token`;
  const options = { admin: room.url, tokenFile, timeoutMs: 10_000, watchMs: undefined, json: false };
  const once = { until: new AbortController().signal, clear: false };
  const look = async (more: object): Promise<string[]> => {
    const printed = Object.assign(new Printed(), { columns: 60 });
    expect(await status({ ...options, ...more }, printed, once)).toBe(0);
    return printed.lines.out.flatMap((text) => text.split('\n'));
  };
  expect((await look({})).filter((line) => line.length > 60)).toEqual([]);
  expect((await look({ wide: true })).join('\n')).toMatch(/^POOL +NODE +STATE .* REASON$/m);
  expect(JSON.parse((await look({ json: true })).join(''))).toHaveProperty('pools');
});

describe('colours', () => {
  test.each<[boolean, boolean, Record<string, string>]>([
    [true, true, {}],
    [false, false, {}],
    [false, true, { NO_COLOR: '1' }],
    [true, true, { NO_COLOR: '' }],
    [false, true, { TERM: 'dumb' }],
    [true, false, { FORCE_COLOR: '1' }],
    [true, true, { TERM: 'dumb', FORCE_COLOR: '1' }],
    [false, true, { FORCE_COLOR: '0' }],
    [false, true, { FORCE_COLOR: 'false' }],
    [false, true, { FORCE_COLOR: '1', NO_COLOR: '1' }],
  ])('%s: on a terminal %s, with %j', (has, isTTY, env) => {
    expect(paintOn({ isTTY }, env)('bad', 'x') !== 'x').toBe(has);
  });
});

test('wrapping keeps every word, and cuts only what has no space', () => {
  expect(wrapped('one two three', 20, 2)).toEqual(['one two three']);
  expect(wrapped('one two three', 9, 2)).toEqual(['one two', '  three']);
  expect(wrapped('abcdefghijkl', 5, 2)).toEqual(['abcde', '  fgh', '  ijk', '  l']);
});
