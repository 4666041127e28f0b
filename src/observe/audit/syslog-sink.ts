// Audit records to a repository by syslog over TLS (RFC 5425). Promises that the repository is who its certificate says, and
// that records count as taken only once it is known to have read them: syslog has no answers, but a connection has an end.
import type net from 'node:net';
import type { NodeTls } from '../../../certs/node-tls.ts';
import { causeCode, GatewayError } from '../../errors.ts';
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import { dial } from '../../upstream/dial.ts';
import type { AuditSink } from './audit-queue.ts';
import { framed } from './syslog-frame.ts';

export interface SyslogTarget {
  readonly host: string;
  readonly port: number;
}

/** A dial, a write that a repository takes, its end of a connection: each is seconds on a bad day. */
const CONNECT_MS = 5_000;
const WRITE_MS = 10_000;
const END_MS = 5_000;
/**
 * In TLS 1.3 a client's handshake is done before the server has seen its certificate (RFC 8446 4.4.2.4), and rsyslog looks
 * at it later still: a repository that refuses the gateway says so in this time, unless it is far away.
 */
const SETTLE_MS = 250;

export class SyslogSink implements AuditSink {
  readonly name: string;
  readonly #target: SyslogTarget;
  readonly #tls: NodeTls;
  readonly #endMs: number;
  #socket: net.Socket | undefined;
  /** On it are records that were not confirmed. */
  #isOwing = false;
  /** The connection with such records on it is gone. */
  #isBroken = false;
  /** The repository did not end the last connection: it may be one that never does. */
  #isSilent = false;
  #ending: net.Socket | undefined;
  #abort: (() => void) | undefined;

  constructor(target: SyslogTarget, tls: NodeTls, endMs = END_MS) {
    this.#target = target;
    this.#tls = tls;
    this.#endMs = endMs;
    this.name = `${target.host}:${target.port}`;
  }

  async write(records: readonly string[]): Promise<void> {
    this.#checkWhole();
    const socket = this.#socket ?? (await this.#connect());
    this.#isOwing = true;
    await this.#send(socket, Buffer.concat(records.map(framed)));
  }

  /**
   * Ends the connection: a repository ends its side when it has read everything before that (RFC 5425 4.4: it has to answer
   * close_notify with its own). If it dies with something unread, TCP sends a reset instead (RFC 1122 4.2.2.13).
   */
  async confirm(): Promise<void> {
    this.#checkWhole();
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isOwing = false;
    if (socket === undefined) return;
    const answer = await this.#end(socket);
    const wasSilent = this.#isSilent;
    if (answer === 'ended') this.#isSilent = false;
    else if (answer !== 'silent') throw this.#closed(answer);
    else {
      this.#isSilent = true;
      // One that never answers would get the same again and again: once more is enough.
      if (!wasSilent) throw this.#closed('it did not end the connection');
    }
  }

  reopen(): void {
    try {
      this.#tls.reload();
    } catch {
      // The certificates that were good stay in use; the store of certificates says the same of all others.
    }
  }

  async close(): Promise<void> {
    this.#abort?.();
    this.#ending?.destroy();
    this.#drop();
  }

  #checkWhole(): void {
    if (!this.#isBroken) return;
    this.#isBroken = false;
    throw this.#closed('before its records were taken');
  }

  #closed(detail: string): GatewayError {
    return new GatewayError('GW_ERR_NODE_CLOSED', { node: this.name, detail });
  }

  #connect(): Promise<net.Socket> {
    const { host, port } = this.#target;
    return new Promise((resolve, reject) => {
      const opened = (socket: net.Socket): void => {
        this.#abort = undefined;
        this.#socket = socket;
        const gone = (): void => {
          if (this.#socket === socket) this.#drop();
        };
        // A repository says nothing; what comes is read so that its end is seen.
        socket.on('end', gone).on('close', gone).resume();
        resolve(socket);
      };
      const options = {
        node: this.name,
        host,
        port,
        tls: this.#tls,
        connectMs: CONNECT_MS,
        settleMs: SETTLE_MS,
      };
      const abort = dial(options, opened, (error) => {
        this.#abort = undefined;
        reject(error);
      });
      this.#abort = () => {
        this.#abort = undefined;
        abort();
        reject(this.#closed('the gateway has ended it'));
      };
    });
  }

  #send(socket: net.Socket, bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (failure: string | undefined): void => {
        clearTimeout(timer);
        socket.off('close', onClose);
        if (failure === undefined) {
          resolve();
          return;
        }
        if (this.#socket === socket) this.#drop();
        this.#isBroken = false;
        reject(this.#closed(failure));
      };
      const onClose = (): void => done('closed');
      const timer = setTimeout(() => done('the write was not taken in time'), WRITE_MS);
      socket.once('close', onClose);
      socket.write(bytes, (error) =>
        done(error === null || error === undefined ? undefined : causeCode(error)),
      );
    });
  }

  /** `ended`: by the repository too, after all was written. `silent`: it did nothing. Anything else: why it broke. */
  #end(socket: net.Socket): Promise<'ended' | 'silent' | string> {
    return new Promise((resolve) => {
      let failure = 'closed';
      this.#ending = socket;
      // At the gateway's end there is not that much time for one that is known not to answer.
      const timer = setTimeout(() => done('silent'), this.#isSilent ? this.#endMs / 5 : this.#endMs);
      const done = (answer: string): void => {
        clearTimeout(timer);
        resolve(answer);
        this.#ending = undefined;
        socket.destroy();
      };
      socket.once('error', (error) => {
        failure = causeCode(error);
      });
      socket.once('end', () => done(socket.writableFinished ? 'ended' : 'closed'));
      socket.once('close', () => done(failure));
      socket.end();
    });
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isBroken = this.#isOwing;
    this.#isOwing = false;
    socket?.destroy();
  }
}
