// Messages between the main process and a worker, over the channel that Node.js gives a child process. Promises an order, a limit of
// time for each question and of messages that wait to be written: whoever does not read is given up and holds up nobody.
import type { Socket } from 'node:net';
import { asGatewayError, type ErrorCode, GatewayError } from '../errors.ts';
import { clearTimeout, setTimeout } from '../platform/time.ts';

/** What a ChildProcess and a child's own `process` have in common. */
export interface IpcPort {
  readonly connected: boolean;
  send?(
    message: unknown,
    handle: Socket | undefined,
    options: { readonly keepOpen: boolean },
    callback: (error: Error | null) => void,
  ): boolean;
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
}

/** Answers to questions of the other side. */
interface Reply {
  readonly kind: 'reply';
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: ErrorCode; readonly detail: string | undefined };
}

interface Question<Request> {
  readonly kind: 'question';
  readonly id: number;
  readonly request: Request;
}

export interface ChannelHooks<In, Request> {
  onMessage(message: In, socket: Socket | undefined): void;
  /** What it returns, or throws, is the answer. */
  onQuestion?(request: Request): unknown;
  /** The other side reads no more. */
  onStuck(): void;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: GatewayError) => void;
  readonly timer: NodeJS.Timeout;
}

/** A worker that reads takes thousands of messages in a millisecond; so many that wait are those of one that hangs. */
const MAX_UNWRITTEN = 20_000;

export class IpcChannel<Out extends object, In extends object, Request extends object = never> {
  readonly #port: IpcPort;
  readonly #hooks: ChannelHooks<In, Request>;
  readonly #pending = new Map<number, Pending>();
  #unwritten = 0;
  #lastId = 0;
  #isOver = false;

  constructor(port: IpcPort, hooks: ChannelHooks<In, Request>) {
    this.#port = port;
    this.#hooks = hooks;
    port.on('message', (message, handle) => {
      if (!this.#isOver)
        this.#onMessage(message as In | Reply | Question<Request>, handle as Socket | undefined);
    });
  }

  /** Messages that are not written yet. */
  get unwritten(): number {
    return this.#unwritten;
  }

  /** `socket`: it is the other side's once `onWritten` is called. */
  tell(message: Out | Reply | Question<object>, socket?: Socket, onWritten?: () => void): void {
    if (this.#isOver || !this.#port.connected) return;
    if (this.#unwritten >= MAX_UNWRITTEN) {
      this.#hooks.onStuck();
      return;
    }
    this.#unwritten++;
    this.#port.send?.(message, socket, { keepOpen: false }, (error) => {
      this.#unwritten--;
      if (error === null) onWritten?.();
    });
  }

  /** @throws GatewayError of the other side, or GW_ERR_WORKER where it does not answer within `timeoutMs` */
  ask(request: object, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new GatewayError('GW_ERR_WORKER', { detail: `no answer within ${timeoutMs} ms` }));
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      if (this.#isOver) this.end();
      else this.tell({ kind: 'question', id, request });
    });
  }

  /** The other side is gone: nothing more is sent, and whoever waits for an answer is told. */
  end(): void {
    this.#isOver = true;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new GatewayError('GW_ERR_WORKER', { detail: 'it has ended' }));
    }
    this.#pending.clear();
  }

  #onMessage(message: In | Reply | Question<Request>, socket: Socket | undefined): void {
    if (isOf<Reply>(message, 'reply')) this.#onReply(message);
    else if (isOf<Question<Request>>(message, 'question')) void this.#answer(message);
    else this.#hooks.onMessage(message as In, socket);
  }

  #onReply({ id, value, error }: Reply): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (error === undefined) pending.resolve(value);
    else pending.reject(new GatewayError(error.code, { detail: error.detail }));
  }

  async #answer({ id, request }: Question<Request>): Promise<void> {
    try {
      this.tell({ kind: 'reply', id, value: await this.#hooks.onQuestion?.(request) });
    } catch (thrown) {
      const { code, detail } = asGatewayError(thrown);
      this.tell({ kind: 'reply', id, error: { code, detail } });
    }
  }
}

function isOf<One extends { readonly kind: string }>(message: object, kind: One['kind']): message is One {
  return 'kind' in message && message.kind === kind;
}
