// A request to a node on a connection of its own, for what undici's pool does not do: upgrades, and requests that wait
// for the node's 100 (Continue). Speaks to the same handler as the pool does.
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { GatewayError } from '../errors.ts';
import type { NodeRequest } from './node-request.ts';
import type { NodeResponseHandler } from './pooled-client.ts';

export interface LoneHandler extends NodeResponseHandler {
  /** The node switched protocols; `head` is what it has said already in the new one. */
  onTunnel(status: number, headers: Record<string, string | string[]>, socket: Socket, head: Buffer): void;
}

/** `socket`: connected, and closed at the end. @throws TypeError where the request cannot be written */
export function sendAlone(
  socket: Socket,
  request: NodeRequest,
  timeoutMs: number,
  maxHeaderSize: number,
  handler: LoneHandler,
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
  handler.onRequestStart?.(controller, undefined);
  const timer = setTimeout(() => controller.abort(new GatewayError('GW_ERR_ACK_TIMEOUT')), timeoutMs);
  outgoing.on('continue', () => handler.onContinue?.());
  outgoing.on('information', ({ statusCode, headers: fields, statusMessage }) => {
    if (statusCode > 100) handler.onResponseStart?.(controller, statusCode, plain(fields), statusMessage);
  });
  outgoing.on('upgrade', (response, tunnel, head) => {
    clearTimeout(timer);
    handler.onTunnel(
      response.statusCode ?? 101,
      plain(response.headersDistinct),
      tunnel as Socket,
      head as Buffer,
    );
  });
  outgoing.on('response', (response) => {
    clearTimeout(timer);
    controller.response = response;
    response.setTimeout(timeoutMs, () => controller.abort(new GatewayError('GW_ERR_ACK_TIMEOUT')));
    handler.onResponseStart?.(
      controller,
      response.statusCode ?? 0,
      plain(response.headersDistinct),
      response.statusMessage ?? '',
    );
    response.on('data', (chunk: Buffer) => handler.onResponseData?.(controller, chunk));
    response.on('end', () => {
      if (response.complete) handler.onResponseEnd?.(controller, plain(response.trailersDistinct));
    });
    response.on('error', (error) => controller.fail(error, handler));
  });
  outgoing.on('error', (error) => {
    clearTimeout(timer);
    controller.fail(error, handler);
  });
  if (body === null) outgoing.end();
  else if (Buffer.isBuffer(body)) outgoing.end(body);
  else {
    // Nobody else listens to it: a client that goes away in the middle of it must end this request and nothing more.
    body.on('error', (error) => controller.abort(error));
    outgoing.once('close', () => body.destroy());
    // Before the end of the body ends the request.
    body.once('end', () => outgoing.addTrailers(inPairs(handler.trailers?.() ?? [])));
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

/** Header values as lists are what undici gives for repeated ones; single ones are single. */
function plain(fields: NodeJS.Dict<string | string[] | number>): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    out[name] = Array.isArray(value) ? (value.length === 1 ? (value[0] as string) : value) : String(value);
  }
  return out;
}

class LoneController implements Dispatcher.DispatchController {
  readonly #request: ClientRequest;
  response: IncomingMessage | undefined;
  #reason: Error | null = null;
  #failed = false;

  constructor(request: ClientRequest) {
    this.#request = request;
  }

  get aborted(): boolean {
    return this.#reason !== null;
  }

  get paused(): boolean {
    return this.response?.isPaused() ?? false;
  }

  get reason(): Error | null {
    return this.#reason;
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

  /** Request and response may both report the same end. */
  fail(error: Error, handler: Dispatcher.DispatchHandler): void {
    if (this.#failed) return;
    this.#failed = true;
    handler.onResponseError?.(this, this.#reason ?? error);
  }
}
