// What Node.js has below its sockets, and says nothing of in its documentation: handles of libuv that read into memory of
// ours and write without a stream. Promises that what is not exactly as expected is not used.
import type { Socket } from 'node:net';

/** A TCP connection, or a TLS session on one. */
export interface Handle {
  onread: (this: unknown, bytes?: ArrayBuffer) => unknown;
  reading: boolean;
  readStart(): number;
  readStop(): number;
  /** Reads go there from now on; `onread` tells how much has come, before the next one. */
  useUserBuffer(buffer: Uint8Array): void;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  writev(request: WriteRequest, parts: readonly Uint8Array[], allBuffers: true): number;
}

/** Has to be kept, with the bytes, until `oncomplete`; of a write that is done at once that is never called. */
export interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number, handle: unknown, error?: Error) => void;
  /** Keeps them from being collected. */
  bytes?: readonly Uint8Array[] | Uint8Array | undefined;
}

interface Binding {
  readonly WriteWrap: new () => WriteRequest;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
  readonly streamBaseState: Int32Array;
}

/** Those with which all of this was tested. */
const MAJORS = { first: 24, last: 26 };

const METHODS = ['readStart', 'readStop', 'useUserBuffer', 'writeBuffer', 'writev'] as const;

const found = lookUp();

/** Undefined: handles are used. Else why they are not. */
export const handlesRefusedFor: string | undefined = typeof found === 'string' ? found : undefined;

export const binding: Binding | undefined = typeof found === 'string' ? undefined : found;

function lookUp(): Binding | string {
  const major = Number.parseInt(process.versions.node, 10);
  if (!(major >= MAJORS.first && major <= MAJORS.last)) return `not tested with Node.js ${major}`;
  if (process.env.HL7_GATEWAY_WIRE === 'streams') return 'HL7_GATEWAY_WIRE=streams';
  try {
    const ask: unknown = Reflect.get(process, 'binding');
    if (typeof ask !== 'function') return 'process.binding is missing';
    const wrap: unknown = Reflect.apply(ask, process, ['stream_wrap']);
    return isBinding(wrap) ? wrap : 'stream_wrap is not as expected';
  } catch (thrown) {
    return `stream_wrap: ${thrown instanceof Error ? thrown.name : 'failed'}`;
  }
}

function isBinding(wrap: unknown): wrap is Binding {
  if (typeof wrap !== 'object' || wrap === null) return false;
  const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = wrap as Record<
    string,
    unknown
  >;
  if (typeof WriteWrap !== 'function' || !(streamBaseState instanceof Int32Array)) return false;
  const isIndex = (at: unknown): boolean => Number.isInteger(at) && (at as number) < streamBaseState.length;
  return isIndex(kReadBytesOrError) && isIndex(kLastWriteWasAsync);
}

/** What is below a socket, whatever that is; undefined: nothing any more. */
export function belowOf(socket: Socket): object | undefined {
  const below: unknown = Reflect.get(socket, '_handle');
  return typeof below === 'object' && below !== null ? below : undefined;
}

/** Ends a connection whose socket Node.js has taken it from; one that is closed already stays so. */
export function closeBelow(below: object | undefined): void {
  const close: unknown = below && Reflect.get(below, 'close');
  if (typeof close === 'function') close.call(below);
}

/** Undefined: the socket has none that is as expected. */
export function handleOf(socket: Socket): Handle | undefined {
  const handle = belowOf(socket);
  if (handle === undefined) return undefined;
  for (const method of METHODS) if (typeof Reflect.get(handle, method) !== 'function') return undefined;
  if (typeof Reflect.get(handle, 'onread') !== 'function') return undefined;
  return typeof Reflect.get(socket, '_unrefTimer') === 'function' ? (handle as Handle) : undefined;
}

/** Its timeout counts from now, as after a read or a write of its own. */
export function touch(socket: Socket): void {
  if (socket.timeout === undefined || socket.timeout === 0) return;
  (socket as Socket & { _unrefTimer(): void })._unrefTimer();
}
