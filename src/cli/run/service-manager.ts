// What systemd is told of the process that it started (sd_notify(3), Type=notify): ready, reloading, stopping, who the main process
// is, and that the event loop still turns. Promises to do nothing where nobody asked for it, and never to end the process.
import { createRequire } from 'node:module';
import { causeCode } from '../../errors.ts';
import type { Log } from '../../observe/log/log.ts';
import { clearInterval, setInterval } from '../../platform/time.ts';

/** What of koffi is used. It is loaded where systemd asks, and may not be installed. */
interface ForeignFunctions {
  load(library: string): { func(definition: string): (...values: unknown[]) => number };
}

/** A datagram to the socket that systemd named. Node.js has none of this family. */
type Send = (text: string) => void;

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;

type Environment = Record<string, string | undefined>;

export class ServiceManager {
  readonly #send: Send | undefined;
  readonly #variables: Environment = {};
  readonly #watchdogMs: number | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;

  /** Takes its variables out of the environment: processes that this one starts are not to speak for it. */
  constructor(env: Environment, log: Log) {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = env;
    this.#variables = { NOTIFY_SOCKET, WATCHDOG_USEC };
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
    if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === '') return;
    const watchdogMs = Number(WATCHDOG_USEC) / 1000;
    const isMeant = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
    if (watchdogMs > 0 && isMeant) this.#watchdogMs = watchdogMs;
    try {
      this.#send = openSocket(NOTIFY_SOCKET);
    } catch (thrown) {
      log.error(
        { code: causeCode(thrown) },
        'systemd cannot be told how the service is: is the package koffi installed?',
      );
    }
  }

  /** With these, another process can take the place of this one. */
  get variables(): Environment {
    return this.#variables;
  }

  ready(status: string): void {
    this.#send?.(`READY=1\nSTATUS=${status}`);
    if (this.#send === undefined || this.#watchdogMs === undefined || this.#watchdog !== undefined) return;
    // Half of its limit, as sd_watchdog_enabled(3) has it: one that comes late is no end.
    this.#watchdog = setInterval(() => this.#send?.('WATCHDOG=1'), this.#watchdogMs / 2);
    this.#watchdog.unref();
  }

  reloading(): void {
    this.#send?.(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** The watchdog goes on: a drain that hangs is ended too. */
  stopping(status: string): void {
    this.#send?.(`STOPPING=1\nSTATUS=${status}`);
  }

  /** From here on systemd takes what that process says, and nothing of this one. */
  handOver(pid: number): void {
    this.#send?.(`MAINPID=${pid}`);
    clearInterval(this.#watchdog);
  }
}

/** @throws Error where the socket cannot be had */
function openSocket(path: string): Send {
  const koffi = createRequire(import.meta.filename)('koffi') as ForeignFunctions;
  const libc = koffi.load('libc.so.6');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const sendTo = libc.func(
    'long sendto(int fd, const uint8_t *data, size_t size, int flags, const uint8_t *address, uint32_t length)',
  );
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw new Error('no socket');
  // sockaddr_un (unix(7)): the family in the machine's order, then the path; `@` stands for the zero of an abstract one.
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer);
  const name = path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`;
  const address = Buffer.concat([family, Buffer.from(name)]);
  return (text) => {
    const data = Buffer.from(text);
    // Without waiting: a systemd that does not read is no reason for messages to wait.
    sendTo(fd, data, data.length, MSG_DONTWAIT_NOSIGNAL, address, address.length);
  };
}
