// A node's response on its way to the client: interim ones, its head, its body with back-pressure, its trailers.
// What cannot be completed is broken off, never cut short (F66).
import { ServerResponse } from 'node:http';
import type { HeaderFields } from '../../../src/http/fields.ts';
import { clearTimeout, setTimeout } from '../../../src/platform/time.ts';
import { TurnEnd } from '../../../src/turn.ts';
import type { RequestController } from '../../../src/upstream/http/node-request.ts';
import type { ClientRequest } from '../client-request.ts';
import {
  type AnyServerResponse,
  breakOff,
  closeBehind,
  endWith,
  MAX_JOINED_BYTES,
  relayInterim,
  startResponse,
  writeTo,
} from '../client-response.ts';
import { spend } from '../spent-buffers.ts';
import type { Trailers } from './route-actions.ts';

/** A node says "still working" with some of these; one that says nothing else would hold its client for good. */
const MAX_INTERIMS = 100;

/** Those whose head was written in this turn of the event loop. */
const begun = new TurnEnd<NodeResponse>();

export class NodeResponse {
  readonly #request: ClientRequest;
  readonly #response: AnyServerResponse;
  readonly #readMs: number;
  readonly #onStuck: () => void;
  #interims = 0;
  /** Of the body, as its Content-Length says; -1 if it does not. */
  #wholeBytes = -1;
  #whole: Buffer | undefined;
  #paused: RequestController | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Its head was written: another one cannot be. */
  started = false;

  /** `onStuck`: F69, the client has read nothing for `readMs`. */
  constructor(request: ClientRequest, response: AnyServerResponse, readMs: number, onStuck: () => void) {
    this.#request = request;
    this.#response = response;
    this.#readMs = readMs;
    this.#onStuck = onStuck;
  }

  /** @throws Error where it cannot be passed on */
  interim(status: number, fields: HeaderFields): void {
    if (++this.#interims > MAX_INTERIMS) throw new RangeError('too many interim responses');
    relayInterim(this.#response, status, fields);
  }

  /** @throws Error where its head cannot be passed on */
  start(
    status: number,
    message: string,
    fields: HeaderFields,
    length: string | undefined,
    close: boolean,
  ): void {
    const { incoming, hasBody } = this.#request;
    // F67: what the client still sends would be taken for its next request.
    if (close || (hasBody && !incoming.complete)) closeBehind(this.#response, fields);
    if (status === 204) drop(fields, 'content-length');
    else if (length !== undefined && LEADING_ZERO.test(length)) shorten(fields, 'content-length');
    if (!this.#mayTrail(status, length)) drop(fields, 'trailer');
    startResponse(this.#response, status, message, fields);
    this.started = true;
    this.#wholeBytes = Number(length ?? -1);
    // The head goes out with what follows in this turn; without anything it goes alone.
    begun.add(this);
  }

  data(controller: RequestController, chunk: Buffer): void {
    spend(chunk.length);
    // The whole body in one piece: its end follows in this same turn, and both go out in one write.
    if (chunk.length === this.#wholeBytes && chunk.length <= MAX_JOINED_BYTES) {
      this.#whole = chunk;
      return;
    }
    if (writeTo(this.#response, chunk)) return;
    controller.pause();
    if (this.#paused !== undefined) return;
    this.#paused = controller;
    if (this.#timer === undefined) {
      this.#response.on('drain', this.#onDrain);
      this.#timer = setTimeout(this.#onSilence, this.#readMs);
    } else this.#timer.refresh();
  }

  end(trailers: Trailers | undefined): void {
    if (trailers !== undefined) this.#response.addTrailers(trailers);
    endWith(this.#response, this.#whole, this.#readMs);
  }

  breakOff(): void {
    breakOff(this.#response);
  }

  /** Nothing comes any more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  readonly #onDrain = (): void => {
    const controller = this.#paused;
    this.#paused = undefined;
    controller?.resume();
  };

  readonly #onSilence = (): void => {
    if (this.#paused !== undefined) this.#onStuck();
  };

  /** RFC 9112 6.5: over HTTP/1 behind a chunked body only, and Node.js throws at a Trailer field anywhere else. */
  #mayTrail(status: number, length: string | undefined): boolean {
    const { incoming, method } = this.#request;
    if (incoming.httpVersionMajor !== 1) return true;
    const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
    return incoming.httpVersion !== '1.0' && length === undefined && hasBody;
  }

  /** At the end of the turn that began it, where it has not ended by then. */
  flush(): void {
    const response = this.#response;
    if (this.#whole === undefined && response instanceof ServerResponse && !response.writableEnded)
      response.flushHeaders();
  }
}

/** Allowed by RFC 9110 8.6, and read as octal, or refused, by some. */
const LEADING_ZERO = /^0\d/;

function shorten(fields: HeaderFields, name: string): void {
  for (let i = 0; i < fields.length; i += 2)
    if (fields[i] === name) fields[i + 1] = String(fields[i + 1]).replace(/^0+(?=\d)/, '');
}

/** `content-length`, RFC 9110 8.6: a 204 has none. That of a 304 says what a 200 would have had. */
function drop(fields: HeaderFields, name: string): void {
  for (let i = fields.length - 2; i >= 0; i -= 2) if (fields[i] === name) fields.splice(i, 2);
}
