// A client's request as the listener takes it: read once, checked for everything that two parsers could read in two
// ways (F49–F60), and as routes see it. Node.js's own strict parser has been before it.
import { type IncomingMessage, METHODS } from 'node:http';
import { Http2ServerRequest } from 'node:http2';
import { type Peer, type RequestView, sourceAddress } from '../../routing/message-view.ts';
import type { AddressRanges } from '../../src/addresses.ts';
import type { PathPolicy } from '../../src/config/config.ts';
import { GatewayError } from '../../src/errors.ts';
import { readCookie } from '../../src/http/cookie.ts';
import { fieldValue, lowerCase } from '../../src/http/fields.ts';
import { clientAddress, type Hop } from '../../src/http/forwarded.ts';
import { type Host, readHost } from '../../src/http/host.ts';
import { type RequestTarget, readTarget } from '../../src/http/request-target.ts';
import { randomUUID } from '../../src/platform/random.ts';

export type Incoming = IncomingMessage | Http2ServerRequest;

export interface RequestLimits {
  readonly maxHeaders: number;
  readonly trusted: AddressRanges;
  readonly path: PathPolicy;
  /** Of the listener. */
  readonly port: number;
  readonly secure: boolean;
}

/** What is read off the fields in one pass. */
interface Framing {
  host: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  expect: string | undefined;
  forwardedFor: string | undefined;
  hasTrailer: boolean;
}

/**
 * What Node.js's parser says that it takes over HTTP/1; it takes those of RTSP as well. Over HTTP/2 any token comes
 * through, and nodes may know more of them.
 */
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

export class ClientRequest implements RequestView {
  readonly incoming: Incoming;
  /** With the client's address. */
  readonly peer: Peer;
  readonly hop: Hop;
  readonly target: RequestTarget;
  readonly hostText: Host;
  readonly method: string;
  readonly isV2: boolean;
  /** Of the body; undefined: it is chunked, or in frames of HTTP/2 without a declared length or with trailers. */
  readonly contentLength: number | undefined;
  readonly hasBody: boolean;
  /** The client waits with its body for a 100 (Continue), as long as clients do. */
  readonly expectsContinue: boolean;
  #id: string | undefined;

  /** @throws GatewayError */
  constructor(incoming: Incoming, peer: Peer, limits: RequestLimits) {
    this.incoming = incoming;
    const raw = incoming.rawHeaders;
    if (raw.length > 2 * limits.maxHeaders) throw new GatewayError('GW_ERR_HTTP_HEADERS');
    const framing = readFraming(raw);
    this.method = incoming.method ?? '';
    const { httpVersion, url = '' } = incoming;
    const { contentLength, transferEncoding } = framing;
    // Not by its version: a request line of HTTP/1 may say anything.
    const v2 = incoming instanceof Http2ServerRequest ? incoming : undefined;
    this.isV2 = v2 !== undefined;
    if (!KNOWN_METHODS.has(this.method) || this.method === 'CONNECT')
      throw refusal('its method is not for a gateway');
    if (v2 === undefined) checkV1(httpVersion, framing);
    else checkV2(v2, framing);
    if (transferEncoding !== undefined) checkTransferEncoding(transferEncoding, contentLength, httpVersion);
    this.expectsContinue = isContinueExpected(framing.expect, httpVersion);
    if (contentLength !== undefined && !/^\d{1,15}$/.test(contentLength))
      throw refusal('its Content-Length is no number');
    // Behind a body with a length HTTP/1 has no trailers (RFC 9112 6.3), and HTTP/2 has.
    const isTold = contentLength !== undefined && !(this.isV2 && framing.hasTrailer);
    this.contentLength = isTold ? Number(contentLength) : undefined;
    this.hasBody =
      transferEncoding !== undefined ||
      (this.contentLength ?? 0) > 0 ||
      // HTTP/2 says by END_STREAM whether a body follows.
      (v2 !== undefined && !isTold && !v2.stream.endAfterHeaders);
    this.target = readTarget(url, limits.path);
    const pseudo = v2?.authority;
    const host = this.target.authority ?? (pseudo === '' ? undefined : pseudo) ?? framing.host;
    // HTTP/1.0 needs none; what the client connected to is what it meant.
    this.hostText = host === undefined || host === '' ? readHost(localName(incoming)) : readHost(host);
    const address = sourceAddress(peer.address);
    this.hop = {
      address,
      proto: limits.secure ? 'https' : 'http',
      host: this.hostText.text,
      port: limits.port,
    };
    const client = clientAddress(address, framing.forwardedFor, limits.trusted);
    this.peer = client === address ? peer : { ...peer, address: sourceAddress(client), port: 0 };
  }

  get host(): string {
    return this.hostText.name;
  }

  get path(): string {
    return this.target.path;
  }

  get secure(): boolean {
    return this.hop.proto === 'https';
  }

  /** The same for every field that names it; made when the first one does. */
  get id(): string {
    this.#id ??= randomUUID();
    return this.#id;
  }

  header(name: string): string | undefined {
    return fieldValue(this.incoming.rawHeaders, name);
  }

  cookie(name: string): string | undefined {
    return readCookie(this.header('cookie'), name);
  }
}

/** At the end of its body: over HTTP/2 one that was cut off ends as well, and to Node.js as if all were there. */
export function isWhole(incoming: Incoming): boolean {
  return incoming instanceof Http2ServerRequest ? !incoming.stream.aborted : incoming.complete;
}

function readFraming(raw: readonly string[]): Framing {
  const framing: Framing = {
    host: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    expect: undefined,
    forwardedFor: undefined,
    hasTrailer: false,
  };
  for (let i = 0; i < raw.length; i += 2) {
    const name = lowerCase(raw[i] as string);
    const value = raw[i + 1] as string;
    if (name === 'host') {
      // F52, RFC 9112 3.2. Node.js would take the first.
      if (framing.host !== undefined) throw refusal('it has two Host fields');
      framing.host = value;
    } else if (name === 'content-length') {
      if (framing.contentLength !== undefined) throw refusal('it has two Content-Length fields');
      framing.contentLength = value;
    } else if (name === 'transfer-encoding') {
      framing.transferEncoding = joined(framing.transferEncoding, value);
    } else if (name === 'expect') framing.expect = joined(framing.expect, value);
    else if (name === 'trailer') framing.hasTrailer = true;
    else if (name === 'x-forwarded-for') framing.forwardedFor = joined(framing.forwardedFor, value);
  }
  return framing;
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`;
}

/** F49. Node.js's parser knows more versions than there are of HTTP/1 (RFC 9112 2.3). */
function checkV1(version: string, { host }: Framing): void {
  if (version !== '1.1' && version !== '1.0') throw refusal('its version is none of HTTP/1');
  // RFC 9112 3.2. Node.js would answer by itself, and nobody would be told of it.
  if (host === undefined && version === '1.1') throw refusal('it has no Host');
}

/** RFC 9113 8.2.2, 8.3.1: what nghttp2 lets pass and a node could read in its own way. */
function checkV2({ authority }: Http2ServerRequest, { host, transferEncoding }: Framing): void {
  if (transferEncoding !== undefined) throw refusal('HTTP/2 has no Transfer-Encoding');
  const named = authority !== undefined && authority !== '';
  if (named && host !== undefined && host.toLowerCase() !== authority.toLowerCase())
    throw refusal('its Host differs from its :authority');
}

/** F62, RFC 9110 10.1.1: of HTTP/1.0 it is ignored. Node.js takes any value that has the words in it. */
function isContinueExpected(expect: string | undefined, version: string): boolean {
  if (expect === undefined || version === '1.0') return false;
  if (expect.toLowerCase() !== '100-continue') throw new GatewayError('GW_ERR_HTTP_EXPECT');
  return true;
}

/** RFC 9112 6.1. Anything but `chunked` alone is refused: what one reader takes for its end another does not. */
function checkTransferEncoding(value: string, contentLength: string | undefined, version: string): void {
  if (version === '1.0') throw refusal('HTTP/1.0 has no Transfer-Encoding');
  if (contentLength !== undefined) throw refusal('it has both Content-Length and Transfer-Encoding');
  const codings = value
    .toLowerCase()
    .split(',')
    .map((one) => one.trim());
  if (codings.length === 1 && codings[0] === 'chunked') return;
  const known = codings.slice(0, -1).every((one) => /^(gzip|x-gzip|deflate|compress|x-compress)$/.test(one));
  if (known && codings.length > 1 && codings.at(-1) === 'chunked')
    throw new GatewayError('GW_ERR_HTTP_ENCODING');
  throw refusal('its Transfer-Encoding does not end in one chunked');
}

function localName({ socket }: Incoming): string {
  const address = socket.localAddress ?? '';
  return `${address.includes(':') ? `[${address}]` : address}:${socket.localPort ?? 0}`;
}

function refusal(detail: string): GatewayError {
  return new GatewayError('GW_ERR_HTTP_REQUEST', { detail });
}
