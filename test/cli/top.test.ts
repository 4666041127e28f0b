// `top`: the overview by the stream of a running gateway, on a terminal of any size, and what it does when the gateway is away.
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { OverviewStream } from '../../src/admin/overview-stream.ts';
import { fullScreen, type Screen } from '../../src/cli/admin/full-screen.ts';
import { top } from '../../src/cli/admin/top.ts';
import { topLines } from '../../src/cli/admin/top-frame.ts';
import { paintOn } from '../../src/cli/colors.ts';
import { openAdmin, TOKEN } from '../admin/admin-room.ts';
import { FakeControl } from '../admin/fake-control.ts';
import { folderWith } from '../config/config-folder.ts';
import { until } from '../helpers/until.ts';
import { printed } from './admin-command.ts';
import { runInProcess } from './in-process.ts';

const SGR = /\x1b\[\d+m/g;
const { overview, nodes } = JSON.parse(JSON.stringify(new FakeControl().pulse())) as {
  overview: Record<string, unknown>;
  nodes: unknown;
};
const STATE = {
  overview: { ...overview, at: '2026-03-01T12:00:00.000Z' },
  nodes,
  history: [0, 5, 10, 80],
  trouble: undefined,
};

test('what it shows', () => {
  expect(topLines(STATE, { columns: 100, rows: undefined })).toMatchInlineSnapshot(`
    [
      "hl7-gateway 0.1.0, up 4h 0m, degraded",
      "0/s messages, 0/s failed, holds 3.0 of 256.0 MiB",
      "▁▁▂█ messages in the last 1 min",
      "",
      "node adt/b is down: the check failed: ECONNREFUSED",
      "certificate CN=vip of listeners.adt.tls has expired",
      "",
      "POOL  NODES      RATE    IN FLIGHT  QUEUED",
      "adt   2 of 3 up  41.3/s  3          5",
      "lab   2 of 2 up  0/s     0          0",
      "",
      "NODE       STATE     SINCE   REASON",
      "adt/b      down      1m 40s  the check failed: ECONNREFUSED",
      "lab/a      draining  4h 0m   wanted from 127.0.0.1",
      "adt/a      up        4h 0m",
      "adt/spare  up        4h 0m",
      "lab/x1     up        4h 0m",
      "",
      "LISTENER  ADDRESS       CONNECTIONS",
      "adt       0.0.0.0:2575  12",
      "web       [::]:8080     0",
    ]
  `);
});

test.each([10, 20, 44, 80, 200])('%i columns and few rows: nothing is wider or longer', (columns) => {
  for (const paint of [undefined, paintOn({ isTTY: true }, {})])
    for (const rows of [1, 5, 24]) {
      const lines = topLines({ ...STATE, trouble: 'away' }, { columns, rows }, paint);
      expect(lines.length).toBeLessThanOrEqual(rows);
      const wide = lines.map((line) => line.replace(SGR, '')).filter((line) => line.length > columns);
      expect(wide).toEqual([]);
    }
});

test('an answer of something else is shown as far as it is understood', () => {
  for (const odd of [undefined, null, 7, 'x', [], { at: 7, pools: [null, {}], problems: 'x', last: {} }])
    expect(() => topLines({ ...STATE, overview: odd, nodes: odd }, { columns: 80, rows: 24 })).not.toThrow();
});

class FakeScreen implements Screen {
  readonly columns = 80;
  readonly rows = 40;
  readonly pictures: string[] = [];
  readonly #quit = new AbortController();
  readonly ended = this.#quit.signal;
  isClosed = false;
  draw(lines: readonly string[]): void {
    this.pictures.push(lines.join('\n'));
  }
  onResize(): void {}
  close(): void {
    this.isClosed = true;
  }
  quit(): void {
    this.#quit.abort();
  }
}

async function gateway() {
  const room = await openAdmin();
  const stream = new OverviewStream(() => room.control);
  room.control.events = () => stream.open();
  const token = `${folderWith({ token: TOKEN })}/token`;
  return { room, options: { admin: room.url, tokenFile: token, timeoutMs: 5_000, json: false } };
}

test('it draws what changes until it is ended, and a gateway that goes away does not end it', async () => {
  const { room, options } = await gateway();
  const screen = new FakeScreen();
  const done = printed((terminal) => top({ ...options, once: false }, terminal, () => screen));
  await until(() => screen.pictures.some((one) => one.includes('adt/b')));
  room.control.drain('adt', 'a', 'me');
  await until(() => screen.pictures.at(-1)?.includes('draining'));
  await room.server.stop();
  await until(() => /the gateway has ended|did not answer/.test(screen.pictures.at(-1) ?? ''));
  screen.quit();
  expect(await done).toEqual({ code: 0, out: [], err: [] });
  expect(screen.isClosed).toBe(true);
});

test('--once prints one picture, with --json what came; a wrong token and no gateway are one line', async () => {
  const { room, options } = await gateway();
  const args = ['top', '--once', '--admin', room.url, '--token-file', options.tokenFile];
  const once = await runInProcess(args);
  expect([once.code, once.err]).toEqual([0, []]);
  expect(once.out.join('\n')).toMatch(
    /^hl7-gateway [\d.]+, up .*\n(?:.*\n)*NODE +STATE +SINCE +REASON\nadt\/b +down/,
  );
  const { code, out } = await runInProcess([...args, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out.join(''))).toMatchObject({
    overview: { condition: 'degraded' },
    nodes: [{}, {}, {}, {}, {}],
  });
  const wrong = await runInProcess(['top', '--once', '--admin', room.url]);
  expect(wrong).toMatchObject({ code: 1, out: [], err: [expect.stringContaining('GW_ERR_ADMIN_TOKEN')] });
});

test('the terminal is as it was when it ends, by q and by Ctrl-C', () => {
  for (const key of ['q', '\x03']) {
    const written: string[] = [];
    const raw: boolean[] = [];
    const output = Object.assign(new EventEmitter(), {
      isTTY: true,
      columns: 80,
      rows: 24,
      write: (text: string) => written.push(text),
    }) as unknown as NodeJS.WriteStream;
    const input = Object.assign(new EventEmitter(), {
      isTTY: true,
      setRawMode: (on: boolean) => raw.push(on),
      pause: () => {},
    }) as unknown as NodeJS.ReadStream;
    const screen = fullScreen(output, input, new AbortController().signal);
    screen.draw(['one', 'two']);
    expect(screen.ended.aborted).toBe(false);
    input.emit('data', Buffer.from('x'));
    expect(screen.ended.aborted).toBe(false);
    input.emit('data', Buffer.from(key));
    expect(screen.ended.aborted).toBe(true);
    screen.close();
    expect(written.join('')).toBe(
      '\x1b[?1049h\x1b[?25l\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J\x1b[?25h\x1b[?1049l',
    );
    expect(raw).toEqual([true, false]);
  }
});
