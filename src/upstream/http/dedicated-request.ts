// A request to a node on a connection of its own, for what the pool's connections do not do: upgrades, and requests that wait
// for the node's 100 (Continue). Speaks to the same handler as they do.
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type InformationEvent,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asGatewayError, GatewayError } from '../../errors.ts';
import { type HeaderFields, lowerCase } from '../../http/fields.ts';
import { ResponseError } from '../../http/head-scanner.ts';
import { isAmbiguous } from '../../http/response-head.ts';
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import type { NodeRequest, NodeResponseHandler, RequestController } from './node-request.ts';

export interface DedicatedHandler extends NodeResponseHandler {
  /** The node switched protocols; `head` is what it has said already in the new one. */
  onTunnel(status: number, fields: HeaderFields, socket: Socket, head: Buffer): void;
}

/** `socket`: connected, and closed at the end. @throws TypeError where the request cannot be written */
export function sendAlone(
  socket: Socket,
  request: NodeRequest,
  timeoutMs: number,
  maxHeaderSize: number,
  handler: DedicatedHandler,
): void {
  const { method, path, body } = request;
  const outgoing = httpRequest({
    createConnection: () => socket,
    method,
    path,
    headers: framed(request),
    setHost: false,
    maxHeaderSize,
    insecureHTTPParser: false,
  });
  const controller = new LoneController(outgoing);
  const guard = controller.guard(handler);
  const onError = guard((error: Error) => {
    clearTimeout(timer);
    controller.fail(error, handler);
  });
  const onContinue = guard(() => handler.onContinue?.());
  const onInterim = guard(({ statusCode, rawHeaders, statusMessage }: InformationEvent) => {
    if (statusCode > 100)
      handler.onResponseStart(controller, statusCode, fieldsOf(rawHeaders), statusMessage);
  });
  const onUpgrade = guard(({ statusCode, rawHeaders }: IncomingMessage, tunnel: Duplex, head: Buffer) => {
    clearTimeout(timer);
    handler.onTunnel(statusCode ?? 101, fieldsOf(rawHeaders), tunnel as Socket, head);
  });
  const onResponse = guard((response: IncomingMessage) => {
    clearTimeout(timer);
    controller.response = response;
    const onData = guard((chunk: Buffer) => handler.onResponseData(controller, chunk));
    const onEnd = guard(() => {
      if (response.complete) handler.onResponseEnd(controller, fieldsOf(response.rawTrailers));
    });
    response.setTimeout(timeoutMs, () => controller.abort(new GatewayError('GW_ERR_ACK_TIMEOUT')));
    response
      .on('error', (error) => controller.fail(error, handler))
      .on('data', onData)
      .on('end', onEnd);
    const { statusCode = 0, rawHeaders, statusMessage = '' } = response;
    if (isAmbiguouslyFramed(response)) {
      const error = new ResponseError('its framing is ambiguous');
      controller.abort(error);
      controller.fail(error, handler);
      return;
    }
    handler.onResponseStart(controller, statusCode, fieldsOf(rawHeaders), statusMessage);
  });
  const timer = setTimeout(() => controller.abort(new GatewayError('GW_ERR_ACK_TIMEOUT')), timeoutMs);
  outgoing.on('error', onError).on('continue', onContinue).on('information', onInterim);
  outgoing.on('upgrade', onUpgrade).on('response', onResponse);
  handler.onRequestStart(controller);
  if (body === null) outgoing.end();
  else if (Buffer.isBuffer(body)) outgoing.end(body);
  else {
    // Nobody else listens to it: a client that goes away in the middle of it must end this request and nothing more.
    body.on('error', (error) => controller.abort(error));
    outgoing.once('close', () => body.destroy());
    // Before the end of the body ends the request.
    const onBodyEnd = guard(() => outgoing.addTrailers(inPairs(handler.trailers?.() ?? [])));
    body.once('end', onBodyEnd);
    body.pipe(outgoing);
  }
}

/** The fields with what the pool would have added: F57, no body may follow a head that does not announce it. */
function framed({ headers, body }: NodeRequest): string[] {
  const out = [...headers, 'connection', has(headers, 'upgrade') ? 'upgrade' : 'close'];
  if (body !== null && !has(headers, 'content-length')) out.push('transfer-encoding', 'chunked');
  return out;
}

function inPairs(fields: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) pairs.push([fields[i] as string, fields[i + 1] as string]);
  return pairs;
}

function has(headers: readonly string[], field: string): boolean {
  return headers.some((name, i) => i % 2 === 0 && name === field);
}

/** As a connection of the pool gives them. */
function fieldsOf(raw: readonly string[]): HeaderFields {
  return raw.map((text, i) => (i % 2 === 0 ? lowerCase(text) : text));
}

function isAmbiguouslyFramed({ headersDistinct, httpVersion }: IncomingMessage): boolean {
  const coding = headersDistinct['transfer-encoding']?.join(',');
  return isAmbiguous(coding, headersDistinct['content-length']?.join(','), httpVersion !== '1.1');
}

class LoneController implements RequestController {
  readonly #request: ClientRequest;
  response: IncomingMessage | undefined;
  #reason: Error | null = null;
  #failed = false;

  constructor(request: ClientRequest) {
    this.#request = request;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#request.destroy(reason);
  }

  pause(): void {
    this.response?.pause();
  }

  resume(): void {
    this.response?.resume();
  }

  /**
   * F116: what is thrown in a callback of Node.js would end the process; so it ends this request, and its connection. A
   * tunnel's sockets are no request's any more.
   */
  guard(
    handler: NodeResponseHandler,
  ): <Args extends unknown[]>(step: (...args: Args) => void) => (...args: Args) => void {
    return (step) =>
      (...args) => {
        try {
          step(...args);
        } catch (thrown) {
          const error = asGatewayError(thrown);
          this.abort(error);
          this.fail(error, handler);
        }
      };
  }

  /** Request and response may both report the same end. */
  fail(error: Error, handler: NodeResponseHandler): void {
    if (this.#failed) return;
    this.#failed = true;
    handler.onResponseError(this, this.#reason ?? error);
  }
}
