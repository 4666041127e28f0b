// Opens a connection to a node: TCP, TLS where asked for, and then a moment's watch that the node keeps it. Whatever
// fails here, no byte of a message was written.
import type net from 'node:net';
import { isIP, isIPv6 } from 'node:net';
import type tls from 'node:tls';
import { causeCode, GatewayError, isOutOfFiles } from '../errors.ts';
import { otherProtocol } from '../mllp/frame.ts';
import { closeGracefully } from '../mllp/graceful-close.ts';
import { readInto } from '../platform/client-source.ts';
import { platform } from '../platform/current.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../platform/time.ts';
import { isTlsSocket } from '../tls-kinds.ts';
import { afterLoopTime } from './loop-time.ts';
import type { SocketEnd } from './proxy-header.ts';

export interface DialOptions {
  /** The node's name, for errors. */
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** Undefined: plain TCP. Asked at each dial, so that new certificates are taken up. */
  readonly tls: DialTls | undefined;
  /** For TCP and TLS together. */
  readonly connectMs: number;
  /**
   * A node at its limit accepts and closes within milliseconds (F32; Mirth: 2 ms). A message written by then would be
   * ambiguous, so a fresh connection is watched for this long first. 0: not at all.
   */
  readonly settleMs: number;
  /** Where the connection comes from, an address of this machine; a name is looked up in its family. Undefined: the system picks one. */
  readonly source?: string | undefined;
  /** What the connection begins with, before a handshake (PROXY protocol). Called when it is there, with its other end. */
  readonly proxyHeader?: ((to: SocketEnd) => Buffer) | undefined;
  /** Instead of the socket's `data`: what is read goes there, past its stream. */
  readonly onread?: net.OnReadOpts;
  /** The connection comes from there: from the client whose messages it carries. Undefined: from this machine. */
  readonly from?: string | undefined;
}

export interface DialTls {
  readonly options: tls.ConnectionOptions;
  /** Why this peer is not to be used, its handshake done. */
  refusal(socket: tls.TLSSocket): string | undefined;
}

/** Peers behind firewalls that forget idle connections: well under the usual 5 to 60 minutes. */
const KEEP_ALIVE_MS = 30_000;

/** F100: each dial fails at once while there is no descriptor, and there may be one a moment later. */
const NO_DESCRIPTOR_MS = 200;

/** Calls one of `opened` and `failed`, once, never before it returns. The result aborts; then neither is called. */
export function dial(
  options: DialOptions,
  opened: (socket: net.Socket, connectMs: number) => void,
  failed: (error: GatewayError) => void,
): () => void {
  const { node, host, port, source, from, onread } = options;
  const startedAt = monotonicMs();
  const ownAddress = source && { localAddress: source, family: isIP(source) };
  const to = { host, port, ...ownAddress, ...(from !== undefined && { from }), ...(onread && { onread }) };
  const socket = connect(to, options.tls, options.proxyHeader);
  let accepted = false;
  let settling = false;
  let endWatch: (() => void) | undefined;
  let connectMs = 0;
  let error: Error | undefined;

  let timer = setTimeout(() => {
    leave();
    socket.destroy();
    failed(
      new GatewayError('GW_ERR_NODE_CONNECT_TIMEOUT', {
        node,
        detail: accepted ? 'TLS handshake' : undefined,
      }),
    );
  }, options.connectMs);

  const onAccepted = (): void => {
    accepted = true;
  };
  const onReady = (): void => {
    const refused = isTlsSocket(socket) ? options.tls?.refusal(socket) : undefined;
    if (refused !== undefined) {
      leave();
      socket.destroy();
      failed(new GatewayError('GW_ERR_NODE_TLS', { node, detail: refused }));
      return;
    }
    connectMs = monotonicMs() - startedAt;
    settling = true;
    clearTimeout(timer);
    if (options.settleMs === 0) finish();
    else endWatch = afterLoopTime(options.settleMs, finish);
  };
  const onError = (thrown: Error): void => {
    error = thrown;
    fail();
  };
  // Nothing has been asked yet, so nothing that comes is an answer (F38). But it may say that it is no MLLP node (F99).
  const onData = (chunk: Buffer): void => {
    const other = otherProtocol(chunk);
    if (!settling || other === undefined || options.settleMs === 0) return;
    leave();
    closeGracefully(socket);
    failed(new GatewayError('GW_ERR_NODE_CONNECT', { node, detail: `it looks like ${other}` }));
  };
  const ready = options.tls === undefined ? 'connect' : 'secureConnect';

  function leave(): void {
    clearTimeout(timer);
    endWatch?.();
    socket.off('connect', onAccepted).off(ready, onReady).off('error', onError);
    socket.off('data', onData).off('end', fail).off('close', fail);
    // Whatever still goes wrong with it is of no interest, but must have a listener.
    socket.on('error', () => {});
  }
  function finish(): void {
    leave();
    opened(socket, connectMs);
  }
  function fail(): void {
    leave();
    const dialled =
      clientSourceError(options, accepted, error) ??
      dialError(options, accepted, settling, options.tls !== undefined, socket.bytesRead, error);
    closeGracefully(socket);
    if (dialled.code !== 'GW_ERR_OPEN_FILES') failed(dialled);
    else timer = setTimeout(failed, NO_DESCRIPTOR_MS, dialled);
  }

  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.once('connect', onAccepted).once(ready, onReady).once('error', onError);
  socket.on('data', onData).once('end', fail).once('close', fail);
  return () => {
    leave();
    if (socket.destroyed) return;
    // One that is not there yet can be ended only once it is, and must not outlive the gateway by more than this.
    if (!settling) {
      timer = setTimeout(() => socket.destroy(), options.connectMs);
      socket.once('close', () => clearTimeout(timer));
    }
    closeGracefully(socket);
  };
}

/** Of a connection that could not come from its client's address, which is no fault of the node. Undefined: it could. */
function clientSourceError(
  { node, host, from }: DialOptions,
  accepted: boolean,
  cause: Error | undefined,
): GatewayError | undefined {
  if (from === undefined || accepted || cause === undefined) return undefined;
  const code = causeCode(cause);
  const [client, other] = isIPv6(from) ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6'];
  // A name that has addresses, none of them in the client's family, is not found in that.
  const isFamily = isIP(host) === 0 ? code === 'ENOTFOUND' : isIP(host) !== isIP(from);
  if (!isFamily && !SOURCE_ERRORS.has(code)) return undefined;
  const detail = isFamily
    ? `the client's address is of ${client}, and the node has one of ${other} alone`
    : code;
  return new GatewayError('GW_ERR_CLIENT_SOURCE', { node, detail, cause });
}

/** Of `bind` and what comes before it; and where no port is left for this client and node. */
const SOURCE_ERRORS = new Set([
  'EPERM',
  'EACCES',
  'EINVAL',
  'ENOSYS',
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  'ENOPROTOOPT',
]);

/** The header goes before whatever else is written, a handshake's first byte too. */
function connect(
  to: net.TcpNetConnectOpts,
  dialTls: DialTls | undefined,
  header: DialOptions['proxyHeader'],
): net.Socket {
  if (header === undefined && dialTls !== undefined)
    return platform.connectTls({ ...dialTls.options, ...to });
  const { onread, ...plain } = to;
  const raw = platform.connect(dialTls === undefined ? to : plain);
  if (header !== undefined)
    raw.once('connect', () =>
      raw.write(header({ address: raw.remoteAddress ?? '', port: raw.remotePort ?? 0 })),
    );
  if (dialTls === undefined) return raw;
  const socket = platform.connectTls({
    ...dialTls.options,
    ...(to.host !== undefined && { host: to.host }),
    socket: raw,
  });
  if (onread !== undefined) readInto(onread, socket);
  return socket;
}

/** Something is there and takes no connection; `ECONNRESET`: it stopped to while this one waited for it. */
export function isRefused({ code, detail }: GatewayError): boolean {
  return code === 'GW_ERR_NODE_CONNECT' && (detail === 'ECONNREFUSED' || detail === 'ECONNRESET');
}

function dialError(
  { node, source }: DialOptions,
  accepted: boolean,
  settling: boolean,
  secured: boolean,
  bytesRead: number,
  error: Error | undefined,
): GatewayError {
  const detail = error === undefined ? undefined : causeCode(error);
  if (detail !== undefined && isOutOfFiles(detail))
    return new GatewayError('GW_ERR_OPEN_FILES', { node, detail, cause: error });
  if (!accepted) {
    const isOfSource = (error as NodeJS.ErrnoException | undefined)?.syscall === 'bind';
    const words = isOfSource ? `${detail}: cannot come from ${source}` : detail;
    return new GatewayError('GW_ERR_NODE_CONNECT', { node, detail: words, cause: error });
  }
  const hungUp = detail === undefined || detail === 'ECONNRESET' || detail === 'EPIPE';
  // Accepted and closed, before a handshake's first byte or after its last: full. Any other end of a handshake is TLS's
  // doing; a node that refuses the gateway's certificate says so after its own part of a TLS 1.3 handshake.
  if (hungUp && (settling || bytesRead === 0)) {
    // Some nodes refuse a certificate without a word, after the handshake; that looks the same.
    const words = settling && secured ? 'closed right after the TLS handshake' : undefined;
    return new GatewayError('GW_ERR_NODE_FULL', { node, detail: words });
  }
  return new GatewayError('GW_ERR_NODE_TLS', { node, detail, cause: error });
}
