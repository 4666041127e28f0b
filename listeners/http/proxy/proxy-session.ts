// One proxied request on its way: to a node, to another one where nothing was lost by it, and back. Streams both ways
// with back-pressure; what cannot be completed is broken off, never cut short (F62–F68).

import type { Socket } from 'node:net';
import { sourceAddress } from '../../../routing/message-view.ts';
import { asGatewayError, GatewayError } from '../../../src/errors.ts';
import { fieldValue, type HeaderFields } from '../../../src/http/fields.ts';
import { monotonicMs } from '../../../src/platform/time.ts';
import type { NodeChoice, ProxiedRequest } from '../../../src/relay/http-scheduler.ts';
import { mayTryAgain } from '../../../src/relay/retry.ts';
import type { DedicatedHandler } from '../../../src/upstream/http/dedicated-request.ts';
import type { RequestController } from '../../../src/upstream/http/node-request.ts';
import type { Node } from '../../../src/upstream/node.ts';
import { refuse } from '../client-response.ts';
import { LazyBody } from './lazy-body.ts';
import { NodeResponse } from './node-response.ts';
import type { ProxyRequest } from './proxy-request.ts';
import { withoutHop } from './route-actions.ts';
import type { Translation } from './translation.ts';

export class ProxySession implements DedicatedHandler {
  readonly #options: ProxyRequest;
  readonly #record: ProxiedRequest;
  readonly #body: Buffer | undefined;
  readonly #translate: (known: Translation | undefined) => Translation;
  readonly #answer: NodeResponse;
  readonly #startedAt = monotonicMs();
  #translation: Translation;
  readonly trailers = (): string[] => this.#translation.trailersToNode();
  #place: NodeChoice | undefined;
  #tried: Set<Node> | undefined;
  #controller: RequestController | undefined;
  #stream: LazyBody | undefined;
  #leaveQueue: (() => void) | undefined;
  #over = false;

  /**
   * `body`: bytes that can be sent again; undefined: it is streamed, if there is one. `translate`: what it is to a node, by the
   * config that is in force when it is asked.
   *
   * @throws GatewayError where it goes nowhere, or the rewritten path is none
   */
  constructor(
    options: ProxyRequest,
    record: ProxiedRequest,
    body: Buffer | undefined,
    translate: (known: Translation | undefined) => Translation,
  ) {
    const { request, response, writeTimeoutMs } = options;
    this.#options = options;
    this.#record = record;
    this.#body = body;
    this.#translate = translate;
    this.#translation = translate(undefined);
    this.#answer = new NodeResponse(request, response, writeTimeoutMs, () =>
      this.#fail(new GatewayError('GW_ERR_SENDER_NOT_READING')),
    );
    // F68. It also closes when all is well, and then this finds nothing to do.
    response.once('close', () => this.#onClientGone());
  }

  /** What no node has seen goes by the config that is in force now. */
  start(): void {
    if (this.#over) return;
    const { lastError } = this.#record;
    try {
      const translation = this.#translate(this.#translation);
      if (translation !== this.#translation) this.#tried = undefined;
      this.#translation = translation;
      const place = translation.pool.place(translation.binding, this.#tried);
      if (typeof place === 'object') this.#send(place);
      else if (place === 'none' && lastError !== undefined) this.#refuse(lastError);
      else this.#waitForNode();
    } catch (thrown) {
      this.#fail(asGatewayError(thrown));
    }
  }

  onRequestStart(controller: RequestController): void {
    if (this.#over) {
      controller.abort(new GatewayError('GW_ERR_HTTP_CUT'));
      return;
    }
    this.#controller = controller;
    this.#record.written();
  }

  onContinue(): void {
    this.#interim(100, []);
  }

  onResponseStart(_: RequestController, status: number, fields: HeaderFields, message = ''): void {
    const place = this.#place;
    if (this.#over || place === undefined) return;
    // F63. With what belongs to a switch a 101 comes as `onTunnel`, or as an error where nobody asked for one.
    if (status === 101) this.#refuseAnswer('HTTP 101 unasked for');
    // RFC 9110 15: three digits, the first from 1 to 5; llhttp takes 099.
    else if (status < 100) this.#refuseAnswer('its status is below 100');
    else if (status < 200) this.#interim(status, fields);
    else {
      this.#record.responded(status);
      this.#translation.learn(fields, place);
      try {
        const out = this.#translation.toClient(fields, place);
        this.#answer.start(status, message, out, lengthIn(fields), this.#options.mustClose());
      } catch (cause) {
        this.#refuseAnswer('its headers cannot be passed on', cause);
      }
    }
  }

  onResponseData(controller: RequestController, chunk: Buffer): void {
    if (this.#over) return;
    this.#record.responseBytes += chunk.length;
    this.#answer.data(controller, chunk);
  }

  onResponseEnd(_: RequestController, trailers: HeaderFields): void {
    const place = this.#place;
    if (this.#over || place === undefined) return;
    this.#record.endAttempt(undefined);
    this.#place = undefined;
    place.upstream.over('answered');
    this.#finish(undefined);
    try {
      this.#answer.end(this.#translation.trailersToClient(trailers));
    } catch {
      // F116: what stands behind a body may be what cannot be written; then it has no end that looks like one.
      this.#answer.breakOff();
    }
  }

  onResponseError(_: RequestController | undefined, thrown: Error): void {
    const place = this.#place;
    if (this.#over || place === undefined) return;
    const error = place.upstream.error(thrown, this.#controller !== undefined);
    // A body that was given to a connection ends with it; one that it never asked anything of can be given anew.
    const isWhole = !this.#answer.started && this.#stream?.started !== true;
    if (!isWhole || !mayTryAgain(this.#record, this.#translation.pool.config.retry, error)) {
      this.#fail(error, error.side === 'node');
      return;
    }
    this.#controller = undefined;
    this.#release(error, true);
    this.#tried = (this.#tried ?? new Set()).add(place.node);
    this.start();
  }

  onTunnel(_: number, fields: HeaderFields, socket: Socket, head: Buffer): void {
    const { tunnel } = this.#options;
    const record = this.#record;
    const place = this.#place;
    let out: string[] | undefined;
    try {
      out = place && this.#translation.toTunnel(fields, place);
    } catch (cause) {
      socket.destroy();
      this.#refuseAnswer('its headers cannot be passed on', cause);
      return;
    }
    if (this.#over || place === undefined || tunnel === undefined || out === undefined) {
      socket.destroy();
      this.#refuseAnswer('HTTP 101 unasked for');
      return;
    }
    record.responded(101);
    record.upgraded = true;
    record.endAttempt(undefined);
    // From here on the ends of the sockets are no errors.
    this.#place = undefined;
    const over = (): void => {
      place.upstream.over('answered');
      this.#finish(undefined);
    };
    if (socket.closed) over();
    else socket.once('close', over);
    tunnel(socket, head, out);
  }

  #interim(status: number, fields: HeaderFields): void {
    if (this.#over) return;
    try {
      this.#answer.interim(status, withoutHop(fields));
    } catch (cause) {
      this.#refuseAnswer('its interim responses cannot be passed on', cause);
    }
  }

  #send(place: NodeChoice): void {
    const { tunnel, request, bodyTimeoutMs } = this.#options;
    const record = this.#record;
    const body = this.#body;
    const switches = tunnel !== undefined;
    const isStreamed = body === undefined && request.hasBody;
    const waits = request.expectsContinue && isStreamed;
    this.#place = place;
    this.#stream = isStreamed ? new LazyBody(request.incoming, bodyTimeoutMs, record) : undefined;
    place.upstream.occupy();
    record.beginAttempt(place.node.name, place.selectionReason);
    const nodeRequest = {
      method: request.method,
      path: this.#translation.target,
      headers: this.#translation.toNode(place, body?.length ?? request.contentLength, waits, switches),
      body: this.#stream ?? (body === undefined || body.length === 0 ? null : body),
      timeoutMs: this.#translation.timeoutMs,
      clientAddress: sourceAddress(this.#translation.clientAddress),
    };
    if (switches || waits) place.upstream.dispatchAlone(nodeRequest, this);
    else place.upstream.dispatch(nodeRequest, this);
  }

  #waitForNode(): void {
    const record = this.#record;
    const { pool } = this.#translation;
    const since = monotonicMs();
    record.waits(since);
    const leftMs = this.#startedAt + pool.config.queue.timeoutMs - since;
    if (leftMs <= 0) {
      this.#refuse(record.lastError ?? new GatewayError('GW_ERR_QUEUE_TIMEOUT'));
      return;
    }
    this.#leaveQueue = pool.wait((queuedMs) => {
      this.#leaveQueue = undefined;
      record.wasQueued(queuedMs);
      this.start();
    }, leftMs);
    if (this.#leaveQueue === undefined) this.#refuse(new GatewayError('GW_ERR_QUEUE_FULL'));
  }

  /** What the node has answered cannot be its client's. */
  #refuseAnswer(detail: string, cause?: unknown): void {
    const node = this.#place?.node.name;
    this.#fail(new GatewayError('GW_ERR_NODE_RESPONSE', { node, detail, cause }), true);
  }

  /** `ofNode`: it says something of the node. */
  #fail(error: GatewayError, ofNode = false): void {
    if (this.#over) return;
    this.#release(error, ofNode);
    if (this.#answer.started) {
      this.#finish(error);
      this.#answer.breakOff();
    } else this.#refuse(error);
  }

  #refuse(error: GatewayError): void {
    const { request, response, mustClose } = this.#options;
    this.#finish(error);
    refuse(response, error, mustClose() || (request.hasBody && !request.incoming.complete));
  }

  #onClientGone(): void {
    // A tunnel has ends of its own.
    if (this.#over || this.#record.upgraded) return;
    const error = new GatewayError('GW_ERR_HTTP_CUT');
    this.#release(error, false);
    this.#finish(error);
  }

  /** The node is not needed any more. */
  #release(error: GatewayError, ofNode: boolean): void {
    const place = this.#place;
    if (place === undefined) return;
    this.#place = undefined;
    this.#record.endAttempt(error);
    place.upstream.over(ofNode ? error : undefined);
    this.#controller?.abort(error);
  }

  #finish(error: GatewayError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#answer.close();
    this.#leaveQueue?.();
    this.#record.settle(error);
    if (this.#body !== undefined) this.#record.requestBytes = this.#body.length;
    this.#options.over(this.#record);
  }
}

/** The connection has seen to it that there is one at most. */
function lengthIn(fields: HeaderFields): string | undefined {
  return fieldValue(fields, 'content-length');
}
