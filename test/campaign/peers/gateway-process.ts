// The gateway of a campaign, over all of the processes that it has been: after a hot restart the new one is what events happen
// to, and the old one has to end well. Promises: what is found wrong with a reload or a restart is kept for the checker.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Handover, Memory } from '../checks/ends.ts';
import type { Features, GatewayTarget } from '../events/kinds.ts';
import { now } from '../wire/log.ts';
import { ask } from './ask.ts';
import { type GatewayChild, type Output, startGatewayWith, within } from './child.ts';
import { type ConfigChange, ConfigFile } from './config-file.ts';

/** Not short of what an operator would take: the gateway warns of that, on stderr. */
export const ADMIN_TOKEN = 'campaign-campaign-campaign';
/** The gateway drains for 5 s at most, on a machine that may be busy. */
const LEAVE_MS = 30_000;
/** A reload takes milliseconds; the admin API of a new process has to wait for the old one to leave its port. */
const TAKEN_UP_MS = 30_000;
const POLL_MS = 20;
/** Of the gateway's log, what a reload ends with. */
const TAKEN_UP = 'config loaded';
const KEPT = 'the old config stays in force';

export interface GatewayStart {
  readonly root: string;
  /** Where its files are. */
  readonly folder: string;
  readonly config: object;
  readonly admin: string;
  /** Host and port of the first listener. */
  readonly listener: { readonly host: string; readonly port: number };
  readonly output: Output;
  readonly maxDescriptors: number | undefined;
}

/** More than the open files that a gateway of `maxDescriptors` has left. */
const CROWD = 100;

type Exit = { readonly code: number | null; readonly signal: string | null };

export class GatewayProcess implements GatewayTarget {
  readonly name = 'gateway';
  readonly features: Features;
  readonly #start: GatewayStart;
  readonly #file: ConfigFile;
  readonly #logs: string[] = [];
  readonly #stderrs: string[] = [];
  readonly #handovers: Handover[] = [];
  /** The processes before the present one that have not ended. */
  readonly #leaving = new Map<GatewayChild, Promise<void>>();
  readonly #crowd: net.Socket[] = [];
  readonly findings: string[] = [];
  /** Reloads that had to fail, each of which is an error in the log. */
  #refused = 0;
  #child: GatewayChild;

  private constructor(start: GatewayStart, file: ConfigFile, child: GatewayChild, features: Features) {
    this.#start = start;
    this.#file = file;
    this.#child = child;
    this.features = features;
    this.#keepLogs(child);
  }

  static async start(start: GatewayStart): Promise<GatewayProcess> {
    const file = new ConfigFile(join(start.folder, 'gateway.yaml'), start.config);
    const child = await startProcess(start, file.path, 1);
    return new GatewayProcess(start, file, child, await featuresOf(start, child));
  }

  get gone(): boolean {
    return this.#child.gone;
  }

  signal(signal: 'SIGHUP' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.signal(signal);
  }

  async admin(method: 'GET' | 'POST', path: string): Promise<string> {
    const deadline = performance.now() + TAKEN_UP_MS;
    for (;;) {
      const reply = await ask(this.#start.admin, method, path, ADMIN_TOKEN);
      if (reply?.status === 200) return reply.text;
      // Between two processes nobody listens there, or one that ends breaks off.
      const isLeaving = reply?.status === 409 && reply.text.includes('about to end');
      if (reply !== undefined && !isLeaving)
        throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
      if (performance.now() > deadline) throw new Error(`${method} ${path}: nobody there`);
      await pause(POLL_MS);
    }
  }

  /** Writes another config, good or wrong, and has it read. What comes of that is held against what was written. */
  async reload(): Promise<void> {
    // The admin API may still be that of the process before.
    await Promise.all(this.#leaving.values());
    const before = await this.#inForce();
    const change = this.#file.change();
    const said = change.good ? TAKEN_UP : KEPT;
    const saidBefore = this.#said(said);
    this.#child.signal('SIGHUP');
    const deadline = performance.now() + TAKEN_UP_MS;
    while (this.#said(said) === saidBefore && performance.now() < deadline) await pause(POLL_MS);
    // What is in force is told from the moment after that.
    let after = await this.#inForce();
    while (after === before && change.good && performance.now() < deadline) {
      await pause(POLL_MS);
      after = await this.#inForce();
    }
    this.#judge(change, before, after);
    if (change.good) return;
    this.#refused++;
    this.#file.restore();
  }

  #judge({ good, what }: ConfigChange, before: string, after: string): void {
    if (good && after === before) this.findings.push(`${what}: not taken up within ${TAKEN_UP_MS} ms`);
    if (!good && after !== before) this.findings.push(`${what}: it is wrong, and was taken up`);
    if (!good && this.#said(KEPT) === 0) this.findings.push(`${what}: it is wrong, and nobody was told`);
  }

  /** A new process takes over; events that come from now on happen to that one. */
  async hotRestart(): Promise<void> {
    await Promise.all(this.#leaving.values());
    const old = this.#child;
    const memory = await this.memory();
    const from = now();
    const more = ['--replace', String(old.pid)];
    const child = await startProcess(this.#start, this.#file.path, this.#stderrs.length + 1, more);
    this.#child = child;
    this.#keepLogs(child);
    const left = within<Exit | undefined>(old.exited, LEAVE_MS, 'the old process’s end')
      .catch(() => undefined)
      .then((exit) => {
        this.#handovers.push({ from, until: now(), exit, memory });
        this.#leaving.delete(old);
      });
    this.#leaving.set(old, left);
  }

  crowd(): void {
    for (let i = 0; i < CROWD; i++) {
      const socket = net.connect(this.#start.listener);
      // The gateway may refuse it, and has to where it has no descriptor left.
      socket.on('error', () => {});
      this.#crowd.push(socket);
    }
  }

  disperse(): void {
    for (const socket of this.#crowd.splice(0)) socket.destroy();
  }

  /** What each of its open descriptors is: Linux only. */
  descriptors(): string[] {
    const folder = `/proc/${this.#child.pid}/fd`;
    // One may be closed between the two calls.
    return readdirSync(folder).flatMap((fd) => {
      try {
        return [readlinkSync(join(folder, fd))];
      } catch {
        return [];
      }
    });
  }

  async memory(): Promise<Memory> {
    const reply = this.#child.reply('the gateway’s memory');
    this.#child.send('memory');
    return (await reply) as Memory;
  }

  /** What became of the processes before the present one, when all of them have ended or should have. */
  async handovers(): Promise<readonly Handover[]> {
    await Promise.all(this.#leaving.values());
    return this.#handovers;
  }

  /** Undefined where it has ended already. */
  async stop(): Promise<Exit | undefined> {
    if (this.#child.gone) return undefined;
    this.#child.signal('SIGTERM');
    return this.#child.exited;
  }

  async kill(): Promise<void> {
    this.disperse();
    await Promise.all([this.#child, ...this.#leaving.keys()].map((child) => child[Symbol.asyncDispose]()));
  }

  get stderr(): string {
    return this.#stderrs.map((file) => readFileSync(file, 'utf8')).join('');
  }

  readLog(): Record<string, unknown>[] {
    return this.#logs.flatMap(readLines);
  }

  /** Lines that say that it failed, and need not have. */
  failures(): string[] {
    let expected = this.#refused;
    return this.readLog()
      .filter(({ level, code }) => level === 'error' || level === 'fatal' || code === 'GW_ERR_INTERNAL')
      .filter(({ msg }) => !(String(msg).endsWith(KEPT) && expected-- > 0))
      .map((line) => JSON.stringify(line));
  }

  /** What says that an error was caught by nobody: the log, and what Node.js prints when it ends the process for it. */
  uncaught(): string[] {
    const told = this.readLog().filter(
      ({ level, msg }) => level === 'fatal' || /uncaught|unhandled/i.test(String(msg)),
    );
    const printed = this.stderr.split('\n').filter((line) => /uncaught|unhandled|^\w*Error\b/i.test(line));
    return [...told.map((line) => JSON.stringify(line)), ...printed];
  }

  #inForce(): Promise<string> {
    return this.admin('GET', '/config/effective');
  }

  /** How often the present process has said so. */
  #said(what: string): number {
    return readLines(this.#child.log).filter(({ msg }) => String(msg).endsWith(what)).length;
  }

  #keepLogs({ log, stderr }: GatewayChild): void {
    this.#logs.push(log);
    this.#stderrs.push(stderr);
  }
}

function readLines(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function startProcess(
  { root, folder, admin, output, maxDescriptors }: GatewayStart,
  config: string,
  run: number,
  more: readonly string[] = [],
): Promise<GatewayChild> {
  const isReady = async (): Promise<boolean> => (await ask(admin, 'GET', '/readyz'))?.status === 200;
  const base = join(folder, `gateway.${run}`);
  return startGatewayWith({ root, config, base, output, maxDescriptors, isReady, more });
}

/** One without an admin API cannot tell what config is in force; without a log nobody knows what came of a change. */
async function featuresOf(
  { admin, output, maxDescriptors }: GatewayStart,
  child: GatewayChild,
): Promise<Features> {
  const crowd = maxDescriptors !== undefined;
  const deadline = performance.now() + TAKEN_UP_MS;
  while (performance.now() < deadline && !child.gone) {
    const live = await ask(admin, 'GET', '/livez');
    const canTell = output === 'file';
    if (live?.status === 200) return { admin, configReload: canTell, hotRestart: canTell, crowd };
    await pause(POLL_MS);
  }
  return { admin: undefined, configReload: false, hotRestart: false, crowd };
}
