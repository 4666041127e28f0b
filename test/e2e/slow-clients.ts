// Clients that hold a connection and do next to nothing with it, a thousand at a time: headers byte by byte, a body that
// stops, a response that is not read, or not a word. Promises: as many sockets as were asked for, and all are ended.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { Waits } from '../helpers/until.ts';
import type { Vip, VipCertificate } from './http-vips.ts';

export type Slowness = 'headers' | 'body' | 'reader' | 'silent';

/** As many handshakes at once as a listener takes without a word. */
const AT_ONCE = 100;
/** Far below any deadline for the whole, as slowloris does it. */
const TICK_MS = 500;

const FIRST: Readonly<Record<Slowness, string>> = {
  headers: 'GET / HTTP/1.1\r\nHost: vip.test\r\nX-Slow: ',
  body: 'PUT /in HTTP/1.1\r\nHost: vip.test\r\nContent-Length: 1000000\r\n\r\nbegins',
  reader: 'GET /bytes/1000000000 HTTP/1.1\r\nHost: vip.test\r\n\r\n',
  silent: '',
};

export interface SlowClient {
  readonly slowness: Slowness;
  /** Status of the response, if one came. */
  status: number | undefined;
  open: boolean;
}

export class SlowClients implements AsyncDisposable {
  readonly clients: SlowClient[] = [];
  readonly #sockets: net.Socket[] = [];
  readonly #waits = new Waits();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      for (const [i, socket] of this.#sockets.entries())
        if (this.clients[i]?.slowness === 'headers' && socket.writable) socket.write('x');
    }, TICK_MS);
  }

  get open(): number {
    return this.clients.filter(({ open }) => open).length;
  }

  /** Opens `count` more, of each kind in turn. */
  async connect(
    vip: Vip,
    port: number,
    { caPem }: VipCertificate,
    kinds: readonly Slowness[],
    count: number,
  ): Promise<void> {
    let session: Buffer | undefined;
    const connectOne = async (slowness: Slowness): Promise<void> => {
      // Only one is a full handshake: it is not what is slow here.
      const socket =
        vip === 'http'
          ? net.connect({ host: '127.0.0.1', port })
          : tls.connect({ host: '127.0.0.1', port, ca: caPem, ...(session && { session }) });
      socket.on('session', (one: Buffer) => {
        session ??= one;
      });
      const client: SlowClient = { slowness, status: undefined, open: true };
      socket.on('error', () => undefined);
      socket.once('close', () => {
        client.open = false;
        this.#waits.changed();
      });
      await once(socket, vip === 'http' ? 'connect' : 'secureConnect');
      // Who does not listen does not read.
      if (slowness !== 'reader') {
        socket.on('data', (chunk: Buffer) => {
          client.status ??= Number(/^HTTP\/1\.1 (\d{3})/.exec(chunk.toString('latin1'))?.[1]);
        });
      }
      if (FIRST[slowness] !== '') socket.write(FIRST[slowness]);
      this.clients.push(client);
      this.#sockets.push(socket);
    };
    for (let from = 0; from < count; from += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) =>
        connectOne(kinds[i % kinds.length] as Slowness),
      );
      await Promise.all(batch);
    }
  }

  /** Resolves when all but readers, which would have to read to see it, have been ended by the other side. */
  async ended(deadlineMs: number): Promise<void> {
    const left = (): number =>
      this.clients.filter(({ open, slowness }) => open && slowness !== 'reader').length;
    await this.#waits.when(
      () => left() === 0,
      deadlineMs,
      () => `${left()} slow clients are still connected`,
    );
  }

  /** How they were answered, and how often. */
  get answers(): Record<string, number> {
    const answers: Record<string, number> = {};
    for (const { slowness, status } of this.clients) {
      const answer = `${slowness} ${status ?? 'none'}`;
      answers[answer] = (answers[answer] ?? 0) + 1;
    }
    return answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    await this.#waits.when(
      () => this.open === 0,
      60_000,
      () => `${this.open} sockets do not close`,
    );
  }
}

/** How many files and sockets this process, and those that it starts, may have open. */
export function maxOpenFiles(): number {
  try {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft ?? 0);
  } catch {
    return 0;
  }
}
