// A client of the campaign that makes other HTTP requests than messages, opens tunnels by an upgrade, and often leaves at a moment
// of its choice: in the head, in the body, while it waits, in the response, at the 101, in the tunnel. Promises: a request
// is on record before its first byte is written, and so is what became of it.
import { hash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Prng } from '../../../src/tools/world/prng.ts';
import { ResponseCutter } from '../wire/http.ts';
import { LogWriter, type WebClientEntry } from '../wire/log.ts';
import { connectTo, type Link } from './connect.ts';
import { isSenderOrder, isTls, type WebClientStart } from './orders.ts';

const LEAVES_SHARE = 0.35;
const PHASES = ['head', 'body', 'waiting', 'response', 'tunnel'] as const;
type Phase = (typeof PHASES)[number];

const start: WebClientStart = JSON.parse(process.argv[2] ?? '');
const log = new LogWriter<WebClientEntry>(start.log);
const prng = new Prng(start.seed);
let finishing = false;
let requests = 0;
let kept: Link | undefined;

/** One request and what becomes of it. Resolves when it is over, however. */
class Request {
  readonly q = ++requests;
  readonly #id = `${start.name}-${this.q}`;
  readonly #isTunnel = prng.chance(0.3);
  readonly #body = Buffer.from(
    Array.from({ length: prng.chance(0.8) ? prng.int(0, 2_000) : prng.int(2_000, 100_000) }, () =>
      prng.int(0, 255),
    ),
  );
  readonly #leavesAt: Phase | undefined = prng.chance(LEAVES_SHARE) ? prng.pick(PHASES) : undefined;
  readonly #cutter = new ResponseCutter();
  readonly #echo: Buffer[] = [];
  #echoed = 0;
  #tunnelOpen = false;
  #link: Link | undefined;
  #heard = false;
  #over = false;
  #onOver: (keep: boolean) => void = () => {};

  async run(): Promise<void> {
    const sha = hash('sha256', this.#isTunnel ? '' : this.#body, 'base64url');
    log.write({ e: 'request', q: this.q, id: this.#id, sha });
    const over = new Promise<boolean>((resolve) => {
      this.#onOver = resolve;
    });
    const patience = setTimeout(() => this.#lost('patience'), start.patienceMs);
    this.#link = takeKept();
    if (this.#link !== undefined) {
      this.#listen(this.#link);
      this.#write(this.#link);
    } else {
      const link = connectTo({ ...start, tls: isTls(start.wire) ? start.tls : undefined }, () =>
        this.#write(link),
      );
      this.#link = link;
      this.#listen(link);
    }
    const keep = await over;
    clearTimeout(patience);
    this.#link.socket.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close');
    if (keep) kept = this.#link;
    else this.#link.socket.destroy();
  }

  #listen({ socket }: Link): void {
    socket.removeAllListeners('error');
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#lost(this.#heard ? 'cut' : 'fin'));
    socket.on('close', () => this.#lost(this.#heard ? 'cut' : 'close'));
    // Stays when the request is over: the connection may be reset while nothing is said on it.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (kept === this.#link) kept = undefined;
      this.#lost(this.#heard ? 'cut' : (error.code ?? 'error'));
    });
  }

  #write({ socket }: Link): void {
    if (this.#over) return;
    const head = this.#isTunnel
      ? `GET /tunnel HTTP/1.1\r\nhost: campaign.example\r\nx-campaign-id: ${this.#id}\r\nconnection: Upgrade\r\nupgrade: ${prng.pick(['websocket', 'campaign'])}\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n`
      : `PUT /echo HTTP/1.1\r\nhost: campaign.example\r\nx-campaign-id: ${this.#id}\r\ncontent-length: ${this.#body.length}\r\n\r\n`;
    const bytes = this.#isTunnel ? Buffer.from(head) : Buffer.concat([Buffer.from(head), this.#body]);
    const leave = (): void => this.#leave();
    if (this.#leavesAt === 'head') socket.write(bytes.subarray(0, prng.int(1, head.length - 1)), leave);
    else if (this.#leavesAt === 'body')
      socket.write(bytes.subarray(0, prng.int(head.length, bytes.length)), leave);
    else socket.write(bytes);
    if (this.#leavesAt === 'waiting') setTimeout(leave, prng.int(0, 6));
  }

  #leave(): void {
    if (this.#over) return;
    log.write({ e: 'left', q: this.q, phase: this.#leavesAt ?? 'none' });
    // What its end brings about is no news.
    this.#over = true;
    if (prng.chance(0.5)) this.#link?.reset();
    this.#end(false);
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    this.#heard = true;
    if (this.#leavesAt === 'response') this.#leave();
    else if (this.#tunnelOpen) this.#readEcho(chunk);
    else this.#readResponse(chunk);
  }

  #readResponse(chunk: Buffer): void {
    const [response] = this.#cutter.push(chunk);
    if (response !== undefined) {
      const { status, headers, body } = response;
      const sha = hash('sha256', body, 'base64url');
      log.write({ e: 'response', q: this.q, status, id: headers.get('x-campaign-id') ?? '', sha });
      // What follows an upgrade that was refused is the gateway's choice.
      this.#end(!this.#isTunnel && status === 200 && headers.get('connection') !== 'close');
    } else if (this.#isTunnel) this.#openTunnel();
  }

  #openTunnel(): void {
    const head = this.#cutter.takeUpgrade();
    if (head === undefined) return;
    const { status, headers } = head;
    log.write({ e: 'response', q: this.q, status, id: headers.get('x-campaign-id') ?? '', sha: '' });
    this.#tunnelOpen = true;
    this.#link?.socket.write(this.#body);
    if (this.#leavesAt === 'tunnel') setTimeout(() => this.#leave(), prng.int(0, 3));
    this.#readEcho(this.#cutter.takeRest());
  }

  #readEcho(chunk: Buffer): void {
    this.#echo.push(chunk);
    this.#echoed += chunk.length;
    if (this.#echoed < this.#body.length || this.#over) return;
    log.write({ e: 'tunnel', q: this.q, same: Buffer.concat(this.#echo).equals(this.#body) });
    this.#end(false);
  }

  #lost(how: string): void {
    if (this.#over) return;
    log.write({ e: 'lost', q: this.q, how });
    this.#end(false);
  }

  #end(keep: boolean): void {
    this.#over = true;
    this.#onOver(keep);
  }
}

/** The connection of the last request, unless the gateway has ended it since: nobody listened to it in between. */
function takeKept(): Link | undefined {
  const link = kept;
  kept = undefined;
  if (link === undefined || (!link.socket.readableEnded && !link.socket.destroyed)) return link;
  link.socket.destroy();
  return undefined;
}

process.on('message', (order) => {
  if (isSenderOrder(order) && order.act === 'finish') finishing = true;
});
process.on('disconnect', () => {
  if (!finishing) process.exit();
});
while (!finishing) {
  await pause(prng.int(1, start.thinkMs * 2));
  if (!finishing) await new Request().run();
}
kept?.socket.destroy();
log.write({ e: 'done', requests });
process.disconnect?.();
