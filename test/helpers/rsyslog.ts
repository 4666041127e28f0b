// rsyslogd as an audit record repository: a syslog receiver by TLS (RFC 5425) that was not written here. Each has its own folder,
// config and process; promises that the process and the folder are gone when the test is over.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { TlsFolder } from './tls-folder.ts';
import { until } from './until.ts';

/** Not on every user's path. */
const RSYSLOGD = ['rsyslogd', '/usr/sbin/rsyslogd'].find((name) => spawnSync(name, ['-v']).status === 0);
const MODULES = '/usr/lib{,64}/{*/,}rsyslog/lmnsd_gtls.so';

/** With rsyslog-gnutls. */
export const hasRsyslog = RSYSLOGD !== undefined && globSync(MODULES).length > 0;

/** Its start takes 50 ms, on a machine that others use as well many times that. */
const START_MS = 15_000;

/** What it made of a message, and the message. */
export interface Parsed {
  readonly pri: string;
  readonly version: string;
  readonly timestamp: string;
  readonly hostname: string;
  readonly appName: string;
  readonly procId: string;
  readonly msgId: string;
  readonly structuredData: string;
  readonly message: string;
  readonly raw: string;
}

export interface RsyslogOptions {
  readonly tls: TlsFolder;
  /** Common name of the client certificate that it demands; undefined: it asks for none. */
  readonly demands: string | undefined;
}

export class Rsyslog {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rsyslog-'));
  readonly #options: RsyslogOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  /** What it says of itself. */
  said = '';
  port = 0;

  constructor(options: RsyslogOptions) {
    this.#options = options;
    onTestFinished(async () => {
      await this.kill();
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /** What it has written to its file, a line each, in the order in which it did. */
  get records(): readonly Parsed[] {
    const file = this.#at('records');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Parsed);
  }

  /** On a port of its own; the same one each time. */
  async start(): Promise<void> {
    const config = this.#at('rsyslog.conf');
    const portFile = this.#at('port');
    rmSync(portFile, { force: true });
    writeFileSync(config, this.#config());
    const child = spawn(RSYSLOGD ?? '', ['-n', '-f', config, '-i', this.#at('pid')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('close', resolve);
    });
    // It writes the port down where it was free to choose one, and only there.
    const isUp =
      this.port === 0
        ? () => existsSync(portFile) && Number(readFileSync(portFile, 'utf8'))
        : async () => (await isListening(this.port)) && this.port;
    this.port = await until(isUp, { deadlineMs: START_MS, what: 'a port of rsyslogd' }).catch(
      (cause: unknown) => {
        throw new Error(`rsyslogd said\n${this.said}`, { cause });
      },
    );
  }

  /** It reads nothing any more, and its connections stay. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }

  /** All that is not said here is as Debian's rsyslog has it: sizes, escaping of control characters, queues. */
  #config(): string {
    const { tls, demands } = this.#options;
    const { cert, key } = tls.files.good;
    const who =
      demands === undefined
        ? 'streamDriver.authMode="anon"'
        : `streamDriver.authMode="x509/name" permittedPeer=["${demands}"]`;
    const field = (name: string, property: string): string =>
      `property(outname="${name}" name="${property}" format="jsonf"${property === 'timereported' ? ' dateFormat="rfc3339"' : ''})`;
    return `
global(workDirectory="${this.#folder}" defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="${tls.caFile}"
  defaultNetstreamDriverCertFile="${cert}" defaultNetstreamDriverKeyFile="${key}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" ${who})
template(name="parsed" type="list" option.jsonf="on") {
  ${field('pri', 'pri')} ${field('version', 'protocol-version')} ${field('timestamp', 'timereported')}
  ${field('hostname', 'hostname')} ${field('appName', 'app-name')} ${field('procId', 'procid')} ${field('msgId', 'msgid')}
  ${field('structuredData', 'structured-data')} ${field('message', 'msg')} ${field('raw', 'rawmsg')}
}
ruleset(name="audit") { action(type="omfile" file="${this.#at('records')}" template="parsed") }
input(type="imtcp" address="127.0.0.1" port="${this.port}" listenPortFileName="${this.#at('port')}" ruleset="audit")
`;
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

export async function startRsyslog(options: RsyslogOptions): Promise<Rsyslog> {
  const rsyslog = new Rsyslog(options);
  await rsyslog.start();
  return rsyslog;
}
