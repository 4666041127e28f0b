// How a scenario's senders send: over how many connections, how fast, how many without an answer, and in one write or many.
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { ListenerConfig } from '../../../config/config.ts';
import { delay, monotonicMs } from '../../../platform/time.ts';
import { faster } from '../config/speed.ts';
import type { TempCerts } from '../config/temp-certs.ts';
import type { ScenarioSender } from '../scenario/scenario.ts';
import type { TestBed } from '../stage/test-bed.ts';
import type { Door } from './connect.ts';
import { MllpLine } from './mllp-line.ts';
import type { SentStep } from './sent.ts';
import { type CookieJar, WebLine } from './web-line.ts';

export class Sending {
  readonly sender: ScenarioSender;
  readonly #stage: TestBed;
  readonly #speed: number;
  readonly #throwAway: TempCerts;
  readonly #jar: CookieJar | undefined;
  readonly #mllp: (MllpLine | undefined)[] = [];
  readonly #web: WebLine[] = [];
  /** When the next message may begin, for `rate`. */
  #nextAt = 0;

  constructor(sender: ScenarioSender, stage: TestBed, speed: number, throwAway: TempCerts) {
    this.sender = sender;
    this.#stage = stage;
    this.#speed = speed;
    this.#throwAway = throwAway;
    this.#jar = sender.cookies ? new Map() : undefined;
  }

  /** Resolves when all are over. */
  async send(messages: readonly SentStep[]): Promise<void> {
    const { connections } = this.sender;
    const shares = Array.from({ length: connections }, (_, i) =>
      messages.filter((__, n) => n % connections === i),
    );
    const { protocol } = this.#listener;
    await Promise.all(
      shares.map((share, i) => (protocol === 'http' ? this.#byWeb(share, i) : this.#byMllp(share, i))),
    );
  }

  disconnect(): void {
    for (const line of this.#mllp.splice(0)) line?.close();
    for (const line of this.#web.splice(0)) line.close();
  }

  async #byMllp(share: readonly SentStep[], i: number): Promise<void> {
    const { pipeline } = this.sender;
    const timeoutMs = faster(this.sender.timeoutMs, this.#speed);
    const open: SentStep[] = [];
    const [first] = share;
    if (first?.step.kind !== 'send') return;
    const { together, halfClose, cutOff } = first.step;
    if (together) {
      for (const sent of share) this.#stage.await(sent);
      const line = await this.#lineAt(i);
      if (line === undefined) for (const sent of share) sent.ended('closed');
      line?.send(share, timeoutMs);
      if (halfClose) line?.halfClose();
    } else {
      for (const sent of share) {
        await this.#pace();
        this.#stage.await(sent);
        const line = await this.#lineAt(i);
        if (line === undefined) sent.ended('closed');
        line?.send([sent], timeoutMs, cutOff);
        if (halfClose && sent === share.at(-1)) line?.halfClose();
        open.push(sent);
        sent.over.then(() => open.splice(open.indexOf(sent), 1));
        if (open.length >= pipeline) await Promise.race(open.map(({ over }) => over));
      }
    }
    await Promise.all(share.map(({ over }) => over));
  }

  async #byWeb(share: readonly SentStep[], i: number): Promise<void> {
    const timeoutMs = faster(this.sender.timeoutMs, this.#speed);
    for (const sent of share) {
      await this.#pace();
      this.#stage.await(sent);
      this.#web[i] ??= new WebLine(this.#door, this.#jar);
      const line = this.#web[i];
      await (sent.isRequest
        ? line.ask(sent, this.sender, timeoutMs)
        : line.post(sent, this.sender, timeoutMs));
    }
  }

  async #lineAt(i: number): Promise<MllpLine | undefined> {
    const open = this.#mllp[i];
    if (open?.isOpen === true) return open;
    const line = await MllpLine.open(this.#door).catch(() => undefined);
    this.#mllp[i] = line;
    return line;
  }

  async #pace(): Promise<void> {
    const { perSecond } = this.sender;
    if (perSecond === undefined) return;
    const now = monotonicMs();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + 1000 / perSecond / this.#speed;
    if (at > now) await delay(Math.ceil(at - now));
  }

  get #listener(): ListenerConfig {
    return this.#found.config;
  }

  get #found() {
    const { listener } = this.sender;
    const { listeners } = this.#stage.gateway;
    const found = listeners.find(({ name }) => listener === undefined || name === listener);
    if (found === undefined) throw new Error(`no listener ${listener}`);
    return found;
  }

  get #door(): Door {
    const { port, config } = this.#found;
    return { port, source: this.sender.source, tls: config.tls && this.#tls() };
  }

  #tls(): ConnectionOptions {
    const { certificate, servername } = this.sender;
    const names = servername === undefined ? {} : { servername };
    if (certificate === undefined) return names;
    const files =
      certificate.kind === 'files'
        ? { certFile: certificate.cert, keyFile: certificate.key }
        : this.#throwAway.client(certificate.cn, certificate.dns);
    return { ...names, cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) };
  }
}
