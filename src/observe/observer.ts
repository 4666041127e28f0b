// What happens in a gateway, told to all who record it: the log, metrics, traces, the audit trail, the admin API. Promises that
// each event comes to each of them once, in the order of the list, and that one that fails is no failure of anything else.
import type { Peer } from '../../routing/message-view.ts';
import { causeCode, type GatewayError } from '../errors.ts';
import type { Header } from '../hl7/header.ts';
import type { ProxiedRequest } from '../relay/http-scheduler.ts';
import type { Message } from '../relay/message.ts';
import type { TcpConnection } from '../relay/tcp-scheduler.ts';
import type { Log } from './log/log.ts';
import { Repeats } from './log/repeats.ts';
import { stackOf } from './log/stack.ts';
import type { TraceContext } from './traces/trace-context.ts';

/** Something that never became a message or a request, or that ended a sender's connection. */
export interface SenderFault {
  readonly listener: string;
  readonly protocol: 'mllp' | 'http' | 'tcp';
  readonly error: GatewayError;
  readonly peer: Peer | undefined;
  /** Of the message that it happened to, where one could be read. */
  readonly header: Header | undefined;
  readonly trace: TraceContext;
}

/** What an operator did, or tried to do: somebody who has the admin API's token or has logged in, a signal, a change of the config file. */
export type OperatorAction =
  /** `error`: why the reload failed. */
  | { readonly kind: 'reload'; readonly error: GatewayError | undefined; readonly changed: readonly string[] }
  /** `node state`: drained, in maintenance or ready; `node config`: added, removed or weighed. */
  | {
      readonly kind: 'node state' | 'node config';
      readonly pool: string;
      readonly node: string;
      readonly what: string;
      /** In the operator's words. */
      readonly reason?: string | undefined;
    }
  /** Somebody has said why it reloads; how it went comes as `reload`. */
  | { readonly kind: 'reload wanted'; readonly reason: string }
  /** Files are opened again. */
  | { readonly kind: 'rotate'; readonly reason?: string | undefined }
  /** Something was done with what a pool has stored; `what` names it by its number. */
  | {
      readonly kind: 'spool';
      readonly pool: string;
      readonly what: string;
      readonly reason?: string | undefined;
    }
  /** Messages are given out, patients and all. */
  | { readonly kind: 'tap' }
  /** To the console. */
  | { readonly kind: 'log-in' | 'log-out' }
  /** Whoever asked may not do it; `what`: method and path of the API. */
  | { readonly kind: 'refused'; readonly what: string }
  /** The token was wrong. */
  | { readonly kind: 'wrong token' }
  /** So was a user, a password or a code. */
  | { readonly kind: 'wrong log-in' };

/** Each method is called in the turn in which the event happens, and must not wait for anything. */
export interface Observer {
  /** A message has its outcome and its reply code. */
  onMessage?(message: Message): void;
  /** Nothing more happens to a message: its reply was handed to the sender's connection, or never will be. */
  onReply?(message: Message, isDelivered: boolean): void;
  /** A proxied request is over. */
  onRequest?(request: ProxiedRequest): void;
  /** A node has a connection that is passed on. */
  onCarried?(connection: TcpConnection): void;
  /** A connection of a TCP listener is over, whether a node had it or not. */
  onConnection?(connection: TcpConnection): void;
  onFault?(fault: SenderFault): void;
  /** F99: a sender's connection is framed in something else than single bytes. */
  onFraming?(listener: string, peer: Peer, framing: string): void;
  onOperator?(by: string, action: OperatorAction): void;
}

export class Observers implements Required<Observer> {
  readonly #list: readonly Observer[];
  readonly #log: Log;
  readonly #repeats = new Repeats();

  constructor(list: readonly Observer[], log: Log) {
    this.#list = list;
    this.#log = log;
  }

  onMessage(message: Message): void {
    for (const observer of this.#list) {
      try {
        observer.onMessage?.(message);
      } catch (thrown) {
        this.#failed(observer, 'onMessage', thrown);
      }
    }
  }

  onReply(message: Message, isDelivered: boolean): void {
    for (const observer of this.#list) {
      try {
        observer.onReply?.(message, isDelivered);
      } catch (thrown) {
        this.#failed(observer, 'onReply', thrown);
      }
    }
  }

  onRequest(request: ProxiedRequest): void {
    this.#tell('onRequest', (observer) => observer.onRequest?.(request));
  }

  onCarried(connection: TcpConnection): void {
    this.#tell('onCarried', (observer) => observer.onCarried?.(connection));
  }

  onConnection(connection: TcpConnection): void {
    this.#tell('onConnection', (observer) => observer.onConnection?.(connection));
  }

  onFault(fault: SenderFault): void {
    this.#tell('onFault', (observer) => observer.onFault?.(fault));
  }

  onFraming(listener: string, peer: Peer, framing: string): void {
    this.#tell('onFraming', (observer) => observer.onFraming?.(listener, peer, framing));
  }

  onOperator(by: string, action: OperatorAction): void {
    this.#tell('onOperator', (observer) => observer.onOperator?.(by, action));
  }

  /** `onMessage` and `onReply` do not use it: they make nothing for a message. */
  #tell(event: keyof Observer, call: (observer: Observer) => void): void {
    for (const observer of this.#list) {
      try {
        call(observer);
      } catch (thrown) {
        this.#failed(observer, event, thrown);
      }
    }
  }

  #failed(failed: Observer, event: keyof Observer, thrown: unknown): void {
    const code = 'GW_ERR_INTERNAL';
    const observer = failed.constructor.name;
    const tell = (leftOut: number): void =>
      this.#log.warn({ observer, code, leftOut }, 'lines were left out: too many alike');
    if (this.#repeats.admits(`${observer} ${event}`, tell))
      this.#log.error(
        { observer, event, code, cause: causeCode(thrown), stack: stackOf(thrown) },
        'an observer failed: this is a defect in the gateway',
      );
  }
}
