// What a gateway tells the service manager that started it, as systemd would read it: datagrams with the sender's process id.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { COMMAND } from '../helpers/product-command.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

interface Datagram {
  readonly pid?: number;
  readonly text: string;
}

const why = ((): string | undefined => {
  if (spawnSync('python3', ['--version']).status !== 0) return 'no python3';
  try {
    createRequire(import.meta.filename).resolve('koffi');
    return undefined;
  } catch {
    return 'no koffi';
  }
})();
const skipped = why === undefined ? '' : ` (skipped: ${why})`;

async function receive(name: string): Promise<Datagram[]> {
  const receiver = spawn('python3', [join(import.meta.dirname, 'datagrams.py'), name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void receiver.kill('SIGKILL'));
  const all: Datagram[] = [];
  createInterface({ input: receiver.stdout }).on('line', (line) => all.push(JSON.parse(line) as Datagram));
  await until(() => all.length > 0, { deadlineMs: 20_000, what: 'the socket' });
  return all;
}

interface Started {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly lines: Record<string, unknown>[];
  readonly exited: Promise<number | null>;
}

/** Of a group of its own, with which what it starts is ended too. */
function start(config: object, folder: string, env: NodeJS.ProcessEnv): Started {
  writeFileSync(join(folder, 'gateway.yaml'), JSON.stringify(config));
  const child = spawn(process.execPath, [COMMAND, 'run', '-c', join(folder, 'gateway.yaml')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    env: { ...process.env, XDG_RUNTIME_DIR: folder, ...env },
  });
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  onTestFinished(() => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // All are gone.
    }
  });
  return { folder, child, lines, exited };
}

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'notify-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const configTo = (url: string, port = 0) => ({
  listeners: { in: { bind: `127.0.0.1:${port}` } },
  pools: { pool: { nodes: { a: { url } } } },
  routes: [{ to: 'pool' }],
  hotRestart: true,
  telemetry: { log: { format: 'json' } },
});

const startedIn = (lines: readonly Record<string, unknown>[]) => lines.filter(({ msg }) => msg === 'started');

function portOf(lines: readonly Record<string, unknown>[]): number {
  const line = startedIn(lines)[0] as { listeners: string[] };
  return Number(/:(\d+)$/.exec(line.listeners.join())?.[1]);
}

test.skipIf(why !== undefined).each(['path', 'abstract'])(
  `ready when it listens, reloading, stopping, and a watchdog: by a socket with a name of kind %s${skipped}`,
  async (kind) => {
    const folder = tempFolder();
    const name = kind === 'path' ? join(folder, 'notify') : `@hl7-gateway-test-${process.pid}`;
    const all = await receive(name);
    await using node = await startFaultyNode();
    const { child, lines, exited } = start(configTo(node.url), folder, {
      NOTIFY_SOCKET: name,
      WATCHDOG_USEC: '200000',
    });
    const texts = (): string[] => all.slice(1).map(({ text }) => text);
    await until(() => texts().some((text) => text.startsWith('READY=1\nSTATUS=')), { deadlineMs: 60_000 });
    // It said before that it listens; the pipe may be read later.
    await until(() => lines.some(({ msg }) => msg === 'listening'), { deadlineMs: 20_000 });
    await until(() => texts().filter((text) => text === 'WATCHDOG=1').length >= 3, { deadlineMs: 20_000 });
    process.kill(child.pid ?? 0, 'SIGHUP');
    await until(() => texts().filter((text) => text.startsWith('READY=1')).length === 2, {
      deadlineMs: 20_000,
    });
    const reloads = texts().filter((text) => !text.startsWith('WATCHDOG'));
    expect(reloads[1]).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    await until(() => texts().some((text) => text.startsWith('STOPPING=1\nSTATUS=')), { deadlineMs: 20_000 });
    expect(new Set(all.slice(1).map(({ pid }) => pid))).toEqual(new Set([child.pid]));
  },
);

test.skipIf(why !== undefined)(
  `SIGUSR1: a new process takes over, is named by the old one, and speaks for the service${skipped}`,
  async () => {
    const folder = tempFolder();
    const name = join(folder, 'notify');
    const all = await receive(name);
    await using node = await startFaultyNode();
    const { child, lines, exited } = start(configTo(node.url), folder, {
      NOTIFY_SOCKET: name,
      WATCHDOG_USEC: '200000',
      // Of the process that systemd started: the next one has another id, and is watched as well.
      WATCHDOG_PID: '',
    });
    await until(() => startedIn(lines).length === 1, { deadlineMs: 60_000, what: 'the first' });
    const port = portOf(lines);
    writeFileSync(join(folder, 'gateway.yaml'), JSON.stringify(configTo(node.url, port)));
    child.kill('SIGUSR1');
    await until(() => startedIn(lines).length === 2, { deadlineMs: 60_000, what: 'the second' });
    expect(await exited).toBe(0);
    const pid = startedIn(lines)[1]?.pid;
    expect(pid).not.toBe(child.pid);
    await until(() => all.some(({ text }) => text === `MAINPID=${pid}`), { deadlineMs: 20_000 });
    expect(all.find(({ text }) => text.startsWith('MAINPID'))?.pid).toBe(child.pid);
    const seen = all.length;
    await until(() => all.slice(seen).some((one) => one.pid === pid && one.text === 'WATCHDOG=1'), {
      deadlineMs: 20_000,
    });
    // The service does not stop: of the old one systemd hears no such thing.
    expect(all.some(({ text }) => text.startsWith('STOPPING'))).toBe(false);
    await using sender = await connectSender(port);
    expect((await sender.exchange(message(), 15_000)).toString()).toContain('MSA|AA');
  },
);

test('SIGUSR1: a new process that cannot start changes nothing', async () => {
  const folder = tempFolder();
  await using node = await startFaultyNode();
  const { child, lines, exited } = start(configTo(node.url), folder, {});
  await until(() => startedIn(lines).length === 1, { deadlineMs: 60_000 });
  const port = portOf(lines);
  writeFileSync(join(folder, 'gateway.yaml'), '{}');
  child.kill('SIGUSR1');
  await until(() => lines.some(({ msg }) => msg === 'the new process did not take over; this one goes on'), {
    deadlineMs: 60_000,
  });
  await using sender = await connectSender(port);
  expect((await sender.exchange(message(), 15_000)).toString()).toContain('MSA|AA');
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
});
