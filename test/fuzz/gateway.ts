// The gateway that is fuzzed: a process of its own, as a user starts it, so that its descriptors and its end are seen from outside.
// Promises: whatever it says that it should not (an internal error, a fatal line, anything on stderr) is found once.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type GatewayChild, startGateway, within } from '../campaign/peers/child.ts';
import { openConnections, socketInodes } from '../helpers/open-sockets.ts';
import { LogTail } from './wire/log-tail.ts';

const START_MS = 120_000;
const POLL_MS = 20;

export class FuzzedGateway implements AsyncDisposable {
  readonly #child: GatewayChild;
  readonly #log: LogTail;
  readonly #ports = new Map<string, number>();
  readonly #findings: string[] = [];
  /** Error codes that its log had, and how often: what the inputs have reached. */
  readonly codes = new Map<string, number>();
  #stderrSeen = 0;

  private constructor(child: GatewayChild) {
    this.#child = child;
    this.#log = new LogTail(child.log);
  }

  static async start(
    root: string,
    folder: string,
    config: { readonly listeners: object },
  ): Promise<FuzzedGateway> {
    const file = join(folder, 'gateway.yaml');
    writeFileSync(file, JSON.stringify(config));
    const gateway = new FuzzedGateway(await startGateway(root, file, join(folder, 'gateway')));
    const deadline = performance.now() + START_MS;
    const names = Object.keys(config.listeners);
    while (names.some((name) => !gateway.#ports.has(name))) {
      if (gateway.gone || performance.now() > deadline)
        throw new Error(`the gateway does not listen: ${gateway.stderr}`);
      await pause(POLL_MS);
      gateway.#readLog();
    }
    // Warnings of the config are on stderr too.
    gateway.#stderrSeen = gateway.stderr.length;
    return gateway;
  }

  get gone(): boolean {
    return this.#child.gone;
  }

  /** Resolves when the process has ended, by itself or not. */
  get exited(): GatewayChild['exited'] {
    return this.#child.exited;
  }

  get stderr(): string {
    return readFileSync(this.#child.stderr, 'utf8');
  }

  port(listener: string): number {
    const port = this.#ports.get(listener);
    if (port === undefined) throw new Error(`no listener ${listener}`);
    return port;
  }

  /** Of those that are sockets; Linux only. */
  get sockets(): number {
    return socketInodes(this.#child.pid).length;
  }

  /** What they are. `inputs`: which input a client's port was last used by. */
  describeSockets(inputs: ReadonlyMap<number, number>): string {
    const names = new Map([...this.#ports].map(([name, port]) => [port, name]));
    return openConnections(this.#child.pid)
      .map(({ localPort, remotePort, state, queues }) => {
        const ends = names.has(localPort)
          ? `${names.get(localPort)} of input ${inputs.get(remotePort) ?? 'unknown'}`
          : `from port ${localPort} to ${remotePort}`;
        return `${ends}: ${state}, queues ${queues.join(' and ')}`;
      })
      .toSorted()
      .join('; ');
  }

  async memory(): Promise<number> {
    const reply = this.#child.reply('the gateway’s memory');
    this.#child.send('memory');
    return ((await reply) as NodeJS.MemoryUsage).rss;
  }

  /** What it has said since this was last asked that no input may bring about. */
  takeFindings(): string[] {
    this.#readLog();
    const { stderr } = this;
    const said = stderr.slice(this.#stderrSeen).trim();
    this.#stderrSeen = stderr.length;
    if (said !== '') this.#findings.push(`on stderr: ${said}`);
    return this.#findings.splice(0);
  }

  /** SIGTERM. Undefined: it did not end. */
  async stop(limitMs: number): Promise<number | string | null | undefined> {
    this.#child.signal('SIGTERM');
    const exit = await within(this.#child.exited, limitMs, 'the gateway’s end').catch(() => undefined);
    return exit === undefined ? undefined : (exit.code ?? exit.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  #readLog(): void {
    for (const line of this.#log.lines()) {
      const { level, msg, listener, address, code } = line;
      if (msg === 'listening' && typeof listener === 'string')
        this.#ports.set(listener, Number(String(address).split(':').at(-1)));
      if (typeof code === 'string') this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
      if (level === 'error' || level === 'fatal' || code === 'GW_ERR_INTERNAL')
        this.#findings.push(`in its log: ${JSON.stringify(line)}`);
    }
  }
}
