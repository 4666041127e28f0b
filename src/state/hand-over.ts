// Hands the state of a running gateway to the process that takes its place: the old one answers on a Unix socket that only its own
// user can reach, the new one asks before it listens. Promises a limit on each wait; without an answer the new one starts all the same.
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearTimeout, setTimeout } from '../platform/time.ts';

/** A million senders are 80 MB, and are read from a socket in less than a second. */
const ANSWER_MS = 5_000;
const MAX_ANSWER_CHARACTERS = 512 * 1024 * 1024;
/** One process takes over at a time; another few are somebody's look. */
const MAX_CONNECTIONS = 4;

/** What stands between the two files' texts; neither has a line like it. */
const SEPARATOR = '\f\n';

export interface HandedOver {
  readonly decisions: string;
  readonly senders: string;
}

/**
 * The folder of the sockets. `RUNTIME_DIRECTORY` is systemd's; two units that hand over to each other must name the same one.
 *
 * @throws Error where it cannot be made, or is not this user's alone
 */
function handOverFolder(env: NodeJS.ProcessEnv = process.env): string {
  const uid = process.getuid?.() ?? 0;
  const folder =
    env.RUNTIME_DIRECTORY?.split(':')[0] ?? join(env.XDG_RUNTIME_DIR ?? tmpdir(), `hl7-gateway-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = lstatSync(folder);
  // In /tmp anybody may have made it before.
  if (!stats.isDirectory() || stats.uid !== uid || (stats.mode & 0o022) !== 0)
    throw new Error(`${folder} is not a folder that this user alone writes to`);
  return folder;
}

function socketOf(folder: string, pid: number): string {
  return join(folder, `${pid}.sock`);
}

/** Answers whoever asks, until it is closed. `onError`: it cannot; a hot restart loses what is not in the state file. */
export function offerState(
  state: () => { readonly decisions: string; readonly senders: AsyncIterable<string> },
  onError: (error: Error) => void,
): { close(): void } {
  let server: Server | undefined;
  let path: string | undefined;
  try {
    const folder = handOverFolder();
    removeStale(folder);
    path = socketOf(folder, process.pid);
    rmSync(path, { force: true });
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.setTimeout(ANSWER_MS, () => socket.destroy());
      const write = async (): Promise<void> => {
        const { decisions, senders } = state();
        socket.write(decisions + SEPARATOR);
        for await (const piece of senders) {
          if (socket.destroyed) return;
          if (!socket.write(piece)) await drained(socket);
        }
        socket.end();
      };
      write().catch(() => socket.destroy());
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('error', onError);
    server.listen(path);
    server.unref();
  } catch (thrown) {
    onError(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
  return {
    close: () => {
      server?.close();
      if (path !== undefined) rmSync(path, { force: true });
    },
  };
}

/** @throws Error with why there is none */
export async function fetchState(pid: number): Promise<HandedOver> {
  const path = socketOf(handOverFolder(), pid);
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(path);
    let received = '';
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      received += part;
      if (received.length > MAX_ANSWER_CHARACTERS) socket.destroy(new Error('it answers without an end'));
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(received));
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Error('it closed the connection'));
    });
  });
  const at = text.indexOf(SEPARATOR);
  if (at < 0) throw new Error('its answer is cut off');
  return { decisions: text.slice(0, at), senders: text.slice(at + SEPARATOR.length) };
}

/** Of processes that were killed. */
function removeStale(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(/^(\d+)\.sock$/.exec(name)?.[1]);
    if (!Number.isInteger(pid)) continue;
    try {
      process.kill(pid, 0);
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')
        rmSync(join(folder, name), { force: true });
    }
  }
}

/** Resolves when it takes more, or never will. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
