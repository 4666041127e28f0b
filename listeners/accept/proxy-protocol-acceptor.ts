// Where connections wait for the PROXY protocol header that each has to begin with. Promises: only a trusted proxy's is
// waited for, never longer than the deadline, and what follows the header is still to be read when the socket goes on.
import type net from 'node:net';
import type { Peer } from '../../routing/message-view.ts';
import { AddressRanges } from '../../src/addresses.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import { GatewayError } from '../../src/errors.ts';
import { classifyBytes } from '../../src/mllp/frame.ts';
import { clearTimeout, setTimeout } from '../../src/platform/time.ts';
import { type ProxyReading, readProxyHeader } from './proxy-protocol.ts';

export interface EntranceWatcher {
  /** `peer`: whose connection it is, by the header. The socket is as a server gives it out, with nothing read. */
  onHeader(socket: net.Socket, peer: Peer): void;
  /** The connection is closed. `peer`: the one that connected. */
  onFault(error: GatewayError, peer: Peer): void;
}

const NO_BYTES = Buffer.alloc(0);

export class ProxyProtocolAcceptor {
  /** Ranges mean here what they mean in a condition on `source`. */
  readonly #trusted: AddressRanges;
  readonly #deadlineMs: number;
  readonly #watcher: EntranceWatcher;
  readonly #waiting = new Set<net.Socket>();

  constructor(config: Pick<ListenerConfig, 'name' | 'trustedProxies' | 'http'>, watcher: EntranceWatcher) {
    this.#trusted = new AddressRanges(config.trustedProxies);
    // The time that a client has to say what it wants; 10 s unless set. The protocol's text (2.) asks for 3 s at least,
    // which a lost first packet takes.
    this.#deadlineMs = config.http.headersTimeoutMs;
    this.#watcher = watcher;
  }

  /** Waits for the header of a connection that has just been accepted. */
  admit(socket: net.Socket): void {
    const peer = reportedBy(socket);
    // It is gone already, and never said who it was.
    if (peer.address === '') {
      socket.destroy();
      return;
    }
    if (!this.#trusted.has(peer.address)) {
      this.#refuse(socket, peer, 'not a trusted proxy');
      return;
    }
    this.#waiting.add(socket);
    let seen: Buffer = NO_BYTES;
    const onReadable = (): void => {
      const bytes: Buffer | null = socket.read();
      if (bytes === null) return;
      seen = seen.length === 0 ? bytes : Buffer.concat([seen, bytes]);
      const reading = readProxyHeader(seen);
      if (reading.kind === 'more') return;
      leave();
      if (reading.kind === 'header') this.#handOn(socket, peer, reading, seen);
      else this.#refuse(socket, peer, reading.why ?? `it looks like ${classifyBytes(seen)}`);
    };
    const onEnd = (): void => {
      leave();
      // F27: a balancer's probe connects and closes.
      if (seen.length === 0) socket.destroy();
      else this.#refuse(socket, peer, 'the connection ended inside the header');
    };
    const timer = setTimeout(() => {
      leave();
      this.#refuse(socket, peer, 'no header in time');
    }, this.#deadlineMs);
    const leave = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(socket);
      socket.off('readable', onReadable).off('end', onEnd).off('close', leave).off('error', ignore);
    };
    socket.on('readable', onReadable).on('end', onEnd).on('close', leave).on('error', ignore);
  }

  /** Ends every connection that waits. */
  destroy(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  #handOn(
    socket: net.Socket,
    peer: Peer,
    { source, bytes }: Extract<ProxyReading, { kind: 'header' }>,
    seen: Buffer,
  ): void {
    if (seen.length > bytes) socket.unshift(seen.subarray(bytes));
    // A stream that was listened to for 'readable' does not flow to who listens for 'data' next, until Node.js has looked
    // who is left, at the end of this tick. No more is read from the socket before that.
    process.nextTick(() => {
      // An 'end' that has gone by would be waited for in vain.
      if (socket.destroyed || socket.readableEnded) socket.destroy();
      else this.#watcher.onHeader(socket, source ?? peer);
    });
  }

  #refuse(socket: net.Socket, peer: Peer, detail: string): void {
    this.#watcher.onFault(new GatewayError('GW_ERR_SENDER_PROXY', { detail }), peer);
    socket.on('error', ignore);
    socket.destroy();
  }
}

/** As the socket says; empty where it is gone and was never asked. */
export function reportedBy({
  remoteAddress = '',
  remotePort = 0,
}: {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}): Peer {
  return { address: remoteAddress, port: remotePort };
}

/** 'close' follows and says it all. */
function ignore(): void {}
