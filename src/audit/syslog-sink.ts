// Audit records to a repository by syslog over TLS (RFC 5425). Promises that the repository is who its certificate says, and
// that a connection that has ended is not written to again. Syslog has no answers: what was under way when it broke may be lost.
import type net from 'node:net';
import type { NodeTls } from '../../certs/node-tls.ts';
import { causeCode, GatewayError } from '../errors.ts';
import { endGently } from '../mllp/tick-writer.ts';
import { dial } from '../upstream/dial.ts';
import type { AuditSink } from './audit-queue.ts';
import { framed } from './syslog-frame.ts';

export interface SyslogTarget {
  readonly host: string;
  readonly port: number;
}

/** A dial, and then a write that a repository takes: either is seconds on a good day. */
const CONNECT_MS = 5_000;
const WRITE_MS = 10_000;

export class SyslogSink implements AuditSink {
  readonly name: string;
  readonly #target: SyslogTarget;
  readonly #tls: NodeTls;
  #socket: net.Socket | undefined;
  #abort: (() => void) | undefined;

  constructor(target: SyslogTarget, tls: NodeTls) {
    this.#target = target;
    this.#tls = tls;
    this.name = `${target.host}:${target.port}`;
  }

  async write(records: readonly string[]): Promise<void> {
    const socket = this.#socket ?? (await this.#connect());
    await this.#send(socket, Buffer.concat(records.map(framed)));
  }

  reopen(): void {
    try {
      this.#tls.reload();
    } catch {
      // The certificates that were good stay in use; the store of certificates says the same of all others.
    }
    this.#leave();
  }

  async close(): Promise<void> {
    this.#abort?.();
    this.#leave();
  }

  /** RFC 5425 4.4: what is under way goes out, then close_notify and the end. */
  #leave(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) endGently(socket);
  }

  #connect(): Promise<net.Socket> {
    const { host, port } = this.#target;
    return new Promise((resolve, reject) => {
      const opened = (socket: net.Socket): void => {
        this.#abort = undefined;
        this.#socket = socket;
        const gone = (): void => {
          if (this.#socket === socket) this.#socket = undefined;
          socket.destroy();
        };
        // A repository says nothing; what comes is read so that its end is seen.
        socket.on('end', gone).on('close', gone).resume();
        resolve(socket);
      };
      const options = { node: this.name, host, port, tls: this.#tls, connectMs: CONNECT_MS, settleMs: 0 };
      this.#abort = dial(options, opened, (error) => {
        this.#abort = undefined;
        reject(error);
      });
    });
  }

  #send(socket: net.Socket, bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (code: string): void => {
        clearTimeout(timer);
        socket.off('close', onClose);
        this.#drop();
        reject(new GatewayError('GW_ERR_NODE_CLOSED', { node: this.name, detail: code }));
      };
      const onClose = (): void => fail('closed');
      const timer = setTimeout(() => fail('the write was not taken in time'), WRITE_MS);
      socket.once('close', onClose);
      socket.write(bytes, (error) => {
        if (error !== null && error !== undefined) {
          fail(causeCode(error));
          return;
        }
        clearTimeout(timer);
        socket.off('close', onClose);
        resolve();
      });
    });
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}
