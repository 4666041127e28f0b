// Checks of type tcp and tls: a connection, with a handshake or without, that ends with FIN and never with a reset,
// which Mirth logs.
import { closeGracefully } from '../../mllp/graceful-close.ts';
import { type DialOptions, type DialTls, dial } from '../dial.ts';
import { type Check, type CheckResult, failed, PASSED, type Proof } from './check.ts';

export interface DialCheckOptions {
  /** The node's name, for errors. */
  readonly node: string;
  readonly host: string;
  readonly port: number;
  readonly source?: string | undefined;
  /** With these a handshake is made. */
  readonly tls: DialTls | undefined;
  readonly proxyHeader?: DialOptions['proxyHeader'];
  readonly timeoutMs: number;
  /** The port is the one that messages go to. */
  readonly onDataPort: boolean;
  readonly proof: Proof;
}

export class DialCheck implements Check {
  readonly type: 'tcp' | 'tls';
  readonly onDataPort: boolean;
  readonly proof: Proof;
  readonly #options: DialCheckOptions;

  constructor(options: DialCheckOptions) {
    this.type = options.tls === undefined ? 'tcp' : 'tls';
    this.onDataPort = options.onDataPort;
    this.proof = options.proof;
    this.#options = options;
  }

  ask(signal: AbortSignal): Promise<CheckResult> {
    const { timeoutMs, ...where } = this.#options;
    return new Promise((resolve) => {
      const abort = dial(
        // Not watched for a close (F32): a full node is there.
        { ...where, connectMs: timeoutMs, settleMs: 0 },
        (socket) => {
          closeGracefully(socket);
          resolve(PASSED);
        },
        (error) => {
          resolve(error.code === 'GW_ERR_NODE_FULL' ? { kind: 'full' } : failed(error.detail ?? error.code));
        },
      );
      signal.addEventListener('abort', () => {
        abort();
        resolve(failed('aborted'));
      });
    });
  }
}
