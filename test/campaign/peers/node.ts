// A node of the campaign, a process of its own that can be killed and stopped: one connection is served strictly in turn,
// as Mirth does. Promises: every frame is on record when it has been read, every answer before it is written.

import { hash } from 'node:crypto';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type AnswerKind, LogWriter, type NodeEntry } from '../wire/log.ts';
import { ackOf, controlIdOf, FrameCutter, frame } from '../wire/mllp.ts';
import { Prng } from '../wire/prng.ts';
import { isNodeOrder, type NodeMode, type NodeStart } from './orders.ts';

/** A port that was just ours may still be in use by a connection of the node that was killed. */
const LISTEN_TRIES = 200;
const LISTEN_PAUSE_MS = 25;

const start: NodeStart = JSON.parse(process.argv[2] ?? '');
const log = new LogWriter<NodeEntry>(start.log);
const prng = new Prng(start.seed);
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, serve);
const open = new Set<Connection>();
let mode: NodeMode = 'normal';
let connections = 0;
let received = 0;
let acks = 0;
let lastId = 'NONE';

interface Message {
  readonly r: number;
  readonly id: string;
}

class Connection {
  readonly c = ++connections;
  readonly #socket: net.Socket;
  readonly #cutter = new FrameCutter();
  readonly #queue: Message[] = [];
  #working = false;
  /** What it has said before, to be said again. */
  #again: Buffer | undefined;
  #ended = false;
  #closedBy: 'node' | 'gateway' | undefined;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    log.write({ e: 'open', c: this.c });
    open.add(this);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#closed('gateway', error.code ?? 'error'));
    socket.on('close', () => {
      this.#closed('gateway', 'close');
      open.delete(this);
    });
  }

  /** Ends it once the message in work is answered; what is queued behind is dropped, as a stopping Mirth channel does. */
  stop(): void {
    this.#queue.length = 0;
    this.#ended = true;
    if (!this.#working) this.close('stop');
  }

  close(how: string): void {
    this.#closed('node', how);
    this.#socket.end();
  }

  #closed(by: 'node' | 'gateway', how: string): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = by;
    log.write({ e: 'close', c: this.c, by, how });
  }

  #onEnd(): void {
    this.#closed('gateway', 'fin');
    this.#ended = true;
    if (!this.#working) this.#socket.end();
  }

  #read(chunk: Buffer): void {
    for (const payload of this.#cutter.push(chunk)) {
      const message = { r: ++received, id: controlIdOf(payload) };
      log.write({ e: 'recv', c: this.c, ...message, sha: hash('sha256', payload, 'base64url') });
      this.#queue.push(message);
    }
    if (this.#cutter.strayBytes > 0) log.write({ e: 'noise', c: this.c, bytes: this.#cutter.strayBytes });
    this.#cutter.strayBytes = 0;
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      await this.#process(next);
    this.#working = false;
    if (this.#ended && !this.#socket.writableEnded) this.close('stop');
  }

  async #process(message: Message): Promise<void> {
    const { ackMs } = start;
    if (this.#again !== undefined) this.#write(this.#again);
    this.#again = undefined;
    switch (mode) {
      case 'black-hole':
        // It is never answered, and neither is what comes behind it.
        return new Promise(() => {});
      case 'reset':
        if (prng.chance(0.5)) await pause(prng.int(0, 5));
        this.#closed('node', 'reset');
        this.#socket.resetAndDestroy();
        return;
      case 'half-close':
        this.close('half-close');
        return;
      case 'slow':
        await pause(prng.int(ackMs / 8, ackMs / 2));
        return this.#answer(message, 'right');
      case 'late':
        await pause(prng.int(ackMs * 1.1, ackMs * 2));
        return this.#answer(message, 'right');
      case 'wrong':
        return this.#answer(
          { r: message.r, id: prng.pick([`X-${message.id}`, otherThan(message.id), '']) },
          'wrong',
        );
      case 'double':
        this.#answer(message, 'right', true);
        return;
      case 'garbled':
        return this.#garble(message);
      case 'negative':
        return this.#answer(message, 'right', false, prng.pick(['AE', 'AR']));
      default:
        if (prng.chance(0.7)) await pause(prng.int(1, 3));
        return this.#answer(message, 'right');
    }
  }

  #answer(message: Message, kind: AnswerKind, twice = false, code = 'AA'): void {
    const ack = ackOf(`${start.name}.${start.run}.${++acks}`, code, message.id);
    this.#note(message, kind, code, ack);
    if (kind === 'right') lastId = message.id;
    if (!twice) this.#write(frame(ack));
    else {
      this.#note(message, 'again', code, ack);
      // At once, a moment later, or when the next message has come and waits for its own.
      const when = prng.pick(['together', 'soon', 'next'] as const);
      this.#write(when === 'together' ? Buffer.concat([frame(ack), frame(ack)]) : frame(ack));
      if (when === 'soon') setImmediate(() => this.#write(frame(ack)));
      if (when === 'next') this.#again = frame(ack);
    }
  }

  #garble(message: Message): void {
    const right = frame(ackOf(`${start.name}.${start.run}.${++acks}`, 'AA', message.id));
    const withoutMsa = right.subarray(1, right.indexOf('MSA'));
    const bytes = prng.pick([
      frame(Buffer.from('<html><body>502</body></html>')),
      frame(withoutMsa),
      frame(Buffer.alloc(0)),
      frame(Buffer.from('MSHe lloeMIRTHeeee20261122083014.446eeACKe1ePe2.4\rMSAeAAe1\r')),
      // Without its end: what follows on the connection would run into it.
      right.subarray(0, -2),
      right.subarray(0, right.length >> 1),
    ]);
    this.#note(message, 'garbled', '', bytes);
    this.#write(bytes);
    if (prng.chance(0.3)) this.close('garbled');
  }

  #note({ r }: Message, kind: AnswerKind, code: string, bytes: Buffer): void {
    log.write({ e: 'answer', c: this.c, r, kind, code, bytes: bytes.toString('base64') });
  }

  #write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }
}

/** The id of the message answered last, whosever it was. */
function otherThan(id: string): string {
  return lastId === id ? 'NONE' : lastId;
}

function serve(socket: net.Socket): void {
  if (mode !== 'full') {
    new Connection(socket);
    return;
  }
  // Mirth above its `maxConnections`: accepted, never read, closed.
  socket.on('error', () => {});
  socket.pause();
  setTimeout(() => socket.destroy(), prng.int(0, 2));
}

async function listen(port: number): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: start.host, port }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      const bound = server.address();
      const taken = typeof bound === 'object' && bound !== null ? bound.port : port;
      log.write({ e: 'listen', port: taken });
      return taken;
    } catch (error) {
      if (tries === LISTEN_TRIES) throw error;
      await pause(LISTEN_PAUSE_MS);
    }
  }
}

function enter(next: NodeMode): void {
  const before = mode;
  mode = next;
  log.write({ e: 'mode', mode });
  if (next === 'refuse' || next === 'full') for (const connection of [...open]) connection.stop();
  if (next === 'refuse') server.close();
  else if (before === 'refuse') void listen(boundPort);
}

const boundPort = await listen(start.port);
process.on('message', (order) => {
  if (isNodeOrder(order)) enter(order.mode);
});
// Without the runner there is nobody to end it.
process.on('disconnect', () => process.exit());
process.send?.({ port: boundPort });
